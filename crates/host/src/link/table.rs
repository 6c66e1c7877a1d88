//! What an isolate may do: the capabilities that it was made with, and those that it got later.

use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use protocol::limits::MAX_CAPABILITIES;
use protocol::{CapabilityId, DERIVED, Derive, ExportId, ObjectNumber, Parcel, Passed, ToIsolate};

use super::Link;
use crate::capability::Capability;
use crate::objects::Lease;
use crate::parcel::Props;

/// Something in an isolate that others may call. The isolate is told when nobody can any more.
#[derive(Debug)]
pub struct Remote {
    pub(super) link: Weak<Link>,
    pub(super) export: ExportId,
    /// The object that it belongs to. That stays awake as long as it is here.
    pub(super) object: Option<(ObjectNumber, Option<Lease>)>,
}

impl Remote {
    /// What it is, for those who read what was used.
    pub(crate) fn describe(&self) -> String {
        match self.link.upgrade() {
            Some(link) => format!("stub of {}", link.worker),
            None => "stub of what is gone".to_owned(),
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(link) = self.link.upgrade() {
            link.given_away.fetch_sub(1, Ordering::Relaxed);
            link.send(&ToIsolate::Release(self.export));
        }
    }
}

impl Link {
    /// Something in the isolate's table.
    pub(super) fn capability(&self, id: CapabilityId) -> Result<Capability, String> {
        let fixed = usize::try_from(id).ok();
        let found = match fixed.and_then(|index| self.capabilities.get(index)) {
            Some(capability) => Some(capability.clone()),
            None => self.lock().capabilities.get(&id).cloned(),
        };
        found.ok_or_else(|| "a capability that it does not have".to_owned())
    }

    /// Puts something in the isolate's table. `None` when it is full, or the isolate is gone.
    pub(super) fn endow(&self, capability: Capability) -> Option<CapabilityId> {
        let mut state = self.lock();
        if state.closed || state.capabilities.len() >= MAX_CAPABILITIES {
            drop(state);
            return None;
        }
        let first = CapabilityId::try_from(self.capabilities.len()).unwrap_or(DERIVED);
        let id = state.next_capability(first);
        state.capabilities.insert(id, capability);
        Some(id)
    }

    /// Whether others can call something here.
    pub(crate) fn has_given_away(&self) -> bool {
        self.given_away.load(Ordering::Relaxed) > 0
    }

    /// Whether something here must not end, though nothing happens to it.
    pub(crate) fn is_needed(&self) -> bool {
        self.has_given_away() || !self.lock().objects.is_empty()
    }

    pub(super) fn release_capability(&self, id: CapabilityId) -> Result<(), String> {
        // What is dropped with it may have something to say on this link, so that must not be locked.
        let gone = self.lock().capabilities.remove(&id);
        gone.map(drop)
            .ok_or_else(|| "a release of no capability".to_owned())
    }

    pub(super) fn derive(
        self: &Arc<Self>,
        id: CapabilityId,
        derive: Derive<'_>,
    ) -> Result<(), String> {
        if id & DERIVED == 0 {
            return Err("a number that is not for it to give".to_owned());
        }
        let made = match derive {
            Derive::Export { id, object } => self.export(id, object),
            Derive::Object { from, id, name } => match self.capability(from)? {
                Capability::Namespace(namespace) => {
                    namespace.check(&id, name)?;
                    Capability::Object {
                        namespace,
                        id,
                        name: name.map(Arc::from),
                    }
                }
                // It is for one object alone.
                object @ Capability::Object { .. } => object,
                _ => return Err("an object of something else".to_owned()),
            },
            Derive::Worker { from, id, code } => match self.capability(from)? {
                Capability::Loader(loader) => {
                    if let Some(uses) = &self.uses {
                        uses.note("loader", format!("load {}", id.unwrap_or_default()));
                    }
                    loader.load(id, self.read_code(&code)?)
                }
                _ => return Err("a worker of something else".to_owned()),
            },
            Derive::Entrypoint {
                from,
                name,
                props,
                limits,
            } => match self.capability(from)? {
                Capability::Worker(worker) => {
                    let props = props.map(|props| self.read_props(&props)).transpose()?;
                    Capability::Fetch(worker.entrypoint(name, props, limits))
                }
                _ => return Err("an entrypoint of something else".to_owned()),
            },
            Derive::Class {
                from,
                name,
                props,
                limits,
            } => match self.capability(from)? {
                Capability::Worker(worker) => {
                    let props = props.map(|props| self.read_props(&props)).transpose()?;
                    Capability::Class(worker.class(Some(name), props, limits))
                }
                _ => return Err("a class of something else".to_owned()),
            },
            Derive::Facet { object, name } => self.derive_facet(object, name)?,
        };
        let mut state = self.lock();
        let is_full = state.capabilities.len() >= MAX_CAPABILITIES;
        match state.capabilities.entry(id) {
            Entry::Vacant(vacant) if !is_full => {
                vacant.insert(made);
                Ok(())
            }
            Entry::Vacant(_) => Err("too many capabilities".to_owned()),
            Entry::Occupied(_) => Err("a capability number that is in use".to_owned()),
        }
    }

    fn read_props(self: &Arc<Self>, props: &Parcel<'_, Passed>) -> Result<Arc<Props>, String> {
        let props = Props::new(self.read_parcel(props)?).map(Arc::new);
        props.ok_or_else(|| "props that can be read only once".to_owned())
    }

    /// What the isolate lets others call.
    pub(super) fn export(
        self: &Arc<Self>,
        export: ExportId,
        object: Option<ObjectNumber>,
    ) -> Capability {
        let slot = object.map(|object| {
            let state = self.lock();
            let living = state.objects.get(&object);
            (object, living.map(|living| Arc::clone(&living.slot)))
        });
        self.given_away.fetch_add(1, Ordering::Relaxed);
        Capability::Stub(Arc::new(Remote {
            link: Arc::downgrade(self),
            export,
            object: slot.map(|(object, slot)| (object, slot.map(|slot| slot.lease()))),
        }))
    }
}
