//! Static assets and a worker under one roof: who answers which request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use host::{FetchError, Fetcher, Request, Response};

use crate::assets::{Answer, Assets, NotFoundHandling, glob_matches};

/// The most patterns of `run_worker_first`.
const MAX_PATTERNS: usize = 100;
/// The longest of them in bytes.
const MAX_PATTERN_BYTES: usize = 100;

/// Which requests go to the worker before the files (`run_worker_first`).
#[derive(Clone, Debug, Default)]
pub enum RunWorkerFirst {
    /// None.
    #[default]
    Never,
    /// All.
    Always,
    /// Those whose path matches.
    Matching(Vec<Pattern>),
}

impl RunWorkerFirst {
    /// Patterns as they are written: `/api/*`, and `!/api/docs/*` for what goes to the files all the same.
    ///
    /// # Errors
    /// Which pattern is wrong, and how.
    pub fn patterns(patterns: &[String]) -> Result<Self, PatternError> {
        let error = |pattern: &str, reason| PatternError {
            pattern: pattern.to_owned(),
            reason,
        };
        if patterns.len() > MAX_PATTERNS {
            return Err(error(&patterns[MAX_PATTERNS], "there are more than 100"));
        }
        let parse = |written: &String| {
            let (glob, negative) = match written.strip_prefix('!') {
                Some(glob) => (glob, true),
                None => (written.as_str(), false),
            };
            if !glob.starts_with('/') {
                return Err(error(written, "it must start with / or !/"));
            }
            if written.len() > MAX_PATTERN_BYTES {
                return Err(error(written, "it is longer than 100 bytes"));
            }
            Ok(Pattern {
                glob: glob.to_owned(),
                negative,
            })
        };
        let parsed = patterns.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if parsed.iter().all(|pattern| pattern.negative) {
            let first = patterns.first().map_or("", String::as_str);
            return Err(error(first, "at least one must be without !"));
        }
        Ok(Self::Matching(parsed))
    }
}

/// One pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    glob: String,
    negative: bool,
}

/// A pattern that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` of run_worker_first is not possible: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: &'static str,
}

/// A worker with its static assets.
pub struct Site {
    /// The files.
    pub assets: Arc<Assets>,
    /// The worker; without one, the files are all there is.
    pub worker: Option<Arc<dyn Fetcher>>,
    /// Which requests go to the worker before the files.
    pub run_worker_first: RunWorkerFirst,
}

enum First {
    Worker,
    Assets,
    /// The files, if they have something.
    Either,
}

impl Site {
    fn first(&self, path: &str) -> First {
        let matches = |negative: bool, patterns: &[Pattern]| {
            patterns
                .iter()
                .any(|pattern| pattern.negative == negative && glob_matches(&pattern.glob, path))
        };
        match &self.run_worker_first {
            RunWorkerFirst::Always => First::Worker,
            RunWorkerFirst::Matching(patterns) if matches(true, patterns) => First::Assets,
            RunWorkerFirst::Matching(patterns) if matches(false, patterns) => First::Worker,
            RunWorkerFirst::Matching(_) | RunWorkerFirst::Never => First::Either,
        }
    }

    /// What becomes of missing files while there is a worker that could answer instead.
    fn not_found(&self, head: &http::request::Parts) -> NotFoundHandling {
        let navigates = head
            .headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode == "navigate");
        match self.run_worker_first {
            RunWorkerFirst::Matching(_) => self.assets.not_found_handling(),
            // A person who follows a link gets the application's page; scripts get the worker.
            _ if navigates => self.assets.not_found_handling(),
            _ => NotFoundHandling::None,
        }
    }
}

impl Fetcher for Site {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        let Some(worker) = &self.worker else {
            return self.assets.fetch(request);
        };
        match self.first(request.uri().path()) {
            First::Worker => worker.fetch(request),
            First::Assets => self.assets.fetch(request),
            First::Either => Box::pin(async move {
                let (head, body) = request.into_parts();
                match self.assets.answer(&head, self.not_found(&head)).await {
                    Answer::Response(response) => Ok(response),
                    Answer::Nothing => worker.fetch(Request::from_parts(head, body)).await,
                }
            }),
        }
    }
}
