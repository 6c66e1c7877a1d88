//! The messages of both directions.

use serde::{Deserialize, Serialize};

use crate::code::Bounds;
use crate::facet::{FacetChange, FacetStart};
use crate::failure::{CallError, Failure, LogLevel};
use crate::graph::{Module, Program};
use crate::object::{Commit, KeptSocket, ObjectCall, Opening, StorageCall};
use crate::rpc::{Derive, ExportId, Given, Invocation, Parcel, Passed, Returned, Target};
use crate::stream::{Flow, StreamPart};
use crate::trace::Trace;
pub use crate::wire::Headers;

/// An entry of an isolate's own capability table. Nothing else gives an isolate any power.
pub type CapabilityId = u32;
/// An event under way, numbered by the host.
pub type EventId = u32;
/// Set in the numbers of events that the isolate gives, and in no others.
pub const OF_ISOLATE: EventId = 1 << 31;
/// A call under way, numbered by the isolate.
pub type CallId = u32;
/// A stream of bytes, numbered by the side that sends the bytes.
pub type StreamId = u32;
/// A WebSocket, numbered by the side that opened its end: see [`SocketRef`].
pub type SocketId = u32;
/// A Durable Object that is open in one isolate, numbered by the host.
pub type ObjectNumber = u32;
/// Which Durable Object of a namespace: 64 hexadecimal digits where people see it.
pub type ObjectId = [u8; 32];

