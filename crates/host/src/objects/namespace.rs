//! Namespaces: all objects of one class.

use std::fmt;
use std::sync::Arc;

use protocol::{JURISDICTIONS, ObjectId, id_belongs, id_from_name, jurisdiction_of, namespace_key};

use super::Objects;
use crate::fetcher::FetchError;

/// All objects of one class of a worker. Clones are the same namespace.
#[derive(Clone)]
pub struct Namespace(Arc<Inner>);

struct Inner {
    objects: std::sync::Weak<Objects>,
    stored: storage::Namespace,
    /// What its ids are made with. A new name of the class does not change it.
    key: [u8; 32],
    worker: Box<str>,
    class: Box<str>,
}

/// What a worker's class is called in the store.
pub(crate) fn stored_name(worker: &str, class: &str) -> String {
    format!("{worker}:{class}")
}

impl Namespace {
    pub(crate) fn new(objects: &Arc<Objects>, stored: storage::Namespace) -> Self {
        let (worker, class) = stored.key().rsplit_once(':').unwrap_or(("", stored.key()));
        let (worker, class) = (worker.into(), class.into());
        Self(Arc::new(Inner {
            objects: Arc::downgrade(objects),
            key: namespace_key(stored.origin()),
            worker,
            class,
            stored,
        }))
    }

    /// What its ids are made with: for [`BindingValue::Namespace`](protocol::BindingValue::Namespace).
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        self.0.key
    }

    pub(crate) fn worker(&self) -> &str {
        &self.0.worker
    }

    pub(crate) fn class(&self) -> &str {
        &self.0.class
    }

    pub(crate) fn stored(&self) -> &storage::Namespace {
        &self.0.stored
    }

    /// Whether an isolate that holds this namespace may name this object so.
    pub(crate) fn check(&self, id: &ObjectId, name: Option<&str>) -> Result<(), String> {
        if !id_belongs(&self.0.key, id) {
            return Err("an object of another namespace".to_owned());
        }
        let Some(name) = name else { return Ok(()) };
        if name.len() > protocol::limits::MAX_OBJECT_NAME_BYTES {
            return Err("an object's name that is too long".to_owned());
        }
        let jurisdiction = jurisdiction_of(id)
            .and_then(|wanted| JURISDICTIONS.iter().position(|known| *known == wanted))
            .and_then(|index| u8::try_from(index).ok());
        if id_from_name(&self.0.key, name, jurisdiction) == *id {
            Ok(())
        } else {
            Err("a name that is not the object's".to_owned())
        }
    }

    /// Does `work` where the object lives, which is somewhere once it is called. Works for one object are done in the
    /// order of these calls.
    pub(crate) fn deliver(
        &self,
        id: ObjectId,
        name: Option<&str>,
        work: impl FnOnce(Result<super::Arrival, FetchError>) + Send + 'static,
    ) {
        match self.0.objects.upgrade() {
            Some(objects) => objects.deliver(self, id, name, Box::new(work)),
            None => work(Err(crate::link::lost())),
        }
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Namespace({}:{})", self.worker(), self.class())
    }
}
