//! Templates of templates: processes that have read the modules of a worker that stay the same from version to version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Module, Program, ToIsolate};
use tokio::sync::watch;

use crate::runtime::Inner as Runtime;
use crate::template::ask;

/// Processor time that reading modules may take, in milliseconds: far more than the largest program needs.
const READING_CPU_MS: u32 = 10_000;

/// The modules of a program that are expected to be the same in the next version.
#[derive(Clone)]
pub(crate) struct Lasting(Arc<Vec<Module>>);

impl Lasting {
    /// Those with these names, in this order. `None` when there are none.
    pub(crate) fn of(program: &Program, names: &[String]) -> Option<Self> {
        let find = |name: &String| program.modules.iter().find(|module| module.name == *name);
        let modules: Vec<Module> = names.iter().filter_map(find).cloned().collect();
        (!modules.is_empty()).then(|| Self(Arc::new(modules)))
    }

    /// Takes them out of a program for a process that has read them.
    pub(crate) fn take_from(&self, program: &mut Program) {
        let is_read = |name: &str| self.0.iter().any(|module| module.name == name);
        program.modules.retain(|module| !is_read(&module.name));
    }
}

/// By the worker's name, the process that has read its lasting modules last.
#[derive(Default)]
pub(crate) struct Bases(Mutex<HashMap<Arc<str>, Base>>);

struct Base {
    lasting: Lasting,
    state: State,
}

enum State {
    /// It is over when the other end is dropped.
    Reading(watch::Receiver<()>),
    Ready(jail::Forker),
}

impl Bases {
    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, Base>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that has read exactly these modules, if it is still there. One that is reading them has begun already,
    /// so to wait for it takes less time than to read them once more.
    pub(crate) async fn find(&self, worker: &str, lasting: &Lasting) -> Option<jail::Forker> {
        let mut reading = self.reading(worker, lasting);
        if let Some(reading) = &mut reading {
            let _ = reading.changed().await;
        }
        match &self.all().get(worker)?.of(lasting)?.state {
            State::Ready(forker) if !forker.process().has_ended().unwrap_or(true) => {
                Some(forker.clone())
            }
            _ => None,
        }
    }

    fn reading(&self, worker: &str, lasting: &Lasting) -> Option<watch::Receiver<()>> {
        match &self.all().get(worker)?.of(lasting)?.state {
            State::Reading(reading) => Some(reading.clone()),
            State::Ready(_) => None,
        }
    }

    fn set(&self, worker: &Arc<str>, lasting: &Lasting, state: State) {
        let lasting = lasting.clone();
        self.all()
            .insert(Arc::clone(worker), Base { lasting, state });
    }

    /// Ends all of them.
    pub(crate) fn clear(&self) {
        self.all().clear();
    }
}

impl Base {
    fn of(&self, lasting: &Lasting) -> Option<&Self> {
        (self.lasting.0 == lasting.0).then_some(self)
    }
}

impl Runtime {
    /// Has a process read these modules, for the next version of this worker. Nobody waits for that, and a worker whose
    /// modules cannot be read ahead is read as a whole.
    pub(crate) fn read_ahead(
        self: &Arc<Self>,
        worker: Arc<str>,
        lasting: Lasting,
        limits: jail::Limits,
    ) {
        let runtime = Arc::clone(self);
        let (over, reading) = watch::channel(());
        runtime
            .bases
            .set(&worker, &lasting, State::Reading(reading));
        tokio::task::spawn_blocking(move || {
            let _over = over;
            let read = || {
                let child = runtime.zygote.fork(jail::Role::Template, &limits)?;
                let frame = ToIsolate::Read(lasting.0.as_ref().clone());
                ask(child, &frame, READING_CPU_MS, &worker, &runtime.logs)
            };
            match read() {
                Ok((forker, _)) => {
                    runtime.bases.set(&worker, &lasting, State::Ready(forker));
                }
                Err(error) => tracing::debug!(%error, %worker, "modules cannot be read ahead"),
            }
        });
    }
}
