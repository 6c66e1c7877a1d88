//! WebSockets that the host keeps for objects. They outlive instances: an object that sleeps, or whose isolate has died
//! while it did nothing, finds them where they were.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use protocol::limits::{
    MAX_ATTACHMENT_BYTES, MAX_AUTO_RESPONSE_BYTES, MAX_SOCKET_HANDLED_BYTES, MAX_SOCKET_HANDLERS,
    MAX_SOCKET_WAITING_BYTES, MAX_SOCKETS_PER_OBJECT, MAX_TAG_BYTES, MAX_TAGS,
};
use protocol::{Event, KeptSocket, ObjectNumber, SocketId, SocketPart, ToIsolate, TraceSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::slot::{Arrival, Phase, Slot};
use crate::fetcher::FetchError;
use crate::held::{Account, Held};
use crate::link::{EventEntry, Link, now_ms};
use crate::socket::{SocketEnd, SocketMessage, SocketReceiver, SocketSender};
use crate::tail::Happening;
use crate::websocket::DISCONNECTED;

/// What a worker sees of a WebSocket whose other side does not read.
const TOO_SLOW: &str = "WebSocket closed: too much waits for the other side to read it.";
/// What the other side sees when the object cannot be woken.
const UNREACHABLE: (u16, &str) = (1011, "The Durable Object cannot be reached.");
/// A close frame without a code.
const NO_STATUS: u16 = 1005;
/// What the other side sees when the object is deleted.
const GOING_AWAY: u16 = 1001;
/// Sockets are told to an isolate in frames of about this size, in bytes.
const LIST_BYTES: usize = 1024 * 1024;

/// What a message counts for beside its content, in bytes.
const MESSAGE_BYTES: usize = 64;

/// The sockets of one object.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    auto_response: Option<(Box<str>, Box<str>)>,
    /// Boxed: a map has room for some from the start, and most objects keep few.
    open: BTreeMap<SocketId, Box<Kept>>,
}

/// One socket.
#[derive(Debug)]
struct Kept {
    tags: Vec<Box<str>>,
    attachment: Option<Bytes>,
    answered_ms: Option<f64>,
    /// The object has closed its side, or the host has for it.
    closed: bool,
    outgoing: SocketSender,
    /// What there was no room for, and everything after it.
    behind: Option<mpsc::UnboundedSender<(SocketMessage, Held)>>,
    waiting: Account,
    carrier: Option<AbortHandle>,
}

/// Connections that are no more. The other sides see it when this is dropped.
#[derive(Debug)]
pub(crate) struct Broken(BTreeMap<SocketId, Box<Kept>>);

impl Kept {
    /// Says whether the other side reads.
    fn send(&mut self, message: SocketMessage) -> bool {
        if self.closed {
            return true;
        }
        self.closed = matches!(message, SocketMessage::Close(..));
        if self.behind.is_none() && self.outgoing.try_send(message.clone()).is_ok() {
            return true;
        }
        let size = message.size() + MESSAGE_BYTES;
        let Some(held) = self.waiting.hold(size, MAX_SOCKET_WAITING_BYTES) else {
            return false;
        };
        let outgoing = &self.outgoing;
        let behind = self.behind.get_or_insert_with(|| {
            let (behind, queue) = mpsc::unbounded_channel();
            tokio::spawn(catch_up(queue, outgoing.clone()));
            behind
        });
        // A socket that is gone is noticed by who reads from it.
        drop(behind.send((message, held)));
        true
    }
}

