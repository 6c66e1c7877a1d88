//! All answers that are kept, and which go first when there are too many.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::continuation::{known_text, place_after};
use crate::limits::{KEEP_AFTER_END, MAX_ABANDONED, MAX_KEPT_BYTES, MAX_RUNS};
use crate::run::{Asked, End, QUESTION, Run};

#[derive(Debug, Default)]
pub(crate) struct Runs {
    folder: Option<PathBuf>,
    all: Mutex<HashMap<String, Arc<Run>>>,
}

/// An answer that somebody asks for again, and where it goes on for them.
pub(crate) struct Rest {
    pub(crate) run: Arc<Run>,
    pub(crate) first: Option<Vec<u8>>,
    pub(crate) at: usize,
}

impl Runs {
    /// Those that the folder has from an earlier process, and more to come.
    pub(crate) fn open(folder: Option<&Path>) -> std::io::Result<Self> {
        let mut all = HashMap::new();
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                let id = path.file_stem().and_then(|stem| stem.to_str());
                let is_question = path.extension().is_some_and(|kind| kind == QUESTION);
                if let (Some(id), true) = (id, is_question)
                    && let Some(run) = Run::found(folder, id)
                {
                    all.insert(id.to_owned(), run);
                }
            }
        }
        Ok(Self {
            folder: folder.map(Path::to_path_buf),
            all: Mutex::new(all),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Run>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Run>> {
        self.tidy();
        self.lock().get(id).cloned()
    }

    pub(crate) fn begin(&self, asked: Asked, reader: u64) -> Result<Arc<Run>, String> {
        self.tidy();
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut all = self.lock();
        if all.len() >= MAX_RUNS {
            return Err(format!("More than {MAX_RUNS} answers of models are kept."));
        }
        let run = Run::begin(id.clone(), asked, self.folder.as_deref(), reader);
        all.insert(id, Arc::clone(&run));
        Ok(run)
    }

    /// The answer that this request asks for again, from another life of the object that asked first.
    pub(crate) fn rest(
        &self,
        scope: &str,
        endpoint: &str,
        request: &Value,
        life: u64,
    ) -> Option<Rest> {
        self.tidy();
        let all: Vec<Arc<Run>> = self.lock().values().cloned().collect();
        all.into_iter().find_map(|run| {
            if run.asked.scope != scope {
                return None;
            }
            let known = known_text(&run.asked, endpoint, request)?;
            let kept = run.lock();
            let mut place = (kept.reader != Some(life) && kept.end != Some(End::Canceled))
                .then(|| place_after(&kept, &known))??;
            // What was delivered whole and is asked for anew is wanted anew.
            if kept.delivered && (known.is_empty() || place.1 >= kept.bytes.len()) {
                return None;
            }
            drop(kept);
            let first = place.0.take();
            Some(Rest {
                run,
                first,
                at: place.1,
            })
        })
    }

    pub(crate) fn forget(&self, run: &Run) {
        self.lock().remove(&run.id);
        run.forget_files();
    }

    /// Ends what nobody came back for, and forgets what is old or too much.
    fn tidy(&self) {
        let mut all = self.lock();
        let mut ended: Vec<(Instant, Arc<Run>, usize)> = Vec::new();
        let mut bytes = 0;
        for run in all.values() {
            let (abandoned, end, size) = {
                let kept = run.lock();
                (kept.abandoned_at, kept.ended_at, kept.bytes.len())
            };
            bytes += size;
            match end {
                Some(at) => ended.push((at, Arc::clone(run), size)),
                None if abandoned.is_some_and(|since| since.elapsed() > MAX_ABANDONED) => {
                    run.cancel();
                }
                None => {}
            }
        }
        ended.sort_by_key(|(at, _, _)| *at);
        let mut count = all.len();
        for (at, run, size) in ended {
            let is_old = at.elapsed() > KEEP_AFTER_END;
            if !is_old && bytes <= MAX_KEPT_BYTES && count < MAX_RUNS {
                break;
            }
            all.remove(&run.id);
            run.forget_files();
            bytes -= size;
            count -= 1;
        }
    }
}
