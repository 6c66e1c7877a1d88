//! Uses of capabilities.

use std::sync::Arc;

use http::StatusCode;
use protocol::limits::{MAX_HELD_BYTES, MAX_OPEN_PER_ISOLATE};
use protocol::{
    Call, CallError, CallId, CapabilityId, EventId, FailureKind, ObjectCall, ObjectId, Reply,
    Request as WireRequest, Response as WireResponse, SocketRef, ToIsolate,
};
use tokio::sync::oneshot;

use super::rpc::{Receiver, call_remote};
use super::state::Answer;
use super::{EventEntry, Link, now_ms};
use crate::audit::Uses;
use crate::body::Body;
use crate::capability::Capability;
use crate::fetcher::{Caller, Depth, FetchError, Life, Request, Response};
use crate::held::Held;
use crate::metered::{Meter, metered};
use crate::objects::{Arrival, Namespace, Work};
use crate::parcel::MethodCall;
use crate::routes::Route;
use crate::socket::SocketEnd;
use crate::wall_time::{answer_in_time, in_time};
use crate::{redirects, wire};

/// How many workers a request may pass through (Workers: 16).
pub(super) const MAX_DEPTH: u32 = 16;
pub(super) const TOO_DEEP: &str = "Subrequest depth limit exceeded. This request recursed through Workers too many times. This \
                        can happen e.g. if you have a Worker or Durable Object that calls other Workers or objects \
                        recursively.";

/// What a worker sees that has [`MAX_OPEN_PER_ISOLATE`] WebSockets of others and asks for another one.
const TOO_MANY_SOCKETS: &str = "Too many WebSockets are open in this isolate: there can be 16384.";

