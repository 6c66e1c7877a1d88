//! Connections to registries: straight or through a proxy, with TLS or without.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use http::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::settings::Settings;
use crate::trust;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// What a proxy may say before it connects.
const MAX_PROXY_ANSWER_BYTES: usize = 16 << 10;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection over which requests can be sent.
pub(crate) struct Link {
    wire: TokioIo<Box<dyn Wire>>,
    http2: bool,
    /// Whether it ends at a proxy, which has to be told whole addresses.
    proxied: bool,
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.proxied);
        if self.http2 {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl hyper::rt::Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

/// Makes connections as the settings say.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: Arc<ClientConfig>,
    settings: Arc<Settings>,
}

impl Connector {
    pub(crate) fn new(tls: ClientConfig, settings: Arc<Settings>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self {
            tcp,
            tls: Arc::new(tls),
            settings,
        }
    }

    async fn connect(mut self, target: Uri) -> io::Result<Link> {
        let secure = target.scheme_str() == Some("https");
        let host = target
            .host()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_owned();
        let Some(proxy) = proxy_for(&self.settings, &target) else {
            let wire = self.dial(target).await?;
            return if secure {
                self.secure(wire, &host, true).await
            } else {
                Ok(Link {
                    wire: TokioIo::new(wire),
                    http2: false,
                    proxied: false,
                })
            };
        };
        let mut wire = self.dial_proxy(&proxy).await.map_err(|error| {
            let place = place(&proxy);
            io::Error::other(format!("the proxy {place}: {error}"))
        })?;
        if secure {
            let port = target.port_u16().unwrap_or(443);
            tunnel(&mut wire, &proxy, target.host().unwrap_or_default(), port).await?;
            self.secure(wire, &host, true).await
        } else {
            Ok(Link {
                wire: TokioIo::new(wire),
                http2: false,
                proxied: true,
            })
        }
    }

    async fn dial_proxy(&mut self, proxy: &Uri) -> io::Result<Box<dyn Wire>> {
        let wire = self.dial(proxy.clone()).await?;
        if proxy.scheme_str() != Some("https") {
            return Ok(wire);
        }
        let host = proxy.host().unwrap_or_default();
        let link = self.secure(wire, host, false).await?;
        Ok(link.wire.into_inner())
    }

    async fn dial(&mut self, uri: Uri) -> io::Result<Box<dyn Wire>> {
        std::future::poll_fn(|context| self.tcp.poll_ready(context))
            .await
            .map_err(io::Error::other)?;
        let stream = self
            .tcp
            .call(uri)
            .await
            .map_err(|error| io::Error::other(causes(&error)))?;
        Ok(Box::new(stream.into_inner()))
    }

    async fn secure(&self, wire: Box<dyn Wire>, host: &str, http2: bool) -> io::Result<Link> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = if http2 {
            self.tls.clone()
        } else {
            let mut config = (*self.tls).clone();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Arc::new(config)
        };
        let stream = TlsConnector::from(config).connect(name, wire).await;
        let stream = stream.map_err(|error| trust::refusal(error, host, &self.settings))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Link {
            wire: TokioIo::new(Box::new(stream)),
            http2,
            proxied: false,
        })
    }
}

/// The proxy for an address.
pub(crate) fn proxy_for(settings: &Settings, target: &Uri) -> Option<Uri> {
    let secure = target.scheme_str() == Some("https");
    let host = target.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
    let port = target.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let direct = settings.no_proxy.iter().any(|rule| {
        // A rule may be for one port alone; an address of IPv6 has more colons than one.
        let (rule, only) = match rule.rsplit_once(':') {
            Some((name, only)) if !name.contains(':') || name.ends_with(']') => {
                (name, only.parse::<u16>().ok())
            }
            _ => (rule.as_str(), None),
        };
        let rule = rule.trim_matches(['[', ']']);
        let rule = rule.trim_start_matches("*.").trim_start_matches('.');
        let same_host = rule == "*"
            || host == rule
            || host
                .strip_suffix(rule)
                .is_some_and(|rest| rest.ends_with('.'));
        same_host && only.is_none_or(|only| only == port)
    });
    if direct {
        return None;
    }
    let proxy = match secure {
        true => settings.https_proxy.as_ref(),
        false => settings.proxy.as_ref(),
    };
    // The settings have checked it.
    proxy?.parse().ok()
}

/// What a proxy is told of the user whose name and password its address has.
pub(crate) fn proxy_authorization(proxy: &Uri) -> Option<String> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    Some(format!("Basic {}", Base64::encode_string(&decode(user))))
}

/// Where a proxy is, without what is secret in its address.
fn place(proxy: &Uri) -> String {
    let authority = proxy.authority().map_or("", |authority| authority.as_str());
    let place = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{place}", proxy.scheme_str().unwrap_or("http"))
}

/// Asks a proxy for a connection to a host.
async fn tunnel(wire: &mut Box<dyn Wire>, proxy: &Uri, host: &str, port: u16) -> io::Result<()> {
    let authorization = proxy_authorization(proxy)
        .map(|value| format!("Proxy-Authorization: {value}\r\n"))
        .unwrap_or_default();
    let request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{authorization}\r\n");
    wire.write_all(request.as_bytes()).await?;
    wire.flush().await?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the answer belongs to the other end.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_PROXY_ANSWER_BYTES {
            return Err(io::Error::other("the proxy's answer has no end"));
        }
        answer.push(wire.read_u8().await?);
    }
    let line = String::from_utf8_lossy(&answer);
    let line = line.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!("the proxy answers {line:?}"))),
    }
}

/// Takes percent signs out of a user's name and password.
fn decode(text: &str) -> Vec<u8> {
    let mut made = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                made.push(escaped);
                rest = &tail[2..];
            }
            _ => {
                made.push(*byte);
                rest = tail;
            }
        }
    }
    made
}

/// An error with what lies below it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Link>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            match tokio::time::timeout(2 * CONNECT_TIMEOUT, this.connect(target)).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "no connection in time",
                )),
            }
        })
    }
}
