//! Classes of Durable Objects, as what facets can be of.

use std::sync::{Arc, Weak};

use protocol::{CodeLimits, ObjectId};

use crate::fetcher::FetchError;
use crate::link::{Link, lost};
use crate::loader::Loaded;
use crate::parcel::Props;
use crate::services::Services;
use crate::worker::Worker;

/// A class that a worker exports, with what its objects see as their `ctx.props`.
pub struct Class {
    source: Source,
    name: Arc<str>,
    props: Option<Arc<Props>>,
    limits: CodeLimits,
}

/// Whose class it is.
pub(crate) enum Source {
    /// That of whatever version of a worker is deployed.
    Deployed(Services),
    /// A dynamic worker's.
    Loaded(Arc<Loaded>),
    /// A dynamic worker's, as it has it itself: that does not keep the worker.
    Itself(Weak<Loaded>),
}

/// Where an object of a class can live.
pub(crate) struct Housing {
    pub(crate) link: Arc<Link>,
    /// The version that it belongs to, when it is one of a deployed worker.
    pub(crate) worker: Option<Worker>,
    /// The isolate is for this object alone.
    pub(crate) alone: bool,
}

impl Class {
    /// `None` for the name is the default export.
    pub(crate) fn new(
        source: Source,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            name: name.unwrap_or("default").into(),
            props,
            limits,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn props(&self) -> Option<&Props> {
        self.props.as_deref()
    }

    /// The narrower ones of its own bounds and those of its worker.
    pub(crate) fn limits(&self) -> CodeLimits {
        let outer = match &self.source {
            Source::Deployed(_) => return self.limits,
            Source::Loaded(loaded) => loaded.limits(),
            Source::Itself(loaded) => match loaded.upgrade() {
                Some(loaded) => loaded.limits(),
                None => return self.limits,
            },
        };
        let narrower = |one: Option<u32>, other: Option<u32>| one.into_iter().chain(other).min();
        CodeLimits {
            wall_ms: narrower(self.limits.wall_ms, outer.wall_ms),
            ..self.limits
        }
    }

    /// The worker whose deployed version has it, when nothing else is needed to find it again.
    pub(crate) fn lasting_worker(&self) -> Option<&str> {
        match &self.source {
            Source::Deployed(services)
                if self.props.is_none() && self.limits == CodeLimits::default() =>
            {
                Some(&services.name)
            }
            _ => None,
        }
    }

    /// Finds a place for an object.
    pub(crate) async fn housing(&self, id: &ObjectId) -> Result<Housing, FetchError> {
        let loaded = match &self.source {
            Source::Deployed(services) => {
                let worker = services.worker()?;
                return Ok(Housing {
                    link: worker.home_of(id).await?,
                    alone: worker.has_an_isolate_for_each_object(),
                    worker: Some(worker),
                });
            }
            Source::Loaded(loaded) => Arc::clone(loaded),
            Source::Itself(loaded) => loaded.upgrade().ok_or_else(lost)?,
        };
        Ok(Housing {
            link: loaded.link().await?,
            worker: None,
            alone: false,
        })
    }
}

impl std::fmt::Debug for Class {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Class").field(&self.name).finish()
    }
}
