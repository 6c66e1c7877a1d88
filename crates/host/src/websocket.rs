//! Messages over an upgraded connection, until both sides have ended it.

mod frames;

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{Notify, watch};
pub use tokio_tungstenite::tungstenite::protocol::Role;

use crate::socket::{SocketEnd, SocketMessage, SocketReceiver, SocketSender};
use crate::woken::when_woken;
use frames::{BINARY, Frame, PONG, Reader, Stop, TEXT, Writer};

/// How long the other side may take to answer a close frame, or to hear what is still sent to it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How much is read and thrown away from a client that was refused, so that it reads why.
const DISCARDED_BYTES: usize = 128 * 1024 * 1024;

/// What a worker sees of a connection that ended without a close frame.
pub(crate) const DISCONNECTED: &str = "WebSocket disconnected without sending Close frame.";

/// The code of a close frame that says that the process ends.
const AWAY: u16 = 1001;

type Connection = TokioIo<Upgraded>;

/// How the client's side came to its end. The worker has been told.
enum ClientEnd {
    /// A close frame came. The worker answers it.
    Closed(Option<u16>, String),
    /// What came must not be: say so.
    Refused(u16, String),
    /// No close frame came, and nothing else will. The client may still read.
    Ended,
    /// The connection is gone.
    Lost,
}

/// How the worker's side came to its end.
enum WorkerEnd {
    /// It sent a close frame.
    Closed,
    /// It is gone without one, or what it sent cannot be sent.
    Gone,
}

/// What came first.
enum First {
    Worker,
    Client(ClientEnd),
    Ending(Ending),
}

/// How both sides come to their end.
enum Ending {
    /// The worker takes nothing any more, and the client has had its time.
    Refused,
    Shutdown,
}

/// What is left to say to the client.
enum Farewell {
    /// A close frame.
    Close(Option<u16>, String),
    /// A close frame, to a client that sends what it must not.
    Refuse(u16, String),
    None,
}

/// Pings that wait to be answered: the last one stands for all, as RFC 6455 allows.
#[derive(Default)]
struct Pings {
    last: Mutex<Option<Bytes>>,
    come: Notify,
}

impl Pings {
    fn put(&self, content: Bytes) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(content);
        self.come.notify_one();
    }

    async fn next(&self) -> Bytes {
        loop {
            self.come.notified().await;
            let last = self
                .last
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(content) = last {
                return content;
            }
        }
    }
}

/// Carries messages both ways. The two directions do not wait for each other: a client that sends without reading stops
/// nothing but what is sent to it. A client that has closed its side hears what the worker still sends, and its close frame.
///
/// `role` is ours on the connection; `closing` becomes true when this process shuts down.
pub async fn converse(
    upgraded: Upgraded,
    role: Role,
    mut end: SocketEnd,
    mut closing: watch::Receiver<bool>,
    message_bytes: usize,
) {
    let (reading, writing) = tokio::io::split(TokioIo::new(upgraded));
    let mut reader = Reader::new(reading, message_bytes);
    let mut writer = Writer::new(writing, role);
    let pings = Pings::default();
    let farewell = {
        // A worker that takes nothing any more may not wait for a client that does not read either.
        let refused = async {
            end.outgoing.closed().await;
            tokio::time::sleep(CLOSE_TIMEOUT).await;
        };
        let ending = pin!(async {
            tokio::select! {
                () = refused => Ending::Refused,
                // A sender that is gone means that the listener is, too.
                _ = closing.wait_for(|closing| *closing) => Ending::Shutdown,
            }
        });
        let mut ending = pin!(when_woken(ending));
        let mut writing = pin!(to_client(&mut writer, &mut end.incoming, &pings));
        let first = {
            // Most wakes are for a message to the client.
            let reading = pin!(from_client(&mut reader, &end.outgoing, &pings));
            let mut reading = pin!(when_woken(reading));
            tokio::select! {
                worker = &mut writing => {
                    if matches!(worker, WorkerEnd::Closed)
                        && tokio::time::timeout(CLOSE_TIMEOUT, reading).await.is_err()
                    {
                        tell(&end.outgoing, SocketMessage::Broken(DISCONNECTED.to_owned())).await;
                    }
                    First::Worker
                }
                client = &mut reading => First::Client(client),
                ending = &mut ending => First::Ending(ending),
            }
        };
        match first {
            First::Client(ClientEnd::Closed(code, reason)) => tokio::select! {
                worker = &mut writing => match worker {
                    WorkerEnd::Closed => Farewell::None,
                    WorkerEnd::Gone => Farewell::Close(code, reason),
                },
                () = until_gone(&mut reader) => Farewell::None,
                ending = &mut ending => parting(&ending, &end.outgoing),
            },
            First::Client(ClientEnd::Ended) => {
                let _ = tokio::time::timeout(CLOSE_TIMEOUT, &mut writing).await;
                Farewell::None
            }
            First::Client(ClientEnd::Refused(code, reason)) => Farewell::Refuse(code, reason),
            First::Ending(ending) => parting(&ending, &end.outgoing),
            First::Worker | First::Client(ClientEnd::Lost) => Farewell::None,
        }
    };
    // The worker learns of nothing more, and whoever waits for that need not wait for the client.
    drop(end);
    // The client may be gone already, or not read: either way there is nothing left to do for it.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, part(farewell, reader, writer)).await;
}