impl Link {
    pub(super) fn call(
        self: &Arc<Self>,
        made: &Made,
        capability: CapabilityId,
        call: Call<'_>,
    ) -> Result<(), String> {
        let Made {
            id, event, size, ..
        } = *made;
        let capability = self.capability(capability)?;
        if let Some(uses) = &self.uses {
            let process = self.process().cpu_time().ok();
            uses.begin(made, &capability, &call, process);
        }
        // Isolates that have each other's stubs talk within the request that brought them together.
        let costs = u32::from(!matches!(capability, Capability::Stub(_)));
        let (depth, route) = {
            let mut state = self.lock();
            if state.calls.contains_key(&id) {
                return Err("a call number that is in use".to_owned());
            }
            if state.calls.len() >= MAX_OPEN_PER_ISOLATE {
                drop(state);
                self.fail(
                    id,
                    &error(
                        "Error",
                        "Too many subrequests of this Worker are under way.",
                    ),
                );
                return Ok(());
            }
            let deepest = state.events.values().map(|entry| entry.depth).max();
            let known = event.filter(|event| state.events.contains_key(event));
            // A call whose event is not known counts for the one with the most left, and for the deepest.
            let payer = known.or_else(|| {
                let events = state.events.iter();
                events
                    .min_by_key(|(_, entry)| entry.subrequests)
                    .map(|(event, _)| *event)
            });
            match payer.and_then(|event| state.events.get_mut(&event)) {
                Some(entry) => {
                    entry.subrequests += costs;
                    let limit = entry.subrequest_limit.unwrap_or(u32::MAX);
                    let limit = self.subrequests.min(limit);
                    let count = entry.subrequests;
                    if count > limit {
                        drop(state);
                        let message = format!(
                            "Too many subrequests by single Worker invocation. The limit is {limit}, and this is number {count}."
                        );
                        self.fail(id, &error("Error", &message));
                        return Ok(());
                    }
                    match known {
                        Some(_) => (entry.depth, entry.route),
                        None => (deepest.unwrap_or(0), None),
                    }
                }
                None => {
                    drop(state);
                    self.fail(
                        id,
                        &error(
                            "Error",
                            "Cannot perform I/O for an event that is over. Use waitUntil() for work that goes on after \
                             the response.",
                        ),
                    );
                    return Ok(());
                }
            }
        };
        let Some(held) = self.held.hold(size, MAX_HELD_BYTES) else {
            self.fail(id, &error("Error", super::incoming::TOO_MUCH_HELD));
            return Ok(());
        };
        let work = match (call, capability) {
            (Call::Fetch(request), Capability::Fetch(fetcher)) => {
                if depth + 1 > MAX_DEPTH {
                    self.fail(id, &error("Error", TOO_DEEP));
                    return Ok(());
                }
                let mut request = self.read_request(&request)?;
                request.extensions_mut().insert(Depth(depth + 1));
                request.extensions_mut().insert(self.as_caller());
                request.extensions_mut().insert(self.life(event));
                let link = Arc::clone(self);
                tokio::spawn(async move {
                    let _held = held;
                    match redirects::follow(request, |request| fetcher.fetch(request)).await {
                        Ok(response) => link.reply_response(id, response),
                        Err(failed) => link.fail(id, &fetch_error(&failed)),
                    }
                })
            }
            (
                Call::CacheMatch {
                    cache,
                    request,
                    ignore_method,
                },
                Capability::Cache(store),
            ) => {
                let found = store.find(cache, &self.read_request(&request)?, ignore_method);
                let link = Arc::clone(self);
                tokio::spawn(async move {
                    match found {
                        Some(response) => link.reply_response(id, response),
                        None => link.reply(id, Reply::Nothing),
                    }
                })
            }
            (
                Call::CachePut {
                    cache,
                    request,
                    response,
                },
                Capability::Cache(store),
            ) => {
                let url = self.read_request(&request)?.uri().to_string();
                let response = self.read_response(&response)?;
                let (cache, link) = (cache.map(str::to_owned), Arc::clone(self));
                tokio::spawn(async move {
                    let _held = held;
                    match store.put(cache.as_deref(), &url, response).await {
                        Ok(()) => link.reply(id, Reply::Nothing),
                        Err(text) => link.fail(id, &error("Error", &text)),
                    }
                })
            }
            (
                Call::CacheDelete {
                    cache,
                    request,
                    ignore_method,
                },
                Capability::Cache(store),
            ) => {
                let found = store.delete(cache, &self.read_request(&request)?, ignore_method);
                self.reply(id, Reply::Flag(found));
                return Ok(());
            }
            (Call::FindWorker(name), Capability::Loader(loader)) => {
                let found = loader.find(name).and_then(|worker| self.endow(worker));
                self.reply(id, Reply::Capability(found));
                return Ok(());
            }
            (Call::Rpc(invocation), Capability::Stub(remote)) => {
                let returns = self.returns_to(id, held);
                let call = self.read_call(&invocation, depth, returns)?;
                self.lock().calls.insert(id, None);
                call_remote(remote, call);
                return Ok(());
            }
            (Call::Rpc(invocation), Capability::Fetch(fetcher)) => {
                if depth + 1 > MAX_DEPTH {
                    self.fail(id, &error("Error", TOO_DEEP));
                    return Ok(());
                }
                let returns = self.returns_to(id, held);
                let call = self.read_call(&invocation, depth + 1, returns)?;
                self.lock().calls.insert(id, None);
                fetcher.call(call);
                return Ok(());
            }
            (
                Call::Object {
                    id: object,
                    name,
                    call,
                },
                Capability::Namespace(namespace),
            ) => {
                namespace.check(&object, name)?;
                if depth + 1 > MAX_DEPTH {
                    self.fail(id, &error("Error", TOO_DEEP));
                    return Ok(());
                }
                let origin = Origin {
                    id,
                    depth: depth + 1,
                    held,
                    route,
                };
                return self.call_object(origin, &namespace, object, name, call);
            }
            (
                Call::Object { call, .. },
                Capability::Object {
                    namespace,
                    id: object,
                    name,
                },
            ) => {
                if depth + 1 > MAX_DEPTH {
                    self.fail(id, &error("Error", TOO_DEEP));
                    return Ok(());
                }
                let name = name.as_deref();
                let origin = Origin {
                    id,
                    depth: depth + 1,
                    held,
                    route,
                };
                return self.call_object(origin, &namespace, object, name, call);
            }
            (Call::Fetch(request), Capability::Facet(facet)) => {
                let call = ObjectCall::Fetch(request);
                return self.call_facet(id, &facet, call, depth + 1, held);
            }
            (Call::Rpc(invocation), Capability::Facet(facet)) => {
                let call = ObjectCall::Rpc(invocation);
                return self.call_facet(id, &facet, call, depth + 1, held);
            }
            _ => return Err("a call that its capability does not have".to_owned()),
        };
        if !work.is_finished() {
            self.lock().calls.insert(id, Some(work.abort_handle()));
        }
        Ok(())
    }

    /// Sends an event to an object, whose isolate may be this one.
    fn call_object(
        self: &Arc<Self>,
        origin: Origin,
        namespace: &Namespace,
        object: ObjectId,
        name: Option<&str>,
        call: ObjectCall<'_>,
    ) -> Result<(), String> {
        let Origin {
            id,
            depth,
            held,
            route,
        } = origin;
        let (namespace, name) = (namespace.clone(), name.map(str::to_owned));
        let learn = self.route_of(route);
        self.call_at(id, call, depth, held, move |work| {
            let learn = learn.clone();
            namespace.deliver(object, name.as_deref(), move |arrival| {
                learn(&arrival);
                work(arrival);
            });
        })
    }