/// What the host says to an isolate or a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToIsolate<'a> {
    /// First frame of a template: evaluate this program. Answered by [`FromIsolate::Evaluated`].
    Evaluate(Box<Program>, Settings),
    /// First frame of a template that others are forked from, each to evaluate a program with these modules: read them, and
    /// run nothing. Answered by [`FromIsolate::Evaluated`], which then tells of no exports.
    Read(Vec<Module>),
    /// First frame of an isolate: where its randomness comes from and how late it is.
    Start {
        /// Seed of every random number that is not asked of the host.
        seed: [u8; 32],
        /// Milliseconds since 1970.
        now_ms: f64,
    },
    /// Something happens to the worker.
    Event {
        /// Answers name it.
        id: EventId,
        /// Milliseconds since 1970.
        now_ms: f64,
        /// The object that it happens to, if it is one.
        object: Option<ObjectNumber>,
        /// What it may use, when that is less than usual.
        bounds: Bounds,
        /// What happens.
        #[serde(borrow)]
        event: Event<'a>,
    },
    /// The caller of an event is gone: its `request.signal` aborts. The number is the time: milliseconds since 1970.
    CancelEvent(EventId, f64),
    /// The answer to a call.
    Result {
        /// The call.
        call: CallId,
        /// Milliseconds since 1970.
        now_ms: f64,
        /// What it gave.
        #[serde(borrow)]
        result: Result<Reply<'a>, CallError>,
    },
    /// Bytes, or the end, of a stream that the host sends. The number is the time, here and below: milliseconds since 1970.
    Stream(StreamId, f64, #[serde(borrow)] StreamPart<'a>),
    /// The host takes more of a stream that the isolate sends, or no more at all.
    Flow(StreamId, f64, Flow),
    /// Something arrived on a WebSocket.
    Socket(SocketRef, f64, #[serde(borrow)] SocketPart<'a>),
    /// An object lives here from now on. Its constructor runs before its first event.
    Open(#[serde(borrow)] Opening<'a>),
    /// The file of an object's database has what the object had committed: the isolate need not keep it.
    Checkpointed {
        /// The object.
        object: ObjectNumber,
        /// The last commit that the file has.
        commit: u64,
        /// A descriptor of the file comes with this frame: there was none before.
        file: bool,
    },
    /// WebSockets that the host keeps for an object that has just been opened, in one frame or several.
    Sockets {
        /// The object.
        object: ObjectNumber,
        /// What is answered without it: a text message and its answer.
        auto_response: Option<(&'a str, &'a str)>,
        /// Those that are open.
        #[serde(borrow)]
        sockets: Vec<KeptSocket<'a>>,
    },
    /// A socket of an object that is awake was answered without it.
    Answered {
        /// The object.
        object: ObjectNumber,
        /// The socket.
        socket: SocketId,
        /// Milliseconds since 1970.
        at_ms: f64,
    },
    /// Nothing happens to an object. Answered by [`FromIsolate::Slept`] or [`FromIsolate::Busy`].
    Sleep(ObjectNumber),
    /// An object does not live here any more: what still runs of it must not touch its storage. Answered by
    /// [`FromIsolate::Slept`].
    Reset {
        /// The object.
        object: ObjectNumber,
        /// What its code is told.
        reason: &'a str,
    },
    /// Nobody can call this export any more.
    Release(ExportId),
    /// A call on a facet needs to know what the facet is. Answered by [`FromIsolate::StartFacet`].
    StartFacet(CallId),
    /// The time that [`FromIsolate::Wake`] asked for has come.
    Tick {
        /// Milliseconds since 1970.
        now_ms: f64,
    },
}

/// What an isolate or a template says to the host. Hostile input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromIsolate<'a> {
    /// A template has evaluated its program, or could not.
    Evaluated(Result<Exports, Failure>),
    /// A fetch event has its response. The event goes on until [`FromIsolate::Done`].
    Respond(EventId, #[serde(borrow)] Response<'a>),
    /// A method that was called has its result, or has thrown.
    Return(EventId, #[serde(borrow)] Returned<'a, Passed>),
    /// An event is over, `waitUntil` included.
    Done {
        /// The event.
        id: EventId,
        /// What became of its handler.
        outcome: Result<(), Failure>,
        /// CPU time it took so far, in microseconds.
        cpu_us: u64,
    },
    /// A use of a capability.
    Call {
        /// Answers name it.
        id: CallId,
        /// Which of the isolate's capabilities.
        capability: CapabilityId,
        /// The event that it is made for, if one is known.
        event: Option<EventId>,
        /// Processor time of that event up to now, in microseconds.
        cpu_us: u64,
        /// What is asked.
        #[serde(borrow)]
        call: Call<'a>,
    },
    /// What an object did to its storage in one turn. Everything that follows waits until it is durable.
    Commit(#[serde(borrow)] Commit<'a>),
    /// A question to the storage of an object that lives here. Answered like any call.
    StorageCall {
        /// Answers name it.
        id: CallId,
        /// The object.
        object: ObjectNumber,
        /// The event that it is made for, if one is known.
        event: Option<EventId>,
        /// What is asked.
        #[serde(borrow)]
        call: StorageCall<'a>,
    },
    /// An object does not live here any more, as the host wished.
    Slept(ObjectNumber),
    /// An object cannot sleep now.
    Busy(ObjectNumber),
    /// An object has failed or ended itself: its next event is for a new instance. Its events end with this failure.
    Broken {
        /// The object.
        object: ObjectNumber,
        /// What its callers see.
        failure: Failure,
    },
    /// What the facet is that a call waits for, or why there is no saying.
    StartFacet(CallId, #[serde(borrow)] Result<FacetStart<'a>, Failure>),
    /// An object does something to its facets. What follows waits until that is done, and durable.
    ChangeFacet {
        /// The object.
        object: ObjectNumber,
        /// What it does.
        #[serde(borrow)]
        change: FacetChange<'a>,
    },
    /// Nobody waits for the answer of this call.
    CancelCall(CallId),
    /// A capability that the isolate was given, or has derived, is not needed any more.
    Release(CapabilityId),
    /// A capability that the isolate makes of another one, under a number of its own: see [`DERIVED`](crate::DERIVED).
    Derive(CapabilityId, #[serde(borrow)] Derive<'a>),
    /// Bytes, or the end, of a stream that the isolate sends.
    Stream(StreamId, #[serde(borrow)] StreamPart<'a>),
    /// The isolate takes more of a stream that the host sends, or no more at all.
    Flow(StreamId, Flow),
    /// Something to send on a WebSocket.
    Socket(SocketRef, #[serde(borrow)] SocketPart<'a>),
    /// What comes on a WebSocket that the host numbered is to be sent from now on. Until then it waits.
    Listen(SocketId),
    /// The host is to keep a WebSocket for an object from now on. Its other end is the one that the isolate numbers so
    /// and gives away in a response.
    Accept {
        /// The object.
        object: ObjectNumber,
        /// The end that is given away.
        end: SocketId,
        /// The socket's number among those of the object.
        socket: SocketId,
        /// Groups that it belongs to.
        #[serde(borrow)]
        tags: Vec<&'a str>,
        /// What was attached to it before.
        #[serde(with = "serde_bytes")]
        attachment: Option<&'a [u8]>,
    },
    /// Something to send on WebSockets that the host keeps for an object.
    Cast {
        /// The object.
        object: ObjectNumber,
        /// The sockets.
        sockets: Vec<SocketId>,
        /// The same for all of them.
        #[serde(borrow)]
        part: SocketPart<'a>,
    },
    /// What an object attaches to a WebSocket that the host keeps for it.
    Attach {
        /// The object.
        object: ObjectNumber,
        /// The socket.
        socket: SocketId,
        /// A value as bytes.
        #[serde(with = "serde_bytes")]
        attachment: &'a [u8],
    },
    /// A text message that the host is to answer for an object on all sockets that it keeps for it, and the answer.
    AutoResponse {
        /// The object.
        object: ObjectNumber,
        /// `None` takes an earlier one back.
        pair: Option<(&'a str, &'a str)>,
    },
    /// A line for the log.
    Log {
        /// The event that wrote it, if one is known.
        event: Option<EventId>,
        /// How loud.
        level: LogLevel,
        /// The text, formatted as a person reads it.
        message: &'a str,
        /// The arguments as a JSON array, when somebody follows the worker.
        arguments: Option<&'a str>,
    },
    /// Send a tick at this time (milliseconds since 1970); `None` takes an earlier wish back.
    Wake(Option<f64>),
    /// An error that no code handled. The worker goes on.
    Unhandled(Option<EventId>, Failure),
    /// The handler of an alarm or a socket is through. What it has left behind goes on until [`FromIsolate::Done`].
    Handled(EventId),
    /// An object that lives here was called from inside the isolate. Nobody outside waits for an answer, but the object is
    /// not idle until [`FromIsolate::Done`]. An event that ends where it began is not told.
    Arrived {
        /// The event, numbered by the isolate: with [`OF_ISOLATE`].
        id: EventId,
        /// The object.
        object: ObjectNumber,
        /// The event that it was called for, if the host knows that.
        caller: Option<EventId>,
    },
    /// What an object gave to something else in the isolate. It refers to capabilities or streams, and so comes back as the
    /// answer of a call, with what it refers to in the isolate's hands.
    PassOn {
        /// The call to be answered, of which the host knows nothing.
        call: CallId,
        /// The object that gave it.
        object: ObjectNumber,
        /// The value.
        #[serde(borrow)]
        value: Parcel<'a, Passed>,
    },
}

/// How an isolate is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Bytes of JavaScript heap.
    pub memory_bytes: u64,
    /// CPU time of one event in milliseconds.
    pub cpu_ms: u32,
    /// CPU time of the program's top level in milliseconds.
    pub startup_cpu_ms: u32,
    /// What the global `fetch()` uses, if it may be used.
    pub global_fetch: Option<CapabilityId>,
    /// What `caches` uses, if it may be used.
    pub cache: Option<CapabilityId>,
    /// The worker itself, for `ctx.exports`.
    pub loopback: Option<CapabilityId>,
    /// What builds programs, if it may be used.
    pub bundler: Option<CapabilityId>,
    /// Somebody follows it.
    pub is_followed: bool,
}

/// What a program exports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exports {
    /// Each entrypoint; the default export is named `default`.
    pub entrypoints: Vec<Entrypoint>,
}

/// One exported handler object or class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrypoint {
    /// The export's name.
    pub name: String,
    /// What it is.
    pub kind: EntrypointKind,
    /// The handlers among `fetch`, `scheduled`, `test`, `tail`, `queue`, `email` that it has.
    pub handlers: Vec<String>,
}

/// What an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntrypointKind {
    /// An object with handlers.
    Handlers,
    /// A class that extends `WorkerEntrypoint`.
    Worker,
    /// A class that extends `DurableObject`.
    Object,
    /// A class that extends `WorkflowEntrypoint`.
    Workflow,
}

/// Everything that can happen to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event<'a> {
    /// An HTTP request for an entrypoint; `None` is the default export.
    Fetch {
        /// The export it is for.
        entrypoint: Option<&'a str>,
        /// What its `ctx.props` are.
        #[serde(borrow)]
        props: Option<Parcel<'a, Given>>,
        /// The request.
        #[serde(borrow)]
        request: Request<'a>,
    },
    /// A cron trigger.
    Scheduled {
        /// The export it is for.
        entrypoint: Option<&'a str>,
        /// The expression, as configured.
        cron: &'a str,
        /// When it was due, in milliseconds since 1970.
        scheduled_ms: f64,
    },
    /// A message has come. Answered by [`FromIsolate::Respond`] with what the handler did with it, as JSON.
    Email {
        /// Who sends it.
        from: &'a str,
        /// Whom it is for.
        to: &'a str,
        /// The message.
        #[serde(with = "serde_bytes")]
        raw: &'a [u8],
    },
    /// `atoll test`.
    Test {
        /// The export it is for.
        entrypoint: Option<&'a str>,
    },
    /// A method is called. Answered by [`FromIsolate::Return`].
    Rpc {
        /// Whose method.
        #[serde(borrow)]
        target: Target<'a>,
        /// Which method.
        #[serde(borrow)]
        invocation: Invocation<'a, Given>,
    },
    /// Events of a worker that this one follows are over.
    Tail {
        /// The export it is for.
        entrypoint: Option<&'a str>,
        /// What its `ctx.props` are.
        #[serde(borrow)]
        props: Option<Parcel<'a, Given>>,
        /// The events.
        #[serde(borrow)]
        traces: Vec<Trace<'a>>,
    },
    /// An object's alarm goes off.
    Alarm {
        /// When it was due, in milliseconds since 1970.
        scheduled_ms: f64,
        /// How often it has failed before.
        retry_count: u32,
    },
    /// A facet of the object is to start that nobody has called: the object says what it is. Answered by
    /// [`FromIsolate::StartFacet`].
    Facet {
        /// The facet's name.
        name: &'a str,
        /// The answer names it, as if it were a call.
        question: CallId,
    },
    /// Something arrived on a WebSocket that the host keeps for an object.
    Socket {
        /// Which one.
        socket: SocketId,
        /// What.
        #[serde(borrow)]
        part: SocketPart<'a>,
    },
}

/// A request in either direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request<'a> {
    /// The method, in upper case where the Fetch standard says so.
    pub method: &'a str,
    /// The absolute URL.
    pub url: &'a str,
    /// In order, names in lower case.
    #[serde(borrow)]
    pub headers: Headers<'a>,
    /// The body.
    #[serde(borrow)]
    pub body: Body<'a>,
    /// JSON for `request.cf`.
    pub cf: Option<&'a str>,
    /// What to do with a redirect; always `Manual` towards an isolate.
    pub redirect: Redirect,
    /// The request asks for a WebSocket.
    pub websocket: bool,
}

/// `RequestInit.redirect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redirect {
    /// Follow up to 20.
    Follow,
    /// Give the redirect itself.
    Manual,
    /// Fail.
    Error,
}

/// A response in either direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response<'a> {
    /// 101 with a socket, or 200 to 599.
    pub status: u16,
    /// The reason phrase; HTTP/2 has none.
    pub status_text: &'a str,
    /// In order, names in lower case.
    #[serde(borrow)]
    pub headers: Headers<'a>,
    /// The body.
    #[serde(borrow)]
    pub body: Body<'a>,
    /// The URL after redirects, towards an isolate.
    pub url: &'a str,
    /// A redirect was followed.
    pub redirected: bool,
    /// The other end of a WebSocket, when the status is 101. Towards an isolate it is one that the host numbered, and so
    /// it is towards the host when the isolate passes one on that it does not listen to.
    pub socket: Option<SocketRef>,
}

