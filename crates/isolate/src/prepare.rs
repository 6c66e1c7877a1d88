//! Code as its author wrote it becomes code that the engine takes. It is read here, in the jail, since whoever wrote it may
//! have meant harm to its reader.

use protocol::{Exports, Failure, FromIsolate, Mistake, Module, ModuleKind};

use crate::isolate::Isolate;
use crate::state;

/// Gives what a bundler makes of one module, by its name and source: `None` when it is fine as it is.
pub type Prepare = fn(&str, &str) -> Result<Option<String>, Mistake>;

/// What a bundler makes of a request for modules without types and JSX, as bytes: `None` when it is not one to be dealt with in
/// the process of who asks.
pub type Transform = fn(Vec<u8>) -> Option<Vec<u8>>;

/// A bundler, for processes that are jailed.
#[derive(Clone, Copy, Debug)]
pub struct Bundler {
    /// For each module that is evaluated.
    pub prepare: Prepare,
    /// For programs that ask for it.
    pub transform: Transform,
    /// For processes that do nothing else.
    pub build: Build,
}

/// What a process does that builds programs.
pub type Build = fn(BuildStep);

/// A step of building.
#[derive(Debug)]
pub enum BuildStep {
    /// Whatever is the same for all builds: the process is forked for each. No thread may be left behind.
    GetReady,
    /// One build, over the only connection of a process that was forked for it.
    Build(std::os::unix::net::UnixStream),
}

impl Isolate {
    /// Has code pass through this before it is evaluated, when it has not been through a bundler, and programs have what they
    /// ask for transformed by this.
    pub fn set_bundler(&self, bundler: &Bundler) {
        self.prepare.set(Some(bundler.prepare));
        state::with(|state| state.transform = Some(bundler.transform));
    }

    /// Tells the host what became of the program that it sent.
    pub(crate) fn tell_evaluated(&self, outcome: Result<Exports, Failure>) {
        state::send(&FromIsolate::Evaluated(outcome));
    }

    pub(crate) fn prepare_all(&self, modules: &mut [Module]) -> Result<(), Failure> {
        let Some(prepare) = self.prepare.get() else {
            return Ok(());
        };
        for module in modules {
            if !matches!(module.kind, ModuleKind::EsModule | ModuleKind::CommonJs) {
                continue;
            }
            let source = std::str::from_utf8(&module.content).map_err(|_| Failure {
                name: "SyntaxError".to_owned(),
                message: format!("The module \"{}\" is not UTF-8 text.", module.name),
                ..Failure::default()
            })?;
            let prepared = prepare(&module.name, source).map_err(|mistake| Failure {
                name: "SyntaxError".to_owned(),
                message: mistake.message,
                stack: format!("    at {}:{}:{}", module.name, mistake.line, mistake.column),
                ..Failure::default()
            })?;
            if let Some(prepared) = prepared {
                module.content = prepared.into_bytes();
            }
        }
        Ok(())
    }
}
