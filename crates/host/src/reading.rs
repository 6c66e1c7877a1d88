//! Looking into databases of objects: in a jail of its own, since what objects wrote is not to be trusted, and SQLite has
//! no place in this process.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use protocol::{Bounds, Program, Settings};
use tokio::sync::oneshot;

use crate::body::Body;
use crate::fetcher::{FetchError, Request, Response};
use crate::link::{EventEntry, Link, LinkOptions, lost};
use crate::runtime::{DeployError, Limits, NATIVE_BYTES, Runtime};
use crate::template::evaluate;

/// The longest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// Code that is to look into a database.
#[derive(Debug)]
pub struct Reading {
    /// The code. It gets no capabilities.
    pub program: Program,
    /// Which exported class gets the database as its storage. What would change the storage throws.
    pub class: String,
    /// The database: a file of whole pages that nobody changes meanwhile.
    pub file: File,
    /// What the class is asked.
    pub request: Request,
}

impl Runtime {
    /// Has an isolate that is made for this alone look into a database.
    ///
    /// # Errors
    /// What the code threw, or why it did not run.
    pub async fn read_database(
        &self,
        reading: Reading,
    ) -> Result<http::Response<Bytes>, FetchError> {
        let Reading {
            program,
            class,
            file,
            request,
        } = reading;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        let page_count = u32::try_from(bytes / protocol::pages::PAGE_BYTES as u64)
            .map_err(|_| FetchError::Refused("The database is too large.".to_owned()))?;
        let link = self.single_use(program).await?;
        let object = link.0.open_copy(&class, file.into(), page_count)?;
        let (sender, receiver) = oneshot::channel();
        let entry = EventEntry {
            respond: Some(sender),
            object: Some(object),
            ..EventEntry::default()
        };
        link.0
            .begin_fetch(None, None, Bounds::default(), entry, request)?;
        let answer: Response = receiver.await.unwrap_or_else(|_| Err(lost()))?;
        let (parts, body) = answer.into_parts();
        let body: Limited<Body> = Limited::new(body, MAX_ANSWER_BYTES);
        let bytes = body
            .collect()
            .await
            .map_err(|error| FetchError::Refused(error.to_string()))?;
        Ok(http::Response::from_parts(parts, bytes.to_bytes()))
    }

    /// An isolate with this code and nothing else, which ends when it is let go.
    async fn single_use(&self, program: Program) -> Result<Single, FetchError> {
        let limits = Limits::default();
        let settings = Settings {
            memory_bytes: limits.memory_bytes,
            cpu_ms: limits.cpu_ms,
            startup_cpu_ms: limits.startup_cpu_ms,
            global_fetch: None,
            cache: None,
            loopback: None,
            bundler: None,
            is_followed: false,
        };
        let process = jail::Limits {
            memory_bytes: limits.memory_bytes + NATIVE_BYTES,
            ..jail::Limits::default()
        };
        let worker: Arc<str> = program.name.as_str().into();
        let (zygote, logs) = (self.0.zygote.clone(), self.0.logs.clone());
        let options = LinkOptions {
            capabilities: Arc::new([]),
            worker: Arc::clone(&worker),
            logs: logs.clone(),
            subrequests: 0,
            global_fetch: None,
            audit: None,
            evaluate: None,
            objects: None,
            drops_sockets: false,
            tails: None,
            routes: None,
        };
        let child = tokio::task::spawn_blocking(move || {
            let template = zygote.fork(jail::Role::Template, &process)?;
            let (template, _) = evaluate(template, program, settings, &worker, &logs)?;
            Ok::<_, DeployError>(template.fork(jail::Role::Isolate, &process)?)
        })
        .await
        .map_err(|_| lost())?
        .map_err(|error| FetchError::Refused(format!("The database cannot be read: {error}")))?;
        let link = Link::start(child, options).map_err(|_| lost())?;
        let watched = Arc::clone(&link);
        tokio::spawn(async move { crate::watchdog::watch(&watched, limits.cpu_ms).await });
        Ok(Single(link))
    }
}

/// Ends its isolate when it is dropped.
struct Single(Arc<Link>);

impl Drop for Single {
    fn drop(&mut self) {
        self.0.kill();
    }
}
