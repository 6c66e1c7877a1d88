//! One browser from its start to its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use jail::{Companion, Exit};
use serde_json::{Value, json};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot, watch};
use tokio::time::Instant;

use super::Inner;
use super::launch::Launched;
use super::profile::Profile;
use crate::egress::ReservedPort;

/// A browser that runs.
pub(super) struct Session {
    pub(super) id: String,
    started_ms: u64,
    keep_alive: Duration,
    /// Where it listens.
    port: ReservedPort,
    pub(super) path: String,
    use_: Mutex<Use>,
    close: Notify,
    ended: watch::Receiver<bool>,
}

/// What happens to it.
struct Use {
    last: Instant,
    /// Open connections, and what the first of them is called and when it began.
    connections: usize,
    connection: Option<(String, u64)>,
    /// It ends with its last connection.
    is_bound: bool,
    /// It runs no more, or will not for long.
    is_over: bool,
}

/// How a session came to its end, with the numbers that Cloudflare's API has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Closed,
    Idle,
    Crashed,
}

/// A session that is over.
pub(super) struct Ended {
    pub(super) id: String,
    started_ms: u64,
    ended_ms: u64,
    reason: Reason,
}

impl Ended {
    pub(super) fn to_json(&self) -> Value {
        let (number, text) = match self.reason {
            Reason::Closed => (1, "NormalClosure"),
            Reason::Idle => (2, "BrowserIdle"),
            Reason::Crashed => (3, "BrowserCrashed"),
        };
        json!({
            "sessionId": self.id,
            "startTime": self.started_ms,
            "endTime": self.ended_ms,
            "closeReason": number,
            "closeReasonText": text,
        })
    }
}

impl Session {
    /// Takes a browser into care, until it is closed, ends by itself, or nobody has told it anything for so long.
    pub(super) fn begin(
        launched: Launched,
        keep_alive: Duration,
        permit: OwnedSemaphorePermit,
        keeper: Weak<Inner>,
    ) -> Arc<Self> {
        let Launched {
            companion,
            ended: exit,
            profile,
            port,
            path,
        } = launched;
        let (over, ended) = watch::channel(false);
        let session = Arc::new(Self {
            id: new_id(),
            started_ms: now_ms(),
            keep_alive,
            port,
            path,
            use_: Mutex::new(Use {
                last: Instant::now(),
                connections: 0,
                connection: None,
                is_bound: false,
                is_over: false,
            }),
            close: Notify::new(),
            ended,
        });
        let body = Body {
            companion,
            exit,
            profile,
            permit,
        };
        tokio::spawn(Arc::clone(&session).live(body, keeper, over));
        session
    }

    /// The address of something in it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port.number())
    }

    /// Somebody used it.
    pub(super) fn touch(&self) {
        self.used().last = Instant::now();
    }

    /// How long it has until it ends for want of use.
    pub(super) fn left(&self) -> Duration {
        (self.used().last + self.keep_alive).saturating_duration_since(Instant::now())
    }

    /// Asks it to end.
    pub(super) fn close(&self) {
        self.close.notify_one();
    }

    /// Resolves when its process and its profile are gone.
    pub(super) async fn ended(&self) {
        let mut ended = self.ended.clone();
        // A sender that is gone means the same.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Counts a connection for as long as what it gives is there.
    pub(super) fn connect(self: &Arc<Self>) -> Connected {
        let mut used = self.used();
        used.connections += 1;
        used.connection.get_or_insert_with(|| (new_id(), now_ms()));
        drop(used);
        Connected(Arc::clone(self))
    }

    /// Has it end with its last connection.
    pub(super) fn close_when_unconnected(&self) {
        let mut used = self.used();
        used.is_bound = true;
        if used.connections == 0 {
            self.close();
        }
    }

    /// Whether its end has begun.
    pub(super) fn is_over(&self) -> bool {
        self.used().is_over
    }

    pub(super) fn is_connected(&self) -> bool {
        self.used().connections > 0
    }

    pub(super) fn to_json(&self) -> Value {
        let mut shown = json!({ "sessionId": self.id, "startTime": self.started_ms });
        if let Some((id, at)) = &self.used().connection {
            shown["connectionId"] = json!(id);
            shown["connectionStartTime"] = json!(at);
        }
        shown
    }

    fn used(&self) -> MutexGuard<'_, Use> {
        self.use_.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn live(self: Arc<Self>, mut body: Body, keeper: Weak<Inner>, over: watch::Sender<bool>) {
        let mut has_ended = false;
        let reason = loop {
            let left = self.left();
            if left.is_zero() {
                break Reason::Idle;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = self.close.notified() => break Reason::Closed,
                exit = &mut body.exit => {
                    has_ended = true;
                    // It may be told over the protocol.
                    let is_asked = exit == Ok(Exit::Code(0));
                    break if is_asked { Reason::Closed } else { Reason::Crashed };
                }
            }
        };
        self.used().is_over = true;
        if !has_ended {
            body.companion.kill();
            // It cannot refuse; what the kernel has to write down for it may take a moment.
            let _ = (&mut body.exit).await;
        }
        let profile = body.profile;
        // Should that panic, the profile is left to the next host.
        let _ = tokio::task::spawn_blocking(move || profile.remove()).await;
        if let Some(keeper) = keeper.upgrade() {
            keeper.forget(Ended {
                id: self.id.clone(),
                started_ms: self.started_ms,
                ended_ms: now_ms(),
                reason,
            });
        }
        drop(body.permit);
        over.send_replace(true);
    }
}

/// What a session has to give back.
struct Body {
    companion: Companion,
    exit: oneshot::Receiver<Exit>,
    profile: Profile,
    permit: OwnedSemaphorePermit,
}

/// An open connection to a session.
pub(super) struct Connected(Arc<Session>);

impl Connected {
    /// Somebody used it.
    pub(super) fn touch(&self) {
        self.0.touch();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut used = self.0.used();
        used.connections -= 1;
        used.last = Instant::now();
        if used.connections == 0 {
            used.connection = None;
            if used.is_bound {
                self.0.close();
            }
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// A random UUID (RFC 9562, version 4).
fn new_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random numbers");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
