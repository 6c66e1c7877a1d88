//! One streamed answer, read to its end whoever listens.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::limits::MAX_RUN_BYTES;
use crate::sse;

/// Who asked, and for what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Asked {
    /// The worker, and the object in it.
    pub(crate) scope: String,
    /// `chat/completions`.
    pub(crate) endpoint: String,
    /// The body.
    pub(crate) request: Value,
}

/// How an answer ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum End {
    /// All of it is here.
    Whole,
    /// The model broke off, or the process that read it ended.
    Broken(String),
    /// Nobody wanted the rest.
    Canceled,
}

/// What a server said before its body.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) head: Option<Head>,
    pub(crate) bytes: Vec<u8>,
    /// Where each complete event ends.
    pub(crate) events: Vec<usize>,
    pub(crate) end: Option<End>,
    pub(crate) ended_at: Option<Instant>,
    /// Which life of the asking object reads it, if one does.
    pub(crate) reader: Option<u64>,
    /// A reader got all of it.
    pub(crate) delivered: bool,
    /// Since when nobody reads it.
    pub(crate) abandoned_at: Option<Instant>,
    file: Option<File>,
    pub(crate) task: Option<AbortHandle>,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) asked: Asked,
    folder: Option<PathBuf>,
    kept: Mutex<Kept>,
    changed: watch::Sender<()>,
}

/// The file that says what was asked.
pub(crate) const QUESTION: &str = "json";
const ANSWER: &str = "sse";
const ENDED: &str = "end";

impl Run {
    /// An answer that begins. It goes on if its file cannot be made, and then does not outlive this process.
    pub(crate) fn begin(id: String, asked: Asked, folder: Option<&Path>, reader: u64) -> Arc<Self> {
        let run = Self {
            kept: Mutex::new(Kept {
                reader: Some(reader),
                ..Kept::default()
            }),
            changed: watch::Sender::new(()),
            folder: folder.map(Path::to_path_buf),
            id,
            asked,
        };
        if let Some(question) = run.file(QUESTION) {
            let text = serde_json::to_vec(&run.asked).unwrap_or_default();
            let answer = std::fs::write(question, text).and_then(|()| {
                let answer = run
                    .file(ANSWER)
                    .expect("a run with one file has the others");
                File::create(answer)
            });
            run.lock().file = answer.ok();
        }
        Arc::new(run)
    }

    /// An answer that an earlier process read.
    pub(crate) fn found(folder: &Path, id: &str) -> Option<Arc<Self>> {
        let read = |kind: &str| std::fs::read(folder.join(format!("{id}.{kind}"))).ok();
        let asked: Asked = serde_json::from_slice(&read(QUESTION)?).ok()?;
        let bytes = read(ANSWER)?;
        if bytes.len() > MAX_RUN_BYTES {
            return None;
        }
        let end = read(ENDED).and_then(|end| serde_json::from_slice(&end).ok());
        let lost = || End::Broken("The process that read this answer ended.".to_owned());
        let headers = [(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("text/event-stream"),
        )];
        let now = Instant::now();
        Some(Arc::new(Self {
            id: id.to_owned(),
            asked,
            folder: Some(folder.to_path_buf()),
            kept: Mutex::new(Kept {
                head: Some(Head {
                    status: StatusCode::OK,
                    headers: headers.into_iter().collect(),
                }),
                events: sse::boundaries(&bytes, 0),
                bytes,
                end: Some(end.unwrap_or_else(lost)),
                ended_at: Some(now),
                abandoned_at: Some(now),
                ..Kept::default()
            }),
            changed: watch::Sender::new(()),
        }))
    }

    fn file(&self, kind: &str) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{}.{kind}", self.id)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn answered(&self, head: Head) {
        self.lock().head = Some(head);
        self.changed.send_replace(());
    }

    /// More of the answer. It is in the file, which outlives this process, before anybody reads it.
    pub(crate) fn push(&self, bytes: &[u8]) -> Result<(), String> {
        let mut kept = self.lock();
        // Events end in two line feeds everywhere here, whatever the server ends its lines with.
        let plain: Vec<u8> = bytes
            .iter()
            .copied()
            .filter(|byte| *byte != b'\r')
            .collect();
        if kept.bytes.len() + plain.len() > MAX_RUN_BYTES {
            return Err(format!("The answer is longer than {MAX_RUN_BYTES} bytes."));
        }
        if let Some(file) = &mut kept.file
            && file.write_all(&plain).is_err()
        {
            // A full disk is no reason to lose the answer for who listens now.
            kept.file = None;
        }
        let from = kept.events.last().copied().unwrap_or(0);
        kept.bytes.extend_from_slice(&plain);
        let found = sse::boundaries(&kept.bytes, from);
        kept.events.extend(found);
        drop(kept);
        self.changed.send_replace(());
        Ok(())
    }

    pub(crate) fn finish(&self, end: End) {
        let mut kept = self.lock();
        if kept.end.is_some() {
            return;
        }
        if let Some(file) = self.file(ENDED)
            && kept.file.is_some()
        {
            let _ = std::fs::write(file, serde_json::to_vec(&end).unwrap_or_default());
        }
        kept.end = Some(end);
        kept.ended_at = Some(Instant::now());
        kept.file = None;
        kept.task = None;
        drop(kept);
        self.changed.send_replace(());
    }

    /// Nobody wants the rest: the model may stop.
    pub(crate) fn cancel(&self) {
        let task = self.lock().task.take();
        if let Some(task) = task {
            task.abort();
        }
        self.finish(End::Canceled);
    }

    pub(crate) fn forget_files(&self) {
        for kind in [ENDED, ANSWER, QUESTION] {
            if let Some(file) = self.file(kind) {
                let _ = std::fs::remove_file(file);
            }
        }
    }

    /// The text of the answer so far, unless there is more in it than text.
    pub(crate) fn text(&self) -> Option<String> {
        let kept = self.lock();
        let mut text = String::new();
        let mut start = 0;
        for &end in &kept.events {
            if let Some(event) = sse::json(&kept.bytes[start..end]) {
                if sse::has_tools(&event) {
                    return None;
                }
                text.push_str(sse::text(&event));
            }
            start = end;
        }
        Some(text)
    }
}
