//! A listener: it binds, accepts, and ends in order.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use host::Fetcher;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::connection::{self, Server};
use crate::options::Options;
use crate::response::raw_answer;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long to wait when the system has no descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What Linux says then.
const EMFILE: i32 = 24;

/// How often it is said that it has none.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program listens there.
    #[error("port {port} of {ip} is in use by another program", port = .0.port(), ip = .0.ip())]
    PortInUse(SocketAddr),
    /// Only administrators may listen there.
    #[error("port {port} of {ip} needs more rights than this user has", port = .0.port(), ip = .0.ip())]
    PortForbidden(SocketAddr),
    /// Any other reason.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Error {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse(address),
            io::ErrorKind::PermissionDenied => Self::PortForbidden(address),
            _ => Self::Listen { address, source },
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::PortInUse(address) => format!(
                "stop the other program, or choose another port: --port {}",
                address.port().checked_add(1).unwrap_or(8787)
            ),
            Self::PortForbidden(_) => "choose a port above 1023: --port 8787".to_owned(),
            Self::Listen { .. } => {
                "choose an address of this machine: --ip 127.0.0.1 for this machine alone, \
                 --ip 0.0.0.0 for the network"
                    .to_owned()
            }
        }
    }
}

/// What answers the requests of a listener.
#[derive(Clone)]
pub struct Target {
    /// Its name in the access log.
    pub name: Arc<str>,
    /// It.
    pub fetcher: Arc<dyn Fetcher>,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Target")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Which target is the present one.
pub(crate) type Current = Arc<RwLock<Arc<Target>>>;

/// Swaps what stands behind a listener, and counts its connections.
#[derive(Clone, Debug)]
pub struct Handle {
    current: Current,
    permits: Arc<Semaphore>,
    limit: usize,
}

impl Handle {
    /// From the next request on, `target` answers. Requests in flight stay where they are.
    pub fn swap(&self, target: Target) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(target);
    }

    /// Connections that are open, WebSockets included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.limit.saturating_sub(self.permits.available_permits())
    }
}

/// A bound listener.
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    options: Options,
    current: Current,
    /// One for each connection that there may be.
    permits: Arc<Semaphore>,
    limit: usize,
}

impl Gateway {
    /// Takes the port. Connections wait until [`run`](Self::run).
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn bind(options: Options, target: Target) -> Result<Self, Error> {
        let wanted = options.address;
        let listener = listen(wanted).map_err(|error| Error::new(wanted, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::new(wanted, error))?;
        let limit = options.limits.connections.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            listener,
            address,
            options,
            current: Arc::new(RwLock::new(Arc::new(target))),
            permits: Arc::new(Semaphore::new(limit)),
            limit,
        })
    }

    /// Where it listens, with the port that it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Swaps what stands behind this listener, and counts its connections.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            current: self.current.clone(),
            permits: self.permits.clone(),
            limit: self.limit,
        }
    }

    /// Serves until `shutdown` resolves, then lets requests in flight finish for as long as
    /// [`Options::shutdown_grace`] allows.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (close, closing) = watch::channel(false);
        let (permits, limit) = (self.permits, self.limit);
        let grace = self.options.shutdown_grace;
        let server = Arc::new(Server::new(
            self.options,
            self.current,
            self.address,
            closing,
        ));
        let accepting = accept(&self.listener, &server, &permits);
        tokio::select! {
            () = shutdown => {}
            never = accepting => match never {},
        }
        drop(self.listener);
        let _ = close.send(true);
        let all = u32::try_from(limit).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(grace, permits.acquire_many(all)).await;
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // Otherwise a restart would have to wait for the connections of the run before it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(
    listener: &TcpListener,
    server: &Arc<Server>,
    permits: &Arc<Semaphore>,
) -> std::convert::Infallible {
    let mut told: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match permits.clone().try_acquire_owned() {
                Ok(permit) => {
                    tokio::spawn(connection::serve(server.clone(), stream, peer, permit));
                }
                Err(_) => {
                    tokio::spawn(turn_away(stream));
                }
            },
            Err(error) => {
                if told.is_none_or(|told| told.elapsed() > TELL_AGAIN) {
                    let is_short = error.raw_os_error() == Some(EMFILE);
                    let more = match is_short {
                        true => {
                            "; `ulimit -n` and LimitNOFILE= of a service say how many there may be"
                        }
                        false => "",
                    };
                    tracing::warn!("cannot accept a connection; clients wait: {error}{more}");
                    told = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn turn_away(mut stream: TcpStream) {
    let answer = raw_answer(503, "the server has too many connections");
    // Whether the client takes it is its own affair.
    let _ = tokio::time::timeout(ACCEPT_PAUSE, stream.write_all(&answer)).await;
}