async fn catch_up(
    mut queue: mpsc::UnboundedReceiver<(SocketMessage, Held)>,
    outgoing: SocketSender,
) {
    while let Some((message, _held)) = queue.recv().await {
        if outgoing.send(message).await.is_err() {
            return;
        }
    }
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.lock().open.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().open.is_empty()
    }

    /// What an object attaches to a socket.
    pub(crate) fn attach(&self, socket: SocketId, attachment: &[u8]) -> Result<(), String> {
        if attachment.len() > MAX_ATTACHMENT_BYTES {
            return Err("an attachment that is too large".to_owned());
        }
        if let Some(kept) = self.lock().open.get_mut(&socket) {
            kept.attachment = Some(Bytes::copy_from_slice(attachment));
        }
        Ok(())
    }

    /// What is answered without the object.
    pub(crate) fn answer_alone(&self, pair: Option<(&str, &str)>) -> Result<(), String> {
        if pair.is_some_and(|(request, response)| {
            request.len().max(response.len()) > MAX_AUTO_RESPONSE_BYTES
        }) {
            return Err("an automatic response that is too long".to_owned());
        }
        self.lock().auto_response =
            pair.map(|(request, response)| (request.into(), response.into()));
        Ok(())
    }

    /// Answers a message without the object, if it is that message.
    fn answer(&self, socket: SocketId, text: &str) -> Option<f64> {
        let mut table = self.lock();
        let (request, response) = table.auto_response.as_ref()?;
        if **request != *text {
            return None;
        }
        let response = SocketMessage::Text((&**response).into());
        let kept = table.open.get_mut(&socket)?;
        let at_ms = now_ms();
        kept.answered_ms = Some(at_ms);
        kept.send(response);
        Some(at_ms)
    }

    /// Answers the other side's close, unless the object has closed before.
    fn answer_close(&self, socket: SocketId, code: Option<u16>, reason: &str) {
        if let Some(kept) = self.lock().open.get_mut(&socket) {
            kept.send(SocketMessage::Close(code, reason.to_owned()));
        }
    }

    /// The object is no more, and its sockets go with it.
    pub(super) fn close_all(&self, reason: &str) {
        let open = std::mem::take(&mut self.lock().open);
        for mut kept in open.into_values() {
            kept.send(SocketMessage::Close(Some(GOING_AWAY), reason.to_owned()));
            if let Some(carrier) = kept.carrier {
                carrier.abort();
            }
        }
        self.lock().auto_response = None;
    }

    fn forget(&self, socket: SocketId) {
        self.lock().open.remove(&socket);
    }

    /// Ends all connections: nothing comes from them any more. The object does not hear of it, and the other sides do when
    /// what this gives is dropped.
    pub(crate) fn break_all(&self) -> Broken {
        let broken = Broken(std::mem::take(&mut *self.lock()).open);
        for carrier in broken.0.values().filter_map(|kept| kept.carrier.as_ref()) {
            carrier.abort();
        }
        broken
    }

    /// Tells an instance which sockets there are.
    pub(crate) fn tell(&self, object: ObjectNumber, send: impl Fn(&ToIsolate<'_>)) {
        let table = self.lock();
        let auto_response = table
            .auto_response
            .as_ref()
            .map(|(request, response)| (&**request, &**response));
        if auto_response.is_none() && table.open.is_empty() {
            return;
        }
        let mut sockets = Vec::new();
        let mut bytes = 0;
        for (number, kept) in &table.open {
            if bytes > LIST_BYTES {
                send(&ToIsolate::Sockets {
                    object,
                    auto_response,
                    sockets: std::mem::take(&mut sockets),
                });
                bytes = 0;
            }
            bytes += kept.attachment.as_ref().map_or(0, Bytes::len)
                + kept.tags.iter().map(|tag| tag.len() + 4).sum::<usize>()
                + 32;
            sockets.push(KeptSocket {
                number: *number,
                tags: kept.tags.iter().map(|tag| &**tag).collect(),
                attachment: kept.attachment.as_deref(),
                answered_ms: kept.answered_ms,
                closed: kept.closed,
            });
        }
        send(&ToIsolate::Sockets {
            object,
            auto_response,
            sockets,
        });
    }
}