/// Where a body's bytes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body<'a> {
    /// There is none.
    None,
    /// Here, whole.
    Inline(#[serde(with = "serde_bytes")] &'a [u8]),
    /// They follow as a stream that the sender of this message numbered.
    Stream {
        /// Its number.
        id: StreamId,
        /// Its length, when it is known.
        length: Option<u64>,
    },
    /// They are those of a stream that the *receiver* of this message sends: the host joins the two ends, and the
    /// isolate sees none of it. Only towards the host.
    Forward(StreamId),
}

/// Which WebSocket: ends are numbered by the side that made them known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SocketRef {
    /// The isolate gave it away in a response.
    Isolate(SocketId),
    /// The host gave it in the answer to a call.
    Host(SocketId),
}

/// What travels on a WebSocket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SocketPart<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(#[serde(with = "serde_bytes")] &'a [u8]),
    /// A close frame.
    Close {
        /// The code; `None` is an empty close frame (1005).
        code: Option<u16>,
        /// At most 123 bytes.
        reason: &'a str,
    },
    /// The connection broke without a close frame (1006).
    Broken(&'a str),
    /// What came must not be, and nothing else will come: the text of the error. Only towards an isolate.
    Refused(&'a str),
}

/// Everything that an isolate can ask for, on a capability in its own table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Call<'a> {
    /// `fetch()`. Answered by [`Reply::Response`].
    Fetch(#[serde(borrow)] Request<'a>),
    /// `cache.match()`. Answered by [`Reply::Response`] or [`Reply::Nothing`].
    CacheMatch {
        /// The cache's name; `None` is `caches.default`.
        cache: Option<&'a str>,
        /// The request, without a body.
        #[serde(borrow)]
        request: Request<'a>,
        /// Do not look at the method.
        ignore_method: bool,
    },
    /// `cache.put()`. Answered by [`Reply::Nothing`].
    CachePut {
        /// The cache's name; `None` is `caches.default`.
        cache: Option<&'a str>,
        /// The request, without a body.
        #[serde(borrow)]
        request: Request<'a>,
        /// What to keep.
        #[serde(borrow)]
        response: Response<'a>,
    },
    /// `cache.delete()`. Answered by [`Reply::Flag`].
    CacheDelete {
        /// The cache's name; `None` is `caches.default`.
        cache: Option<&'a str>,
        /// The request, without a body.
        #[serde(borrow)]
        request: Request<'a>,
        /// Do not look at the method.
        ignore_method: bool,
    },
    /// A method of an entrypoint or of an export. Answered by [`Reply::Returned`] or [`Reply::Thrown`].
    Rpc(#[serde(borrow)] Invocation<'a, Passed>),
    /// Whether a loader has a worker of this name. Answered by [`Reply::Capability`].
    FindWorker(&'a str),
    /// An event for an object of a namespace.
    Object {
        /// Which object.
        id: ObjectId,
        /// The name that the id was made from, if it was and the caller knows.
        name: Option<&'a str>,
        /// What to do with it.
        #[serde(borrow)]
        call: ObjectCall<'a>,
    },
}

/// What a call gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply<'a> {
    /// A response.
    Response(#[serde(borrow)] Response<'a>),
    /// It was done, or there is nothing.
    Nothing,
    /// Yes or no.
    Flag(bool),
    /// A text.
    Text(&'a str),
    /// A capability, if there is one: the isolate's own from now on.
    Capability(Option<CapabilityId>),
    /// What a method returned.
    Returned(#[serde(borrow)] Parcel<'a, Given>),
    /// What a method threw, as bytes.
    Thrown(#[serde(with = "serde_bytes")] &'a [u8]),
}
