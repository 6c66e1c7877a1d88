//! Messages over an upgraded connection, until one side ends it.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
pub use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::socket::{SocketEnd, SocketMessage, SocketReceiver, SocketSender};
use crate::woken::when_woken;

/// What is read at a time: each socket keeps so much, and many are idle. A longer message gets the room that it needs.
const READ_BYTES: usize = 1024;
/// What is written at a time while more waits.
const WRITE_BYTES: usize = 4 * 1024;

/// How long the other side may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest reason of a close frame in bytes (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// How the client's side came to its end.
enum ClientEnd {
    /// A close frame came, and its echo waits to be sent.
    Closed,
    /// What came must not be: say so, with this code.
    Refused(CloseCode, &'static str),
    /// The connection is gone.
    Broken,
}

/// How the worker's side came to its end.
enum WorkerEnd {
    /// It sent a close frame.
    Closed,
    /// It is gone without one, or what it sent cannot be sent.
    Gone,
}

/// Carries messages both ways. The two directions do not wait for each other: a client that sends without reading stops
/// nothing but what is sent to it.
///
/// `role` is ours on the connection; `closing` becomes true when this process shuts down.
pub async fn converse(
    upgraded: Upgraded,
    role: Role,
    mut end: SocketEnd,
    mut closing: watch::Receiver<bool>,
    message_bytes: usize,
) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), role, Some(config)).await;
    let (mut sink, mut stream) = socket.split();
    // A worker that takes nothing any more may not wait for a client that does not read either.
    let outgoing = end.outgoing.clone();
    let refused = async {
        outgoing.closed().await;
        tokio::time::sleep(CLOSE_TIMEOUT).await;
    };
    let ending = async {
        tokio::select! {
            () = refused => Ending::Refused,
            // A sender that is gone means that the listener is, too.
            _ = closing.wait_for(|closing| *closing) => Ending::Shutdown,
        }
    };
    let farewell = {
        // Most wakes are for a message to the client.
        let mut reading = std::pin::pin!(when_woken(from_client(&mut stream, &end.outgoing)));
        let writing = to_client(&mut sink, &mut end.incoming);
        tokio::select! {
            worker = writing => {
                if matches!(worker, WorkerEnd::Closed) {
                    await_answer(reading, &end.outgoing).await;
                }
                Farewell::None
            }
            client = &mut reading => match client {
                ClientEnd::Closed => Farewell::Flush,
                ClientEnd::Refused(code, reason) => Farewell::Close(code, reason),
                ClientEnd::Broken => Farewell::None,
            },
            ending = when_woken(ending) => match ending {
                Ending::Refused => Farewell::None,
                Ending::Shutdown => {
                    // A worker that does not keep up must not hold the shutdown.
                    let _ = end.outgoing.try_send(SocketMessage::Close(Some(CloseCode::Away.into()), String::new()));
                    Farewell::Close(CloseCode::Away, "the server shuts down")
                }
            },
        }
    };
    let parting = async {
        match farewell {
            Farewell::Flush => sink.flush().await,
            Farewell::Close(code, reason) => {
                let frame = CloseFrame {
                    code,
                    reason: reason.into(),
                };
                sink.send(Message::Close(Some(frame))).await
            }
            Farewell::None => Ok(()),
        }
    };
    // The client may be gone already, or not read: either way there is nothing left to do for it.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, parting).await;
}

/// How both sides come to their end.
enum Ending {
    /// The worker takes nothing any more, and the client has had its time.
    Refused,
    Shutdown,
}

enum Farewell {
    Flush,
    Close(CloseCode, &'static str),
    None,
}

async fn await_answer(reading: impl Future<Output = ClientEnd>, worker: &SocketSender) {
    if tokio::time::timeout(CLOSE_TIMEOUT, reading).await.is_err() {
        tell(
            worker,
            broken("the client did not answer the close frame".into()),
        )
        .await;
    }
}

async fn from_client(stream: &mut SplitStream<Socket>, worker: &SocketSender) -> ClientEnd {
    loop {
        let (message, end) = match stream.next().await {
            Some(Ok(Message::Text(text))) => (SocketMessage::Text(text), None),
            Some(Ok(Message::Binary(bytes))) => (SocketMessage::Binary(bytes), None),
            Some(Ok(Message::Close(frame))) => (close_message(frame), Some(ClientEnd::Closed)),
            // Pings are answered by the library.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Err(error)) => {
                let (text, end) = describe(&error);
                (broken(text), Some(end))
            }
            None => (broken(NO_CLOSE.to_owned()), Some(ClientEnd::Broken)),
        };
        tell(worker, message).await;
        if let Some(end) = end {
            return end;
        }
    }
}

const NO_CLOSE: &str = "WebSocket disconnected between frames without sending `Close`.";

fn describe(error: &Error) -> (String, ClientEnd) {
    let end = match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            ClientEnd::Refused(CloseCode::Size, "the message is too long")
        }
        Error::Utf8(_) => ClientEnd::Refused(CloseCode::Invalid, "the text is not UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::Io(_)
        | Error::ConnectionClosed => {
            return (NO_CLOSE.to_owned(), ClientEnd::Broken);
        }
        Error::Protocol(_) => ClientEnd::Refused(CloseCode::Protocol, "malformed frame"),
        _ => ClientEnd::Broken,
    };
    (error.to_string(), end)
}

async fn to_client(
    sink: &mut SplitSink<Socket, Message>,
    worker: &mut SocketReceiver,
) -> WorkerEnd {
    while let Some(message) = worker.recv().await {
        let (message, last) = match message {
            SocketMessage::Text(text) => (Message::Text(text), false),
            SocketMessage::Binary(bytes) => (Message::Binary(bytes), false),
            SocketMessage::Close(code, reason) => (Message::Close(close_frame(code, reason)), true),
            SocketMessage::Broken(_) => return WorkerEnd::Gone,
        };
        // One write to the system for all that waits.
        let sent = if worker.is_empty() || last {
            sink.send(message).await
        } else {
            sink.feed(message).await
        };
        match sent {
            Ok(()) if last => return WorkerEnd::Closed,
            Ok(()) => {}
            Err(_) => return WorkerEnd::Gone,
        }
    }
    WorkerEnd::Gone
}

/// A worker that no longer listens misses nothing.
async fn tell(worker: &SocketSender, message: SocketMessage) {
    let _ = worker.send(message).await;
}

fn broken(text: String) -> SocketMessage {
    SocketMessage::Broken(text)
}

fn close_message(frame: Option<CloseFrame>) -> SocketMessage {
    match frame {
        Some(frame) => {
            SocketMessage::Close(Some(frame.code.into()), frame.reason.as_str().to_owned())
        }
        None => SocketMessage::Close(None, String::new()),
    }
}

fn close_frame(code: Option<u16>, mut reason: String) -> Option<CloseFrame> {
    let code = CloseCode::from(code?);
    if !code.is_allowed() {
        return None;
    }
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    Some(CloseFrame {
        code,
        reason: reason.into(),
    })
}
