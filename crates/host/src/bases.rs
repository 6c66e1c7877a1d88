//! Templates of templates: processes that have read the modules of a worker that stay the same from version to version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Module, Program, ToIsolate};

use crate::runtime::Inner as Runtime;
use crate::template::ask;

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
    forker: jail::Forker,
}

impl Bases {
    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, Base>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that has read exactly these modules, if it is still there.
    pub(crate) fn find(&self, worker: &str, lasting: &Lasting) -> Option<jail::Forker> {
        let all = self.all();
        let base = all.get(worker)?;
        let fits =
            base.lasting.0 == lasting.0 && !base.forker.process().has_ended().unwrap_or(true);
        fits.then(|| base.forker.clone())
    }

    /// Ends all of them.
    pub(crate) fn clear(&self) {
        self.all().clear();
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
        tokio::task::spawn_blocking(move || {
            let read = || {
                let child = runtime.zygote.fork(jail::Role::Template, &limits)?;
                let frame = ToIsolate::Read(lasting.0.as_ref().clone());
                ask(child, &frame, u32::MAX, &worker, &runtime.logs)
            };
            match read() {
                Ok((forker, _)) => {
                    let base = Base {
                        lasting: lasting.clone(),
                        forker,
                    };
                    runtime.bases.all().insert(Arc::clone(&worker), base);
                }
                Err(error) => tracing::debug!(%error, %worker, "modules cannot be read ahead"),
            }
        });
    }
}
