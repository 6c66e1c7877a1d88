//! Calls of methods, and the values that they carry.

use std::sync::Arc;

use bytes::Bytes;
use protocol::limits::{MAX_RPC_BYTES, MAX_RPC_PATH, MAX_RPC_REFERENCES};
use protocol::{
    Body as WireBody, Bounds, CallId, CodeLimits, Event, EventId, Given, Invocation,
    Parcel as WireParcel, Passed, Reply, Returned as WireReturned, Target, ToIsolate,
};

use super::calls::fetch_error;
use super::code::given;
use super::table::Remote;
use super::{EventEntry, Link, lost, now_ms, outgoing};
use crate::capability::Capability;
use crate::fetcher::FetchError;
use crate::held::Held;
use crate::objects::Lease;
use crate::parcel::{Item, MethodCall, Parcel, Props, Returned, Returns};
use crate::tail::Happening;

const TOO_MANY_CAPABILITIES: &str =
    "Worker holds too many capabilities. Dispose of stubs that are not needed any more.";

/// Whose method is called.
pub(crate) enum Receiver {
    /// An export of the worker, with what its `ctx.props` are.
    Entrypoint(Option<Arc<str>>, Option<Arc<Props>>, CodeLimits),
    /// An object, which stays awake for it.
    Object(protocol::ObjectNumber, Lease, CodeLimits),
    /// Something that the isolate gave away.
    Export(Arc<Remote>),
}

