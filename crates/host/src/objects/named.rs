//! One Durable Object as a capability of its own: whoever holds it reaches this object and no other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use protocol::{ObjectId, id_from_name};
use tokio::sync::oneshot;

use super::Namespace;
use crate::fetcher::{FetchError, Fetcher, Request, Response};
use crate::link::{call_method, fetch_object, lost};
use crate::parcel::MethodCall;

struct Named {
    namespace: Namespace,
    id: ObjectId,
    name: Box<str>,
}

impl Namespace {
    /// The object whose id is made from a name.
    pub(crate) fn named(&self, name: &str) -> Arc<dyn Fetcher> {
        Arc::new(Named {
            id: id_from_name(&self.key(), name, None),
            namespace: self.clone(),
            name: name.into(),
        })
    }
}

impl Fetcher for Named {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        let (respond, answer) = oneshot::channel();
        self.namespace
            .deliver(self.id, Some(&self.name), move |arrival| {
                fetch_object(arrival, request, respond);
            });
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(lost())) })
    }

    fn describe(&self) -> String {
        format!(
            "object {}:{} {}",
            self.namespace.worker(),
            self.namespace.class(),
            self.name
        )
    }

    fn call(&self, call: MethodCall) {
        self.namespace
            .deliver(self.id, Some(&self.name), move |arrival| {
                call_method(arrival, call);
            });
    }
}