/// What an ending of both sides says to the client. The worker is told.
fn parting(ending: &Ending, worker: &SocketSender) -> Farewell {
    match ending {
        Ending::Refused => Farewell::None,
        Ending::Shutdown => {
            // A worker that does not keep up must not hold the shutdown.
            let _ = worker.try_send(SocketMessage::Close(Some(AWAY), String::new()));
            Farewell::Close(Some(AWAY), "the server shuts down".to_owned())
        }
    }
}

async fn part(
    farewell: Farewell,
    mut reader: Reader<ReadHalf<Connection>>,
    mut writer: Writer<WriteHalf<Connection>>,
) -> std::io::Result<()> {
    match farewell {
        Farewell::Close(code, reason) => writer.close(code, &reason).await,
        Farewell::Refuse(code, reason) => {
            writer.close(Some(code), &reason).await?;
            writer.shutdown().await?;
            // The system answers what nobody has read with a reset, and a client that sees one does not read on.
            reader.discard(DISCARDED_BYTES).await;
            Ok(())
        }
        Farewell::None => Ok(()),
    }
}

/// Resolves when a client that has closed can hear nothing any more.
async fn until_gone(reader: &mut Reader<ReadHalf<Connection>>) {
    reader.discard(usize::MAX).await;
    // It may have ended its half alone.
    tokio::time::sleep(CLOSE_TIMEOUT).await;
}

async fn from_client(
    reader: &mut Reader<ReadHalf<Connection>>,
    worker: &SocketSender,
    pings: &Pings,
) -> ClientEnd {
    loop {
        let (message, end) = match reader.next().await {
            Ok(Frame::Text(text)) => (SocketMessage::Text(text.into()), None),
            Ok(Frame::Binary(bytes)) => (SocketMessage::Binary(bytes), None),
            Ok(Frame::Close(code, reason)) => (
                SocketMessage::Close(code, reason.clone()),
                Some(ClientEnd::Closed(code, reason)),
            ),
            Ok(Frame::Ping(content)) => {
                pings.put(content);
                continue;
            }
            Err(Stop::Refused(code, reason)) => (
                SocketMessage::Refused(describe(code, &reason)),
                Some(ClientEnd::Refused(code, reason)),
            ),
            Err(stop) => (
                SocketMessage::Broken(DISCONNECTED.to_owned()),
                Some(match stop {
                    Stop::Ended => ClientEnd::Ended,
                    _ => ClientEnd::Lost,
                }),
            ),
        };
        tell(worker, message).await;
        if let Some(end) = end {
            return end;
        }
    }
}

/// What a worker sees of what must not have come, in the words of Workers.
fn describe(code: u16, reason: &str) -> String {
    format!(
        "WebSocket protocol error; protocolError.statusCode = {code}; protocolError.description = {reason}"
    )
}

async fn to_client(
    writer: &mut Writer<WriteHalf<Connection>>,
    worker: &mut SocketReceiver,
    pings: &Pings,
) -> WorkerEnd {
    loop {
        let sent = tokio::select! {
            message = worker.recv() => match message {
                Some(SocketMessage::Text(text)) => writer.put(TEXT, text.as_bytes()).await,
                Some(SocketMessage::Binary(bytes)) => writer.put(BINARY, &bytes).await,
                Some(SocketMessage::Close(code, reason)) => {
                    return match writer.close(code, &reason).await {
                        Ok(()) => WorkerEnd::Closed,
                        Err(_) => WorkerEnd::Gone,
                    };
                }
                Some(SocketMessage::Broken(_) | SocketMessage::Refused(_)) | None => {
                    return WorkerEnd::Gone;
                }
            },
            content = pings.next() => writer.put(PONG, &content).await,
        };
        // One write to the system for all that waits.
        let sent = match sent {
            Ok(()) if worker.is_empty() => writer.flush().await,
            sent => sent,
        };
        if sent.is_err() {
            return WorkerEnd::Gone;
        }
    }
}

/// A worker that no longer listens misses nothing.
async fn tell(worker: &SocketSender, message: SocketMessage) {
    let _ = worker.send(message).await;
}