impl Link {
    /// A value as the isolate sends it, with what it refers to taken out of the isolate's hands.
    pub(super) fn read_parcel(
        self: &Arc<Self>,
        parcel: &WireParcel<'_, Passed>,
    ) -> Result<Parcel, String> {
        if parcel.value.len() > MAX_RPC_BYTES || parcel.refers.len() > MAX_RPC_REFERENCES {
            return Err("a value that is too large".to_owned());
        }
        let item = |passed: &Passed| {
            Ok::<_, String>(match *passed {
                Passed::Export { id, object } => Item::Capability(self.export(id, object)),
                Passed::Capability(id) => match self.capability(id)? {
                    Capability::Facet(_) => return Err("a facet that is passed on".to_owned()),
                    capability => Item::Capability(capability),
                },
                Passed::Stream { id, length } => {
                    Item::Stream(self.read_body(&WireBody::Stream { id, length })?, length)
                }
                Passed::Forward(id) => Item::Stream(self.read_body(&WireBody::Forward(id))?, None),
            })
        };
        Ok(Parcel {
            value: Bytes::copy_from_slice(parcel.value),
            items: parcel.refers.iter().map(item).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn read_call(
        self: &Arc<Self>,
        invocation: &Invocation<'_, Passed>,
        depth: u32,
        returns: Returns,
    ) -> Result<MethodCall, String> {
        if invocation.path.len() > MAX_RPC_PATH {
            return Err("a path that is too long".to_owned());
        }
        let arguments = invocation.arguments.as_ref();
        Ok(MethodCall {
            path: invocation.path.iter().copied().map(Box::from).collect(),
            arguments: arguments
                .map(|arguments| self.read_parcel(arguments))
                .transpose()?,
            depth,
            is_dynamic: self.evaluates,
            returns,
        })
    }

    /// What takes the outcome of a call to the one who made it.
    pub(super) fn returns_to(self: &Arc<Self>, id: CallId, held: Held) -> Returns {
        let caller = Arc::clone(self);
        Returns::new(move |outcome| {
            drop(held);
            match outcome {
                Ok(Returned::Value(parcel)) => {
                    let given = caller.with_parcel(parcel, |parcel| {
                        caller.reply(id, Reply::Returned(parcel));
                    });
                    if let Err(failed) = given {
                        caller.fail(id, &fetch_error(&failed));
                    }
                }
                Ok(Returned::Thrown(bytes)) => caller.reply(id, Reply::Thrown(&bytes)),
                Err(failed) => caller.fail(id, &fetch_error(&failed)),
            }
        })
    }

    /// Describes a value for a frame. What it refers to is in the isolate's hands when `work` gets the description, and
    /// streams start after it.
    pub(super) fn with_parcel<R>(
        self: &Arc<Self>,
        parcel: Parcel,
        work: impl FnOnce(WireParcel<'_, Given>) -> R,
    ) -> Result<R, FetchError> {
        if parcel.items.is_empty() {
            return Ok(work(WireParcel {
                value: &parcel.value,
                refers: Vec::new(),
            }));
        }
        let mut refers = Vec::with_capacity(parcel.items.len());
        let mut pumps = Vec::new();
        for item in parcel.items {
            let given = match item {
                Item::Capability(capability) => self.give(capability)?,
                Item::Stream(body, length) => {
                    let mut state = self.lock();
                    if state.closed {
                        return Err(lost());
                    }
                    let id = state.next_stream();
                    let (writer, pump) = outgoing::open(Arc::clone(self), id, body);
                    state.writers.insert(id, writer);
                    pumps.push(pump);
                    Given::Stream { id, length }
                }
            };
            refers.push(given);
        }
        let result = work(WireParcel {
            value: &parcel.value,
            refers,
        });
        for pump in pumps {
            tokio::spawn(pump);
        }
        Ok(result)
    }

    fn give(&self, capability: Capability) -> Result<Given, FetchError> {
        if matches!(capability, Capability::Cache(_) | Capability::Worker(_)) {
            return Ok(Given::Nothing);
        }
        let full = || FetchError::Overloaded(TOO_MANY_CAPABILITIES.to_owned());
        let id = self.endow(capability.clone()).ok_or_else(full)?;
        Ok(given(&capability, id))
    }

    /// Has the isolate do a call. Who made it is told whatever becomes of it.
    pub(crate) fn begin_call(self: &Arc<Self>, receiver: Receiver, call: MethodCall) {
        let MethodCall {
            path,
            arguments,
            depth,
            returns,
            ..
        } = call;
        let mut entry = EventEntry {
            returns: Some(returns),
            depth,
            ..EventEntry::default()
        };
        let mut name = None;
        let mut props = None;
        let mut export = None;
        let mut bounds = Bounds::default();
        match receiver {
            Receiver::Entrypoint(entrypoint, given, limits) => {
                bounds = limits.bounds();
                entry.subrequest_limit = limits.subrequests;
                name = entrypoint;
                props = given;
            }
            Receiver::Object(object, lease, limits) => {
                bounds = limits.bounds();
                entry.subrequest_limit = limits.subrequests;
                entry.object = Some(object);
                entry.lease = Some(lease);
            }
            Receiver::Export(remote) => {
                export = Some(remote.export);
                entry.object = remote.object.as_ref().map(|(object, _)| *object);
                // The one who calls it cannot take it away meanwhile.
                entry.callee = Some(remote);
            }
        }
        let object = entry.object;
        let happening = || Happening::Rpc(path.join("."));
        entry.following = self.follow(happening, name.as_deref(), object, depth);
        let Ok(id) = self.begin(entry) else { return };
        let path: Vec<&str> = path.iter().map(|name| &**name).collect();
        let send = |props: Option<WireParcel<'_, Given>>,
                    arguments: Option<WireParcel<'_, Given>>| {
            let target = match (export, object) {
                (Some(export), _) => Target::Export(export),
                (None, Some(_)) => Target::Object,
                (None, None) => Target::Entrypoint {
                    name: name.as_deref(),
                    props,
                },
            };
            self.send(&ToIsolate::Event {
                id,
                now_ms: now_ms(),
                object,
                bounds,
                event: Event::Rpc {
                    target,
                    invocation: Invocation { path, arguments },
                },
            });
        };
        let props = props.map(|props| props.parcel());
        let sent = self.with_optional(props, |props| {
            self.with_optional(arguments, |arguments| send(props, arguments))
        });
        if let Err(failed) | Ok(Err(failed)) = sent {
            self.fail_event(id, &failed);
        }
    }

    /// As [`Self::with_parcel`], for what may be missing.
    pub(crate) fn with_optional<R>(
        self: &Arc<Self>,
        parcel: Option<Parcel>,
        work: impl FnOnce(Option<WireParcel<'_, Given>>) -> R,
    ) -> Result<R, FetchError> {
        match parcel {
            Some(parcel) => self.with_parcel(parcel, |parcel| work(Some(parcel))),
            None => Ok(work(None)),
        }
    }

    /// An event that the isolate was not told of has failed.
    pub(crate) fn fail_event(&self, id: EventId, failed: &FetchError) {
        let entry = self.lock().take_event(id);
        if let Some(entry) = entry {
            entry.fail(failed);
        }
    }

    /// A method has its result.
    pub(super) fn returned(
        self: &Arc<Self>,
        id: EventId,
        returned: &WireReturned<'_, Passed>,
    ) -> Result<(), String> {
        let returned = match returned {
            WireReturned::Value(parcel) => Returned::Value(self.read_parcel(parcel)?),
            WireReturned::Thrown(bytes) if bytes.len() > MAX_RPC_BYTES => {
                return Err("a result that is too large".to_owned());
            }
            WireReturned::Thrown(bytes) => Returned::Thrown(Bytes::copy_from_slice(bytes)),
        };
        let returns = {
            let mut state = self.lock();
            let entry = state.events.get_mut(&id).ok_or("a result of no event")?;
            if entry.responded {
                return Err("a second result of an event".to_owned());
            }
            entry.responded = true;
            entry.returns.take()
        };
        if let Some(returns) = returns {
            returns.call(Ok(returned));
        }
        Ok(())
    }
}

/// Calls what another isolate gave away.
pub(super) fn call_remote(remote: Arc<Remote>, call: MethodCall) {
    match remote.link.upgrade() {
        Some(link) => link.begin_call(Receiver::Export(remote), call),
        None => call.returns.call(Err(lost())),
    }
}