impl Slot {
    /// Keeps a socket for the object, and gives its other end.
    pub(crate) fn accept(
        self: &Arc<Self>,
        socket: SocketId,
        tags: &[&str],
        attachment: Option<&[u8]>,
    ) -> Result<SocketEnd, String> {
        let too_long = |tag: &&str| tag.len() > MAX_TAG_BYTES;
        if tags.len() > MAX_TAGS || tags.iter().any(too_long) {
            return Err("tags that are too many or too long".to_owned());
        }
        let (near, far) = SocketEnd::pair();
        {
            let mut table = self.sockets.lock();
            if table.open.len() >= MAX_SOCKETS_PER_OBJECT {
                return Err("too many WebSockets of an object".to_owned());
            }
            if table.open.contains_key(&socket) {
                return Err("a WebSocket number that is in use".to_owned());
            }
            let kept = Kept {
                tags: tags.iter().map(|tag| (*tag).into()).collect(),
                attachment: None,
                answered_ms: None,
                closed: false,
                outgoing: near.outgoing,
                behind: None,
                waiting: Account::default(),
                carrier: None,
            };
            table.open.insert(socket, Box::new(kept));
        }
        if let Some(attachment) = attachment {
            self.sockets.attach(socket, attachment)?;
        }
        let carrier = tokio::spawn(carry_in(Arc::clone(self), socket, near.incoming));
        if let Some(kept) = self.sockets.lock().open.get_mut(&socket) {
            kept.carrier = Some(carrier.abort_handle());
        }
        Ok(far)
    }

    /// Ends all connections of an object that failed or was aborted, and those of its facets, which end with it.
    pub(crate) fn break_sockets(&self) -> Vec<Broken> {
        let facets = self.facets.all();
        let within = facets.iter().flat_map(|facet| facet.break_sockets());
        within.chain([self.sockets.break_all()]).collect()
    }

    /// Sends the same on several sockets.
    pub(crate) fn cast(self: &Arc<Self>, sockets: &[SocketId], message: &SocketMessage) {
        let mut slow = Vec::new();
        {
            let mut table = self.sockets.lock();
            for socket in sockets {
                // It may have broken while this was under way.
                if let Some(kept) = table.open.get_mut(socket)
                    && !kept.send(message.clone())
                {
                    slow.push(*socket);
                }
            }
        }
        for socket in slow {
            let kept = self.sockets.lock().open.get_mut(&socket).and_then(|kept| {
                kept.closed = true;
                kept.behind = None;
                kept.carrier.take()
            });
            if let Some(carrier) = kept {
                carrier.abort();
            }
            let slot = Arc::clone(self);
            tokio::spawn(async move {
                let broken = SocketMessage::Broken(TOO_SLOW.to_owned());
                carry_end(&slot, socket, broken).await;
                slot.sockets.forget(socket);
            });
        }
    }

    /// Tells the instance, if there is one, that a socket was answered without it.
    fn tell_answered(&self, socket: SocketId, at_ms: f64) {
        let home = match &self.lock().phase {
            Phase::Arriving(home) | Phase::Awake(home) => home.clone(),
            Phase::Asleep | Phase::Waking | Phase::Leaving(_) => return,
        };
        home.link.send(&ToIsolate::Answered {
            object: home.number,
            socket,
            at_ms,
        });
    }
}

/// Brings what arrives on a socket to its object, in order. A handler that waits for something does not keep the next
/// message from being handled, unless very much is under way.
async fn carry_in(slot: Arc<Slot>, socket: SocketId, mut incoming: SocketReceiver) {
    let under_way = Arc::new(Semaphore::new(MAX_SOCKET_HANDLED_BYTES as usize));
    loop {
        let message = incoming.recv().await;
        let message = message.unwrap_or_else(|| SocketMessage::Broken(DISCONNECTED.to_owned()));
        if let SocketMessage::Text(text) = &message
            && let Some(at_ms) = slot.sockets.answer(socket, text)
        {
            slot.tell_answered(socket, at_ms);
            continue;
        }
        if message.is_last() {
            carry_end(&slot, socket, message).await;
        } else {
            let Ok(room) = Arc::clone(&under_way)
                .acquire_many_owned(room_of(&message))
                .await
            else {
                return;
            };
            if deliver(&slot, socket, message, Some(room)).await {
                continue;
            }
            let (code, reason) = UNREACHABLE;
            slot.sockets.answer_close(socket, Some(code), reason);
        }
        // What is under way may still ask for the socket.
        drop(under_way.acquire_many(MAX_SOCKET_HANDLED_BYTES).await);
        slot.sockets.forget(socket);
        return;
    }
}