    /// Sends an event to an object. `deliver` does what it is given where the object lives.
    pub(super) fn call_at(
        self: &Arc<Self>,
        id: CallId,
        call: ObjectCall<'_>,
        depth: u32,
        held: Held,
        deliver: impl Fn(Work) + Send + 'static,
    ) -> Result<(), String> {
        let caller = Arc::clone(self);
        match call {
            ObjectCall::Fetch(request) => {
                let mut request = self.read_request(&request)?;
                request.extensions_mut().insert(Depth(depth));
                let mut trail = redirects::Trail::of(&request);
                let send = move |request| {
                    let (respond, answer) = oneshot::channel();
                    deliver(Box::new(move |arrival| {
                        fetch_object(arrival, request, respond);
                    }));
                    answer
                };
                self.lock().calls.insert(id, None);
                // Now, so that calls arrive in their order.
                let mut answer = send(request);
                let work = tokio::spawn(async move {
                    let _held = held;
                    let answered = loop {
                        let answered = answer.await.unwrap_or_else(|_| Err(super::lost()));
                        let mut response = match answered {
                            Ok(response) => response,
                            failed => break failed,
                        };
                        match trail.next(&mut response) {
                            Ok(Some(next)) => answer = send(next),
                            Ok(None) => break Ok(response),
                            Err(failed) => break Err(failed),
                        }
                    };
                    match answered {
                        Ok(response) => caller.reply_response(id, response),
                        Err(failed) => caller.fail(id, &fetch_error(&failed)),
                    }
                });
                // It may be over by now.
                if let Some(under_way) = self.lock().calls.get_mut(&id) {
                    *under_way = Some(work.abort_handle());
                }
            }
            ObjectCall::Rpc(invocation) => {
                let returns = self.returns_to(id, held);
                let call = self.read_call(&invocation, depth, returns)?;
                self.lock().calls.insert(id, None);
                deliver(Box::new(move |arrival| call_method(arrival, call)));
            }
        }
        Ok(())
    }

    /// Whose event it is, as far as that is known.
    fn life(&self, event: Option<EventId>) -> Life {
        let state = self.lock();
        let number = event.and_then(|event| state.events.get(&event)?.object);
        match number.and_then(|number| state.objects.get(&number)) {
            Some(living) => living.life(),
            None => Life {
                object: String::new(),
                number: u64::from(self.process.id()) << 32,
            },
        }
    }

    /// Remembers where the object lives that an event has called.
    fn route_of(
        &self,
        route: Option<Route>,
    ) -> impl Fn(&Result<Arrival, FetchError>) + Clone + use<> {
        let routes = self.routes.clone().zip(route);
        move |arrival| {
            if let (Some((routes, route)), Ok(arrival)) = (&routes, arrival) {
                routes.learn(*route, arrival.link.process().id());
            }
        }
    }

    fn read_request(self: &Arc<Self>, request: &WireRequest<'_>) -> Result<Request, String> {
        let body = self.read_body(&request.body)?;
        wire::request(request, body)
    }

    fn reply_response(self: &Arc<Self>, id: CallId, mut response: Response) {
        let mut socket = None;
        if let Some(upgrade) = SocketEnd::detach(response.extensions_mut()) {
            let Some(number) = self.offer_socket(upgrade) else {
                self.fail(id, &error("Error", TOO_MANY_SOCKETS));
                return;
            };
            socket = Some(SocketRef::Host(number));
        }
        let (parts, body) = response.into_parts();
        let headers = wire::response_headers(&parts.headers);
        let meta = parts
            .extensions
            .get::<wire::Fetched>()
            .cloned()
            .unwrap_or_default();
        let body = self.metered(id, parts.status, body);
        self.with_body(body, |body| {
            self.reply(
                id,
                Reply::Response(WireResponse {
                    status: parts.status.as_u16(),
                    status_text: wire::reason(parts.status, &parts.extensions),
                    headers,
                    body,
                    url: &meta.url,
                    redirected: meta.redirected,
                    socket,
                }),
            );
        });
    }

    fn as_caller(&self) -> Caller {
        Caller {
            worker: Arc::clone(&self.worker),
            code: self.uses.as_ref().and_then(Uses::code),
            is_dynamic: self.evaluates,
        }
    }

