//! Lines that threads of their own write down. A server must not wait for whoever reads what it says, or does not.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use owo_colors::OwoColorize as _;

/// What waits to be written to one stream. What does not fit is counted, until half of this is free.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// Lines that are written together: as many as a pipe takes whole.
const WRITE_BYTES: usize = 4096;
/// A stream that has taken nothing for so long no longer has the other one wait for its turn.
const STUCK: Duration = Duration::from_millis(100);
/// How long the end of the program waits for the last lines.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a stream that does not block is given to take more.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Errors,
}

impl Stream {
    fn other(self) -> Self {
        match self {
            Self::Output => Self::Errors,
            Self::Errors => Self::Output,
        }
    }

    /// A descriptor of its own, so that nobody else's lock is held while it is written to.
    fn open(self) -> io::Result<File> {
        let descriptor = match self {
            Self::Output => io::stdout().as_fd().try_clone_to_owned(),
            Self::Errors => io::stderr().as_fd().try_clone_to_owned(),
        };
        Ok(File::from(descriptor?))
    }
}

/// What is to be written to one stream.
#[derive(Debug, Default)]
struct Queue {
    /// Each with its turn among the lines of both streams.
    lines: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
    /// The turn of what is being written, and since when.
    writing: Option<(u64, Instant)>,
    is_full: bool,
    /// Lines that did not fit and that nobody was told of.
    lost: u64,
}

impl Queue {
    /// The turn of its first line that is not written yet.
    fn oldest(&self) -> Option<u64> {
        let queued = self.lines.front().map(|(turn, _)| *turn);
        self.writing.map(|(turn, _)| turn).or(queued)
    }

    fn is_stuck(&self) -> bool {
        self.writing
            .is_some_and(|(_, since)| since.elapsed() >= STUCK)
    }
}

#[derive(Debug, Default)]
struct Queues {
    output: Queue,
    errors: Queue,
    next_turn: u64,
}

impl Queues {
    fn of(&mut self, stream: Stream) -> &mut Queue {
        match stream {
            Stream::Output => &mut self.output,
            Stream::Errors => &mut self.errors,
        }
    }

    /// Whether its thread has to be woken for it.
    fn add(&mut self, stream: Stream, line: Vec<u8>) -> bool {
        let turn = self.next_turn;
        let queue = self.of(stream);
        // A line that is larger than that by itself is written when it is alone.
        queue.is_full |= queue.bytes > 0 && queue.bytes + line.len() > MAX_QUEUED_BYTES;
        if queue.is_full {
            queue.lost += 1;
            return false;
        }
        let is_first = queue.oldest().is_none();
        queue.bytes += line.len();
        queue.lines.push_back((turn, line));
        self.next_turn += 1;
        is_first
    }

    /// The lines that are to be written to a stream now, if it is its turn.
    fn take(&mut self, stream: Stream) -> Option<Vec<u8>> {
        let other = self.of(stream.other());
        let end = if other.is_stuck() {
            None
        } else {
            other.oldest()
        };
        let queue = self.of(stream);
        let mut taken = Vec::new();
        while let Some((turn, line)) = queue.lines.front()
            && end.is_none_or(|end| *turn < end)
            && (taken.is_empty() || taken.len() + line.len() <= WRITE_BYTES)
        {
            queue.writing.get_or_insert((*turn, Instant::now()));
            taken.extend_from_slice(line);
            queue.lines.pop_front();
        }
        (!taken.is_empty()).then_some(taken)
    }

    /// Notes that what was taken is written, and tells what was lost where there is room again.
    fn written(&mut self, stream: Stream, bytes: usize) {
        let queue = self.of(stream);
        queue.writing = None;
        queue.bytes -= bytes;
        queue.is_full &= queue.bytes > MAX_QUEUED_BYTES / 2;
        for (stream, name) in [
            (Stream::Errors, "standard error"),
            (Stream::Output, "standard output"),
        ] {
            let is_told_later = self.errors.is_full;
            let queue = self.of(stream);
            if queue.lost > 0 && !queue.is_full && !is_told_later {
                let lost = std::mem::take(&mut queue.lost);
                let warning = "warning:".yellow().bold().to_string();
                let text = format_args!(
                    "{warning} {lost} lines were dropped: {name} was not read fast enough"
                );
                self.add(Stream::Errors, super::bytes(&io::stderr(), text));
            }
        }
    }
}

