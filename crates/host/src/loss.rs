//! The end of a process without which a worker, or none at all, goes on.
//!
//! The zygote and the templates do nothing but fork, so that nothing of a worker's ends them. But an operator can, and the
//! kernel when memory is short.

use std::sync::Arc;
use std::thread;

use jail::{Error, Process};
use tokio::sync::watch;

/// A thread that only waits needs little.
const STACK_BYTES: usize = 64 * 1024;

/// Which of them ended first, once one has.
#[derive(Clone, Debug)]
pub(crate) struct Loss(Arc<watch::Sender<Option<String>>>);

impl Default for Loss {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Loss {
    /// From now on the end of a process is a loss, if it is `missed` then. `what` is forked from it.
    pub(crate) fn watch(
        &self,
        process: &Process,
        what: String,
        missed: impl Fn() -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let pid = process.id();
        let end = process.end()?;
        let told = Arc::clone(&self.0);
        let wait = move || {
            end();
            if missed() {
                told.send_if_modified(|loss| {
                    let is_first = loss.is_none();
                    if is_first {
                        let text =
                            format!("the process that {what} are forked from ({pid}) has ended");
                        *loss = Some(text);
                    }
                    is_first
                });
            }
        };
        let thread = thread::Builder::new().name("watch".to_owned());
        match thread.stack_size(STACK_BYTES).spawn(wait) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::System("cannot watch a process", error)),
        }
    }

    /// Resolves when there is one, with what happened.
    pub(crate) async fn happened(&self) -> String {
        let mut told = self.0.subscribe();
        loop {
            if let Some(text) = told.borrow_and_update().clone() {
                return text;
            }
            if told.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}