    /// The body of a response, counted if what the isolate uses is written down.
    fn metered(&self, id: CallId, status: StatusCode, body: Body) -> Body {
        let Some(mut entry) = self.uses.as_ref().and_then(|uses| uses.take(id)) else {
            return body;
        };
        let received = Meter::new(None);
        entry.answered(status);
        entry.meters(Meter::new(None), received.clone());
        metered(body, received, String::new(), Some(entry))
    }

    /// The isolate does not wait for it any more.
    pub(super) fn cancel_call(&self, id: CallId) {
        if let Some(Some(abort)) = self.lock().calls.remove(&id) {
            abort.abort();
        }
        if let Some(uses) = &self.uses {
            uses.cancelled(id);
        }
    }

    pub(super) fn reply(&self, id: CallId, reply: Reply<'_>) {
        self.lock().calls.remove(&id);
        if let Some(uses) = &self.uses {
            uses.replied(id, &reply);
        }
        self.send(&ToIsolate::Result {
            call: id,
            now_ms: now_ms(),
            result: Ok(reply),
        });
    }

    pub(super) fn fail(&self, id: CallId, error: &CallError) {
        self.lock().calls.remove(&id);
        if let Some(uses) = &self.uses {
            uses.failed(id, &error.name, &error.message);
        }
        self.send(&ToIsolate::Result {
            call: id,
            now_ms: now_ms(),
            result: Err(error.clone()),
        });
    }
}

/// How an isolate makes a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) id: CallId,
    /// The event that it is made for, if one is known.
    pub(crate) event: Option<EventId>,
    /// Processor time of that event up to now, in microseconds, as the isolate counts it.
    pub(crate) cpu_us: u64,
    /// Bytes of its frame.
    pub(crate) size: usize,
}

/// Where a call of an object comes from.
struct Origin {
    id: CallId,
    /// How many workers it will have passed through.
    depth: u32,
    /// What the host holds of it.
    held: Held,
    route: Option<Route>,
}

/// Has an object answer a request.
pub(crate) fn fetch_object(
    arrival: Result<Arrival, FetchError>,
    request: Request,
    respond: Answer<Response>,
) {
    let Arrival {
        link,
        number,
        lease,
        limits,
    } = match arrival {
        Ok(arrival) => arrival,
        Err(error) => {
            drop(respond.send(Err(error)));
            return;
        }
    };
    if respond.is_closed() {
        return;
    }
    let respond = match limits.wall_ms {
        Some(wall_ms) => answer_in_time(&link, wall_ms, respond),
        None => respond,
    };
    let entry = EventEntry {
        respond: Some(respond),
        object: Some(number),
        lease: Some(lease),
        subrequest_limit: limits.subrequests,
        ..EventEntry::default()
    };
    // An entry that is refused has told who waits.
    let _event = link.begin_fetch(None, None, limits.bounds(), entry, request);
}

/// Calls a method of an object.
pub(crate) fn call_method(arrival: Result<Arrival, FetchError>, call: MethodCall) {
    match arrival {
        Ok(Arrival {
            link,
            number,
            lease,
            limits,
        }) => {
            let mut call = call;
            if let Some(wall_ms) = limits.wall_ms {
                call.returns = in_time(&link, wall_ms, call.returns);
            }
            link.begin_call(Receiver::Object(number, lease, limits), call);
        }
        Err(error) => call.returns.call(Err(error)),
    }
}

pub(super) fn error(name: &str, message: &str) -> CallError {
    CallError {
        name: name.to_owned(),
        message: message.to_owned(),
        ..CallError::default()
    }
}

/// What a worker sees of a failed fetch.
pub(super) fn fetch_error(failed: &FetchError) -> CallError {
    match failed {
        FetchError::Worker(failure) => CallError {
            name: if failure.name.is_empty() {
                "Error".to_owned()
            } else {
                failure.name.clone()
            },
            message: failure.message.clone(),
            stack: Some(failure.stack.clone()),
            remote: true,
            overloaded: failure.kind == FailureKind::Blocked,
            durable_object_reset: matches!(failure.kind, FailureKind::Reset | FailureKind::Blocked),
            ..CallError::default()
        },
        FetchError::Lost { message, retryable } => CallError {
            remote: true,
            retryable: *retryable,
            ..error("Error", message)
        },
        FetchError::Overloaded(message) => CallError {
            remote: true,
            overloaded: true,
            ..error("Error", message)
        },
        FetchError::Network(message) => error("Error", message),
        FetchError::Refused(message) => error("TypeError", message),
    }
}