/// The two streams, and who writes to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Background(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    changed: Condvar,
}

impl Background {
    pub(super) fn begin() -> io::Result<Self> {
        let background = Self::default();
        for (stream, name) in [
            (Stream::Errors, "standard error"),
            (Stream::Output, "standard output"),
        ] {
            let (own, file) = (background.clone(), stream.open()?);
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || own.run(stream, file))?;
        }
        Ok(background)
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a line written when those before it are, or counts it.
    pub(super) fn add(&self, stream: Stream, line: Vec<u8>) {
        let is_first = self.queues().add(stream, line);
        if is_first {
            self.0.changed.notify_all();
        }
    }

    fn run(&self, stream: Stream, mut file: File) {
        let mut queues = self.queues();
        loop {
            let Some(lines) = queues.take(stream) else {
                // With lines that wait for the other stream, it may be that that one is stuck and nobody says so.
                let is_waiting = !queues.of(stream).lines.is_empty();
                let time = if is_waiting { STUCK } else { Duration::MAX };
                let waited = self.0.changed.wait_timeout(queues, time);
                (queues, _) = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queues);
            write(&mut file, &lines);
            queues = self.queues();
            queues.written(stream, lines.len());
            self.0.changed.notify_all();
        }
    }

    /// Waits until everything is written, for a while.
    pub(super) fn finish(&self) {
        let is_left = |queues: &mut Queues| {
            queues.output.oldest().is_some() || queues.errors.oldest().is_some()
        };
        let waited = self
            .0
            .changed
            .wait_timeout_while(self.queues(), CLOSE_TIMEOUT, is_left);
        drop(waited);
    }
}

/// Writes all of it, unless nobody can read it any more: then there is nobody to tell.
fn write(file: &mut File, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Whoever shares the stream may have made it one that does not block.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(queues: &mut Queues, stream: Stream) -> Option<String> {
        let lines = queues.take(stream)?;
        Some(String::from_utf8(lines).unwrap())
    }

    fn add(queues: &mut Queues, stream: Stream, line: &str) -> bool {
        queues.add(stream, line.as_bytes().to_vec())
    }

    #[test]
    fn lines_of_both_streams_keep_their_order() {
        let mut queues = Queues::default();
        assert!(add(&mut queues, Stream::Errors, "one\n"));
        assert!(!add(&mut queues, Stream::Errors, "two\n"));
        assert!(add(&mut queues, Stream::Output, "three\n"));
        add(&mut queues, Stream::Errors, "four\n");
        assert_eq!(text(&mut queues, Stream::Output), None);
        let first = text(&mut queues, Stream::Errors);
        assert_eq!(first.as_deref(), Some("one\ntwo\n"));
        assert_eq!(text(&mut queues, Stream::Output), None);
        queues.written(Stream::Errors, 8);
        assert_eq!(text(&mut queues, Stream::Errors), None);
        let second = text(&mut queues, Stream::Output);
        assert_eq!(second.as_deref(), Some("three\n"));
    }

    #[test]
    fn a_stream_that_is_stuck_holds_up_no_other() {
        let mut queues = Queues::default();
        add(&mut queues, Stream::Errors, "stuck\n");
        add(&mut queues, Stream::Output, "free\n");
        assert!(queues.take(Stream::Errors).is_some());
        assert!(queues.take(Stream::Output).is_none());
        let since = Instant::now().checked_sub(STUCK).unwrap();
        queues.errors.writing = Some((0, since));
        assert!(queues.take(Stream::Output).is_some());
    }

    #[test]
    fn what_does_not_fit_is_told_in_its_place() {
        let mut queues = Queues::default();
        let long = "x".repeat(MAX_QUEUED_BYTES / 4);
        for _ in 0..6 {
            add(&mut queues, Stream::Errors, &long);
        }
        let mut written = 0;
        while let Some(line) = text(&mut queues, Stream::Errors) {
            queues.written(Stream::Errors, line.len());
            if line == long {
                written += 1;
                continue;
            }
            assert_eq!(written, 4);
            assert!(line.contains("2 lines were dropped"), "{line}");
            return;
        }
        panic!("nothing is told");
    }
}
