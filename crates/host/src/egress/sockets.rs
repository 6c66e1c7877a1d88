//! WebSockets with bounds on what passes through them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::audit::Entry;
use crate::socket::{SocketEnd, SocketMessage, SocketReceiver, SocketSender};

/// How long either side may take to hear that a bound was passed.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(10);

/// What may pass.
pub(super) trait Bound: Send + Sync + 'static {
    /// A message of so many bytes is to be sent.
    fn send(&self, bytes: usize) -> Result<(), Excess>;

    /// One has come.
    fn receive(&self, bytes: usize) -> Result<(), Excess>;
}

/// Why a message does not pass. Both sides are told by a close frame; the reason is for the worker alone.
#[derive(Debug)]
pub(super) struct Excess {
    code: CloseCode,
    reason: String,
}

impl Excess {
    /// There was too much.
    pub(super) fn size(reason: String) -> Self {
        let code = CloseCode::Size;
        Self { code, reason }
    }

    /// There were too many.
    pub(super) fn rate(reason: String) -> Self {
        let code = CloseCode::Policy;
        Self { code, reason }
    }
}

/// The same socket for a worker, as far as its bounds allow. The entry is written when it has ended.
pub(super) fn guarded(far: SocketEnd, bound: impl Bound, entry: Option<Entry>) -> SocketEnd {
    let (near, given) = SocketEnd::pair();
    tokio::spawn(carry(near, far, bound, entry));
    given
}

/// One direction's way in. Whoever ends the other one may have something to say here.
type Way = Mutex<Option<SocketSender>>;

fn way(way: &Way) -> Option<SocketSender> {
    way.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn close(way: &Way) {
    way.lock().unwrap_or_else(PoisonError::into_inner).take();
}

/// Carries messages both ways until both have ended. The directions do not wait for each other.
async fn carry(near: SocketEnd, far: SocketEnd, bound: impl Bound, mut entry: Option<Entry>) {
    let to_worker = Way::new(Some(near.outgoing));
    let to_server = Way::new(Some(far.outgoing));
    let excess = {
        let sending = pass(near.incoming, &to_server, |bytes| bound.send(bytes));
        let receiving = pass(far.incoming, &to_worker, |bytes| bound.receive(bytes));
        tokio::pin!(sending, receiving);
        tokio::select! {
            Some(excess) = &mut sending => Some(excess),
            Some(excess) = &mut receiving => Some(excess),
            else => None,
        }
    };
    let Some(excess) = excess else { return };
    if let Some(entry) = &mut entry {
        entry.broke_off(&excess.reason);
    }
    let code = Some(u16::from(excess.code));
    let tell = |way: Option<SocketSender>, reason: String| async move {
        if let Some(way) = way {
            let farewell = way.send(SocketMessage::Close(code, reason));
            // Who does not read is not waited for.
            let _ = tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await;
        }
    };
    tokio::join!(
        tell(way(&to_worker), excess.reason),
        tell(way(&to_server), String::new())
    );
}

/// Passes messages on until there are no more, nobody takes them, or one is too much.
async fn pass(
    mut from: SocketReceiver,
    to: &Way,
    may_pass: impl Fn(usize) -> Result<(), Excess>,
) -> Option<Excess> {
    let sender = way(to)?;
    let gone = {
        let sender = sender.clone();
        async move { sender.closed().await }
    };
    tokio::pin!(gone);
    let outcome = loop {
        let message = tokio::select! {
            message = from.recv() => message,
            () = &mut gone => None,
        };
        let Some(message) = message else { break None };
        let is_message = matches!(message, SocketMessage::Text(_) | SocketMessage::Binary(_));
        if is_message && let Err(excess) = may_pass(message.size()) {
            break Some(excess);
        }
        if sender.send(message).await.is_err() {
            break None;
        }
    };
    if outcome.is_none() {
        close(to);
    }
    outcome
}
