//! Lines of JSON in files of bounded size. Who writes one never waits for the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Lines that wait for the disk; further ones are counted and dropped.
const QUEUE: usize = 4096;
/// The longest line, in bytes; what is longer is dropped as well.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// Bytes that are written in a second. A flood must not wear out a disk.
const MAX_BYTES_PER_SECOND: u64 = 4 * 1024 * 1024;
/// How long the end of the program waits for the last lines.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How much a journal keeps.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// A file that has grown to this size gets a number, and another one begins.
    pub file_bytes: u64,
    /// Files, the present one included; the oldest goes.
    pub files: u32,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            file_bytes: 16 * 1024 * 1024,
            files: 4,
        }
    }
}

/// A file that lines are added to, and its predecessors.
#[derive(Debug)]
pub struct Journal {
    lines: mpsc::SyncSender<Line>,
    lost: Arc<AtomicU64>,
    path: PathBuf,
}

enum Line {
    Text(String),
    /// Says so when all lines before it are written.
    Flush(mpsc::Sender<()>),
}

impl Journal {
    /// Begins or goes on with a journal. Its folder is made with its first line.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn open(path: &Path, options: JournalOptions) -> io::Result<Self> {
        let (lines, queue) = mpsc::sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let mut writer = Writer {
            path: path.to_owned(),
            options,
            file: None,
            written: 0,
            lost: Arc::clone(&lost),
            second: (Instant::now(), 0),
            has_failed: false,
        };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&queue))?;
        Ok(Self {
            lines,
            lost,
            path: path.to_owned(),
        })
    }

    /// Where its lines are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line, which has to be JSON without a line break.
    pub fn write(&self, line: String) {
        let fits = line.len() <= MAX_LINE_BYTES && !line.contains('\n');
        if !fits || self.lines.try_send(Line::Text(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for the lines so far, for a while.
    pub fn flush(&self) {
        let (done, told) = mpsc::channel();
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let mut line = Line::Flush(done);
        while let Err(mpsc::TrySendError::Full(back)) = self.lines.try_send(line) {
            if Instant::now() > deadline {
                return;
            }
            line = back;
            std::thread::yield_now();
        }
        // Without an answer the thread is gone, or the disk does not do what it should.
        let _ = told.recv_timeout(CLOSE_TIMEOUT);
    }
}

/// The files of a journal that are there, oldest first.
#[must_use]
pub fn files(path: &Path, options: JournalOptions) -> Vec<PathBuf> {
    let numbered = (1..options.files)
        .rev()
        .map(|number| numbered(path, number));
    let all = numbered.chain([path.to_owned()]);
    all.filter(|path| path.is_file()).collect()
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("{number}.jsonl"))
}

struct Writer {
    path: PathBuf,
    options: JournalOptions,
    file: Option<BufWriter<File>>,
    /// The size of the present file.
    written: u64,
    lost: Arc<AtomicU64>,
    /// When a second began, and the bytes written since.
    second: (Instant, u64),
    has_failed: bool,
}

impl Writer {
    fn run(&mut self, queue: &mpsc::Receiver<Line>) {
        while let Ok(first) = queue.recv() {
            let mut next = Some(first);
            while let Some(line) = next {
                match line {
                    Line::Text(text) => self.line(&text),
                    Line::Flush(done) => {
                        self.flush();
                        let _ = done.send(());
                    }
                }
                next = queue.try_recv().ok();
            }
            self.flush();
        }
    }

    fn line(&mut self, text: &str) {
        if self.second.0.elapsed() >= Duration::from_secs(1) {
            self.second = (Instant::now(), 0);
        }
        if self.second.1 >= MAX_BYTES_PER_SECOND {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            self.append(&format!("{{\"kind\":\"dropped\",\"lines\":{lost}}}"));
        }
        self.append(text);
    }

    fn append(&mut self, text: &str) {
        self.second.1 += text.len() as u64 + 1;
        let outcome = self.try_append(text);
        self.tell(outcome);
    }

    fn try_append(&mut self, text: &str) -> io::Result<()> {
        if self.file.is_some() && self.written >= self.options.file_bytes {
            self.rotate()?;
        }
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut options = OpenOptions::new();
            // What workers do is for their operator to know.
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.create(true).append(true).open(&self.path)?;
            self.written = file.metadata()?.len();
            self.file = Some(BufWriter::new(file));
        }
        if let Some(file) = &mut self.file {
            writeln!(file, "{text}")?;
            self.written += text.len() as u64 + 1;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.flush()?;
        }
        let most = self.options.files.max(2) - 1;
        for number in (1..most).rev() {
            let from = numbered(&self.path, number);
            if from.exists() {
                std::fs::rename(from, numbered(&self.path, number + 1))?;
            }
        }
        std::fs::rename(&self.path, numbered(&self.path, 1))
    }

    fn flush(&mut self) {
        let outcome = self.file.as_mut().map_or(Ok(()), BufWriter::flush);
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.file = None;
            self.lost.fetch_add(1, Ordering::Relaxed);
            if !std::mem::replace(&mut self.has_failed, true) {
                tracing::error!(path = %self.path.display(), %error, "lines of a journal are lost");
            }
        } else {
            self.has_failed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("atoll-journal-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn files_are_bounded_and_the_oldest_goes() {
        let folder = folder("rotation");
        let path = folder.join("audit.jsonl");
        let options = JournalOptions {
            file_bytes: 1000,
            files: 3,
        };
        let journal = Journal::open(&path, options).expect("a thread");
        for index in 0..400 {
            journal.write(format!("{{\"index\":{index}}}"));
        }
        journal.flush();
        let files = files(&path, options);
        assert_eq!(files.len(), 3);
        let text: String = files
            .iter()
            .map(|file| std::fs::read_to_string(file).expect("a file"))
            .collect();
        assert!(text.len() < 3 * 1100, "{}", text.len());
        let last = text.lines().last();
        assert_eq!(last, Some("{\"index\":399}"));
        assert!(std::fs::read_dir(&folder).expect("the folder").count() == 3);
        std::fs::remove_dir_all(folder).expect("to clean up");
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let folder = folder("flood");
        let path = folder.join("audit.jsonl");
        let options = JournalOptions::default();
        let journal = Journal::open(&path, options).expect("a thread");
        let line = format!("\"{}\"", "x".repeat(60 * 1024));
        for _ in 0..4 * QUEUE {
            journal.write(line.clone());
        }
        journal.flush();
        let size: u64 = files(&path, options)
            .iter()
            .map(|file| std::fs::metadata(file).expect("a file").len())
            .sum();
        assert!(
            size <= options.file_bytes * u64::from(options.files) + 1_000_000,
            "{size}"
        );
        assert!(journal.lost.load(Ordering::Relaxed) > 0);
        std::fs::remove_dir_all(folder).expect("to clean up");
    }
}
