//! How a worker comes by its isolates: the first ones, those that take the place of others, and the end of all.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Worker, WorkerOptions};
use crate::link::Link;

/// How soon it is tried again to fork an isolate, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a version that was replaced may finish what it is doing.
const RETIREMENT: Duration = Duration::from_secs(30);

impl Worker {
    pub(super) async fn fork(&self) -> Result<Arc<Link>, jail::Error> {
        let inner = Arc::clone(&self.0);
        let child = tokio::task::spawn_blocking(move || {
            inner
                .options
                .template
                .fork(jail::Role::Isolate, &inner.options.limits)
        })
        .await
        .unwrap_or(Err(jail::Error::Gone))?;
        Link::start(child, (self.0.options.link)())
            .map_err(|error| jail::Error::System("connect to an isolate", error))
    }

    /// Forks an isolate as soon as there is room for its process. `None` when none is needed any more, or can be.
    async fn fork_in_time(&self) -> Option<Arc<Link>> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.fork().await {
                Ok(link) => return Some(link),
                Err(error) => {
                    tracing::error!(worker = self.name(), %error, "no isolate can be forked");
                }
            }
            let has_ended = self.0.options.template.process().has_ended();
            if has_ended.unwrap_or(false) || self.0.retired.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    pub(super) fn adopt(&self, link: Arc<Link>) {
        self.0
            .links
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&link));
        self.0.changed.notify_waiters();
        let worker = Arc::downgrade(&self.0);
        let cpu_ms = self.0.options.cpu_ms;
        tokio::spawn(async move {
            let watching = crate::watchdog::watch(&link, cpu_ms);
            tokio::pin!(watching);
            let is_alive = tokio::select! {
                () = &mut watching => false,
                () = crate::renewal::is_due(&link) => true,
            };
            // Another takes its place, unless the worker is gone as well.
            let Some(worker) = worker.upgrade().map(Worker) else {
                return;
            };
            worker.replace(&link).await;
            drop(worker);
            if is_alive {
                tokio::select! {
                    () = watching => {}
                    () = crate::renewal::end_when_quiet(&link) => {}
                }
            }
        });
    }

    /// Has another isolate take the place of one.
    async fn replace(&self, link: &Arc<Link>) {
        let inner = &*self.0;
        let remove = || {
            inner
                .links
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|other| !Arc::ptr_eq(other, link));
            inner.changed.notify_waiters();
        };
        let is_gone = link.load().is_none();
        if is_gone {
            remove();
        }
        if inner.retired.load(Ordering::Relaxed) {
            return;
        }
        if is_gone {
            inner.ended.fetch_add(1, Ordering::Relaxed);
        }
        let spare = inner
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match spare.filter(|spare| spare.load().is_some()) {
            Some(spare) => self.adopt(spare),
            None => match self.fork_in_time().await {
                Some(link) => self.adopt(link),
                None => return,
            },
        }
        remove();
        self.prepare_spare();
    }

    pub(super) fn prepare_spare(&self) {
        let worker = self.clone();
        tokio::spawn(async move {
            if let Ok(link) = worker.fork().await {
                *worker
                    .0
                    .spare
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(link);
            }
        });
    }

    /// Ends this version once its events are over, or when it takes too long.
    pub(crate) fn retire(&self) {
        self.0.retired.store(true, Ordering::Relaxed);
        let worker = self.clone();
        tokio::spawn(async move {
            let end = tokio::time::Instant::now() + RETIREMENT;
            while tokio::time::Instant::now() < end
                && worker
                    .links()
                    .iter()
                    .any(|link| link.load().unwrap_or(0) > 0)
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            worker.kill();
        });
    }

    /// Ends all isolates at once.
    pub(crate) fn kill(&self) {
        self.0.retired.store(true, Ordering::Relaxed);
        self.0
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for link in self.links() {
            link.kill();
        }
    }

    /// Without its template it has no isolates any more.
    pub(super) fn watch_template(&self) -> Result<(), jail::Error> {
        let WorkerOptions {
            template,
            name,
            loss,
            ..
        } = &self.0.options;
        let worker = Arc::downgrade(&self.0);
        let is_missed = move || {
            let worker = worker.upgrade();
            worker.is_some_and(|worker| !worker.retired.load(Ordering::Relaxed))
        };
        loss.watch(
            template.process(),
            format!("isolates of `{name}`"),
            is_missed,
        )
    }
}
