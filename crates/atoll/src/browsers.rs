//! The browsers of each worker, kept over its deployments so that sessions go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bundle::Project;
use host::browser::{self, Browsers, Options};

/// Sessions of a worker at a time: each is a browser, with a few hundred megabytes.
const SESSIONS: u32 = 6;
/// When a session ends that is told nothing (Cloudflare: the same).
const IDLE_SECONDS: u64 = 60;

/// The browsers of all workers.
#[derive(Clone, Default)]
pub(crate) struct AllBrowsers(Arc<Mutex<HashMap<String, Known>>>);

struct Known {
    options: Options,
    browsers: Browsers,
}

impl AllBrowsers {
    /// What a worker drives, the same as before unless its settings changed.
    pub(crate) fn of(&self, project: &Project) -> Browsers {
        let settings = &project.settings.browser;
        let options = Options {
            program: settings.path.clone(),
            sessions: settings.sessions.unwrap_or(SESSIONS) as usize,
            idle: Duration::from_secs(settings.idle_seconds.unwrap_or(IDLE_SECONDS)),
            sandbox: settings.sandbox.unwrap_or(true),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&project.name)
            && known.options == options
        {
            return known.browsers.clone();
        }
        let browsers = Browsers::new(options.clone());
        let known = Known {
            options,
            browsers: browsers.clone(),
        };
        all.insert(project.name.clone(), known);
        browsers
    }

    /// Ends all sessions.
    pub(crate) async fn close(&self) {
        let all: Vec<Browsers> = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.values().map(|known| known.browsers.clone()).collect()
        };
        for browsers in all {
            browsers.close().await;
        }
    }
}

/// What a person is told of the binding.
pub(crate) fn row(project: &Project) -> Option<(String, String)> {
    let name = project.browser.as_ref()?;
    let program = project.settings.browser.path.clone();
    let what = match program.or_else(browser::installed) {
        Some(program) => format!("browser {}", program.display()),
        None => "no browser: Chromium is not installed".to_owned(),
    };
    Some((format!("env.{name}"), what))
}
