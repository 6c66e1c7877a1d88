//! Messages between a worker and a browser.

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::chunks::{self, Joined};
use super::session::Connected;
use crate::socket::{SocketEnd, SocketMessage, SocketReceiver, SocketSender};

/// How the worker's side has messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// One text is one message.
    Plain,
    /// Binary chunks, and the text `ping` now and then.
    Chunks,
}

/// Carries messages until both sides have ended. What the worker says keeps the session alive.
pub(super) async fn carry(
    worker: SocketEnd,
    browser: SocketEnd,
    framing: Framing,
    session: Connected,
) {
    let to_worker = worker.outgoing.clone();
    tokio::join!(
        up(
            worker.incoming,
            browser.outgoing,
            to_worker,
            framing,
            &session
        ),
        down(browser.incoming, worker.outgoing, framing)
    );
}

async fn up(
    mut worker: SocketReceiver,
    browser: SocketSender,
    to_worker: SocketSender,
    framing: Framing,
    session: &Connected,
) {
    let mut joined = Joined::default();
    loop {
        let message = tokio::select! {
            message = worker.recv() => message,
            () = browser.closed() => None,
        };
        let message = match (message, framing) {
            (None, _) => return,
            (Some(SocketMessage::Text(text)), Framing::Chunks) if text.as_str() == "ping" => {
                continue;
            }
            (Some(SocketMessage::Binary(bytes)), Framing::Chunks) => match joined.push(&bytes) {
                Ok(Some(text)) => SocketMessage::Text(text.into()),
                Ok(None) => continue,
                Err(reason) => {
                    let code = Some(CloseCode::Protocol.into());
                    let farewell = SocketMessage::Close(code, reason.to_owned());
                    // One that does not read need not know.
                    let _ = to_worker.try_send(farewell);
                    return;
                }
            },
            (Some(message), _) => message,
        };
        session.touch();
        if browser.send(message).await.is_err() {
            return;
        }
    }
}

async fn down(mut browser: SocketReceiver, worker: SocketSender, framing: Framing) {
    while let Some(message) = browser.recv().await {
        let cut = match &message {
            SocketMessage::Text(text) if framing == Framing::Chunks => chunks::cut(text),
            _ => None,
        };
        let Some(cut) = cut else {
            if worker.send(message).await.is_err() {
                return;
            }
            continue;
        };
        for chunk in cut {
            if worker.send(SocketMessage::Binary(chunk)).await.is_err() {
                return;
            }
        }
    }
}
