//! What `env.BROWSER` leads to: sessions of a Chromium that is installed on this machine.
//!
//! A session is one browser with a profile of its own, started when it is asked for. Workers drive it over the Chrome DevTools
//! Protocol, through the routes that `@cloudflare/puppeteer`, `@cloudflare/playwright` and `agents/browser` know; nothing here
//! looks into what they say then. Or they name a page and what they want of it, and the browser is driven from here (`quick`).
//! The browser opens pages by itself: what it reaches is what this machine reaches.

mod chunks;
mod launch;
mod profile;
mod quick;
mod routes;
mod session;
mod tunnel;
mod views;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};

pub use launch::installed;
use session::{Ended, Session};
pub use views::Views;

use crate::egress::Egress;
use crate::fetcher::{FetchError, Fetcher, Request, Response};

/// How many sessions that are over are remembered.
const REMEMBERED: usize = 100;
/// What a worker may ask for in place of [`Options::idle`].
const KEEP_ALIVE_MS: std::ops::RangeInclusive<u64> = 10_000..=600_000;

/// How a worker's browsers run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The program; `None` takes the first that `PATH` has.
    pub program: Option<PathBuf>,
    /// The most sessions at a time. One more is refused with a 429.
    pub sessions: usize,
    /// A session ends when it has been told nothing for so long, unless it asked for another time.
    pub idle: Duration,
    /// Keep the browser's own sandbox. Without it, a page that breaks the engine is the browser's user.
    pub sandbox: bool,
}

/// The browsers of one worker. Clones share their sessions, which end with the last clone.
#[derive(Clone)]
pub struct Browsers {
    inner: Arc<Inner>,
    /// Who reads data off pages.
    model: Option<Arc<dyn Fetcher>>,
}

struct Inner {
    options: Options,
    /// Where people look at sessions.
    views: Views,
    network: Egress,
    room: Arc<Semaphore>,
    table: Mutex<Table>,
    /// Profiles that others left behind are gone.
    swept: OnceCell<()>,
}

#[derive(Default)]
struct Table {
    running: BTreeMap<String, Arc<Session>>,
    ended: VecDeque<Ended>,
}

impl Browsers {
    /// None runs before it is asked for. People look at them through these views.
    #[must_use]
    pub fn new(options: Options, views: Views) -> Self {
        let inner = Arc::new(Inner {
            room: Arc::new(Semaphore::new(options.sessions)),
            network: Egress::to_reserved_ports(),
            table: Mutex::default(),
            swept: OnceCell::new(),
            options,
            views,
        });
        Self { inner, model: None }
    }

    /// The same with something that answers OpenAI's chat completions, for the quick action that asks a model.
    #[must_use]
    pub fn with_model(self, model: Arc<dyn Fetcher>) -> Self {
        Self {
            model: Some(model),
            ..self
        }
    }

    /// Ends all sessions, and waits until their processes and profiles are gone.
    pub async fn close(&self) {
        self.inner.room.close();
        let running: Vec<_> = self.inner.table().running.values().cloned().collect();
        for session in &running {
            session.close();
        }
        for session in running {
            session.ended().await;
        }
    }
}

impl Inner {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, id: &str) -> Option<Arc<Session>> {
        self.table().running.get(id).cloned()
    }

    /// A session is over.
    fn forget(&self, ended: Ended) {
        let mut table = self.table();
        table.running.remove(&ended.id);
        if table.ended.len() == REMEMBERED {
            table.ended.pop_front();
        }
        table.ended.push_back(ended);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for session in self.table().running.values() {
            session.close();
        }
    }
}

impl Fetcher for Browsers {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(routes::answer(&self.inner, self.model.as_ref(), request))
    }

    fn describe(&self) -> String {
        "browser".to_owned()
    }
}
