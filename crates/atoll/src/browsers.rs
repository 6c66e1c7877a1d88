//! The browsers of each worker, kept over its deployments so that sessions go on.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bundle::Project;
use gateway::{Gateway, Target};
use host::browser::{self, Browsers, Options, Views};
use tokio::sync::oneshot;

use crate::error::Error;

/// Sessions of a worker at a time: each is a browser, with a few hundred megabytes.
const SESSIONS: u32 = 6;
/// When a session ends that is told nothing (Cloudflare: the same).
const IDLE_SECONDS: u64 = 60;

/// The browsers of all workers.
#[derive(Clone, Default)]
pub(crate) struct AllBrowsers(Arc<Mutex<HashMap<String, Known>>>);

struct Known {
    options: Options,
    view_port: u16,
    browsers: Browsers,
    views: Views,
    /// Ends the views when it is let go of.
    stop: oneshot::Sender<()>,
}

impl AllBrowsers {
    /// What a worker drives, the same as before unless its settings changed.
    pub(crate) fn of(&self, project: &Project) -> Result<Browsers, Error> {
        let settings = &project.settings.browser;
        let options = Options {
            program: settings.path.clone(),
            sessions: settings.sessions.unwrap_or(SESSIONS) as usize,
            idle: Duration::from_secs(settings.idle_seconds.unwrap_or(IDLE_SECONDS)),
            sandbox: settings.sandbox.unwrap_or(true),
        };
        let view_port = settings.view_port.unwrap_or(0);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&project.name)
            && known.options == options
            && known.view_port == view_port
        {
            return Ok(known.browsers.clone());
        }
        let (views, stop) = match all.remove(&project.name) {
            Some(known) if known.view_port == view_port => (known.views, known.stop),
            _ => show(view_port)?,
        };
        let browsers = Browsers::new(options.clone(), views.clone());
        let known = Known {
            options,
            view_port,
            browsers: browsers.clone(),
            views,
            stop,
        };
        all.insert(project.name.clone(), known);
        Ok(browsers)
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

/// Serves views of browsers on this machine's own address, and to no other machine: apart from the workers' pages, which
/// so have another origin. They end with what is given beside them.
fn show(port: u16) -> Result<(Views, oneshot::Sender<()>), Error> {
    let views = Views::default();
    let mut options = gateway::Options::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    options.shutdown_grace = Duration::ZERO;
    let target = Target {
        name: "views".into(),
        fetcher: Arc::new(views.clone()),
    };
    let gateway = Gateway::bind(options, target)?;
    views.listen_at(gateway.address());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(gateway.run(async {
        // It is never said, but let go of.
        let _ = stopped.await;
    }));
    Ok((views, stop))
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
