//! From a name to a connection. An address is checked right before it is connected to, so what a name leads to cannot
//! change in between.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::addresses::{Network, not_public};
use super::reserved::is_reserved;

/// How long one address may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// The addresses of a name.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of names.
pub trait Resolve: Send + Sync + 'static {
    /// Those of this one.
    fn resolve(&self, host: &str) -> Addresses;
}

/// Asks the system, as every program does.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// What may be connected to.
#[derive(Clone, Debug, Default)]
pub(crate) enum Reach {
    /// Whatever there is.
    #[default]
    Everything,
    /// Public addresses, and what is named.
    Public {
        /// Blocks that names may lead to.
        networks: Vec<Network>,
        /// Hosts of rules: an address there names itself, and `localhost` this machine.
        hosts: Vec<String>,
    },
    /// Whatever there is, ports that are reserved included.
    Reserved,
}

impl Reach {
    /// Why an address that a host has is not to be connected to.
    fn refuse(&self, host: &str, address: IpAddr, port: u16) -> Option<&'static str> {
        if !matches!(self, Self::Reserved) && is_reserved(address, port) {
            return Some("where a browser of this host listens");
        }
        let Self::Public { networks, hosts } = self else {
            return None;
        };
        let plain = address.to_canonical();
        let reason = not_public(address)?;
        if networks.iter().any(|network| network.contains(plain)) {
            return None;
        }
        let names_itself = hosts.iter().any(|named| named == host)
            && (literal(host) == Some(address) || host == "localhost" && plain.is_loopback());
        (!names_itself).then_some(reason)
    }
}

/// The address that a host is written as.
fn literal(host: &str) -> Option<IpAddr> {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok()
}

/// A name leads to where the policy does not.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{host} is at {address}, which is {what}")]
pub(crate) struct Unreachable {
    host: String,
    address: IpAddr,
    what: &'static str,
}

/// Makes connections, a bounded number at a time.
#[derive(Clone)]
pub(crate) struct Connector {
    resolver: Arc<dyn Resolve>,
    reach: Arc<Reach>,
    open: Arc<Semaphore>,
}

impl Connector {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, reach: Reach, most: usize) -> Self {
        Self {
            resolver,
            reach: Arc::new(reach),
            open: Arc::new(Semaphore::new(most)),
        }
    }

    async fn connect(self, uri: Uri) -> Result<Held, BoxError> {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = uri.port_u16();
        let port = port.unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) {
            443
        } else {
            80
        });
        let found = match literal(&host) {
            Some(address) => vec![address],
            None => self.resolver.resolve(&host).await?,
        };
        let mut failure: BoxError =
            io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")).into();
        let mut allowed = Vec::new();
        for address in found {
            match self.reach.refuse(&host, address, port) {
                None => allowed.push(address),
                Some(what) => {
                    failure = Unreachable {
                        host: host.clone(),
                        address,
                        what,
                    }
                    .into();
                }
            }
        }
        if allowed.is_empty() {
            return Err(failure);
        }
        let slot = Arc::clone(&self.open).acquire_owned().await?;
        for address in allowed.into_iter().take(MAX_ADDRESSES) {
            let connecting = TcpStream::connect(SocketAddr::new(address, port));
            match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(Held {
                        stream: TokioIo::new(stream),
                        _slot: slot,
                    });
                }
                Ok(Err(error)) => failure = error.into(),
                Err(_) => failure = io::Error::from(io::ErrorKind::TimedOut).into(),
            }
        }
        Err(failure)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connector")
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = Held;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Held, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection that counts as one of those that may be open.
#[derive(Debug)]
pub(crate) struct Held {
    stream: TokioIo<TcpStream>,
    _slot: OwnedSemaphorePermit,
}

impl Connection for Held {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}
