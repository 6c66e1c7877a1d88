//! Workers by their names: whatever version is deployed when something happens.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use protocol::CodeLimits;
use tokio::sync::OwnedSemaphorePermit;

use crate::capability::Entrypoints;
use crate::class::{Class, Source};
use crate::fetcher::{FetchError, Fetcher, Request, Response, described};
use crate::parcel::{MethodCall, Props};
use crate::runtime::Inner;
use crate::tail::TraceItem;
use crate::worker::Worker;

/// A worker by its name, with all its entrypoints.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) runtime: Weak<Inner>,
    pub(crate) name: Arc<str>,
}

impl Services {
    pub(crate) fn worker(&self) -> Result<Worker, FetchError> {
        let runtime = self.runtime.upgrade();
        let worker = runtime.and_then(|runtime| runtime.worker(&self.name));
        worker.ok_or_else(|| {
            FetchError::Refused(format!(
                "Service \"{}\" is not running: no worker of that name is deployed.",
                self.name
            ))
        })
    }
}

impl Entrypoints for Services {
    fn entrypoint(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        _limits: CodeLimits,
    ) -> Arc<dyn Fetcher> {
        Arc::new(Service {
            services: self.clone(),
            entrypoint: name.map(Arc::from),
            props,
        })
    }

    fn class(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<Class> {
        Class::new(Source::Deployed(self.clone()), name, props, limits)
    }
}

/// One entrypoint of such a worker.
struct Service {
    services: Services,
    entrypoint: Option<Arc<str>>,
    props: Option<Arc<Props>>,
}

impl Service {
    fn target(&self) -> Result<Arc<dyn Fetcher>, FetchError> {
        let worker = self.services.worker()?;
        Ok(worker.target(self.entrypoint.clone(), self.props.clone()))
    }
}

impl Fetcher for Service {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move { self.target()?.fetch(request).await })
    }

    fn describe(&self) -> String {
        described(&self.services.name, self.entrypoint.as_deref())
    }

    fn call(&self, call: MethodCall) {
        match self.target() {
            Ok(target) => target.call(call),
            Err(error) => call.returns.call(Err(error)),
        }
    }

    fn tail(&self, item: Arc<TraceItem>, room: OwnedSemaphorePermit) {
        if let Ok(target) = self.target() {
            target.tail(item, room);
        }
    }
}