/// Brings the last of what arrives on a socket to its object. When the object has closed its side neither before nor while it
/// handled that, the other side's close is answered for it.
async fn carry_end(slot: &Arc<Slot>, socket: SocketId, last: SocketMessage) {
    let answer = match &last {
        SocketMessage::Close(code, reason) => Some((*code, reason.clone())),
        _ => None,
    };
    let handling = Arc::new(Semaphore::new(1));
    let room = Arc::clone(&handling).acquire_owned().await.ok();
    deliver(slot, socket, last, room).await;
    drop(handling.acquire().await);
    if let Some((code, reason)) = answer {
        slot.sockets.answer_close(socket, code, &reason);
    }
}

/// What handling a message takes of that: the largest has it for itself.
fn room_of(message: &SocketMessage) -> u32 {
    let bytes = u32::try_from(message.size()).unwrap_or(u32::MAX);
    let least = MAX_SOCKET_HANDLED_BYTES / MAX_SOCKET_HANDLERS;
    bytes.saturating_add(least).min(MAX_SOCKET_HANDLED_BYTES)
}

/// Has the object handle what came on a socket, and waits until that has begun. False when it cannot be woken. `room` is
/// given back when the handler is over.
async fn deliver(
    slot: &Arc<Slot>,
    socket: SocketId,
    message: SocketMessage,
    room: Option<OwnedSemaphorePermit>,
) -> bool {
    let (begun, was_begun) = oneshot::channel();
    let namespace = slot.lock().namespace.clone();
    namespace.deliver(slot.id, None, move |arrival| {
        // Who waits for this is gone only when the socket is.
        let _ = begun.send(begin(arrival, socket, &message, room));
    });
    match was_begun.await {
        Ok(Some(link)) => {
            // More than it reads is not for it.
            link.ready().await;
            true
        }
        _ => false,
    }
}

/// Gives the isolate that handles it.
fn begin(
    arrival: Result<Arrival, FetchError>,
    socket: SocketId,
    message: &SocketMessage,
    room: Option<OwnedSemaphorePermit>,
) -> Option<Arc<Link>> {
    let Arrival {
        link,
        number,
        lease,
        limits,
    } = arrival.ok()?;
    let entry = EventEntry {
        object: Some(number),
        lease: Some(lease),
        subrequest_limit: limits.subrequests,
        room,
        following: link.follow(
            || Happening::Socket(message.traced()),
            None,
            Some(number),
            0,
        ),
        ..EventEntry::default()
    };
    match link.begin(entry) {
        Ok(id) => link.send(&ToIsolate::Event {
            id,
            now_ms: now_ms(),
            object: Some(number),
            bounds: limits.bounds(),
            event: Event::Socket {
                socket,
                part: message.part(),
            },
        }),
        // It has died with everything that it was told.
        Err(FetchError::Lost { .. }) => {}
        Err(_) => return None,
    }
    Some(link)
}

impl SocketMessage {
    /// As those learn of it who follow the worker.
    fn traced(&self) -> TraceSocket {
        match self {
            Self::Text(_) | Self::Binary(_) => TraceSocket::Message,
            Self::Close(code, _) => TraceSocket::Close(code.unwrap_or(NO_STATUS)),
            Self::Broken(_) | Self::Refused(_) => TraceSocket::Error,
        }
    }

    /// As a frame has it.
    pub(crate) fn part(&self) -> SocketPart<'_> {
        match self {
            Self::Text(text) => SocketPart::Text(text),
            Self::Binary(bytes) => SocketPart::Binary(bytes),
            Self::Close(code, reason) => SocketPart::Close {
                code: *code,
                reason,
            },
            Self::Broken(reason) => SocketPart::Broken(reason),
            Self::Refused(error) => SocketPart::Refused(error),
        }
    }
}
