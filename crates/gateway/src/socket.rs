//! WebSockets: the handshake.

use std::sync::Arc;

use host::websocket::{Role, converse};
use host::{Body, SocketEnd, SocketMessage};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version, request};
use hyper::upgrade::OnUpgrade;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::request::Refusal;
use crate::response;

/// The only version there is (RFC 6455).
pub(crate) const VERSION: &str = "13";

/// What a request asked for in terms of WebSockets.
#[derive(Default)]
pub(crate) struct Handshake {
    asked: Option<(OnUpgrade, HeaderValue)>,
}

impl Handshake {
    /// Takes the handshake out of a request that wants a socket.
    pub(crate) fn from_request(head: &mut request::Parts) -> Result<Self, Refusal> {
        let accept = validate(head)?;
        let asked = head
            .extensions
            .remove::<OnUpgrade>()
            .map(|upgrade| (upgrade, accept));
        Ok(Self { asked })
    }

    /// Answers a worker's 101: the client's connection and the worker's end of the socket come together.
    pub(crate) fn accept(
        self,
        mut response: host::Response,
        permit: Arc<OwnedSemaphorePermit>,
        closing: watch::Receiver<bool>,
        message_bytes: usize,
    ) -> Answer {
        const ERROR: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
        let Some(end) = SocketEnd::detach(response.extensions_mut()) else {
            return Answer::plain(response::text(
                ERROR,
                "the worker answered 101 without a WebSocket",
            ));
        };
        let Some((upgrade, accept)) = self.asked else {
            const UNASKED: &str =
                "the worker answered with a WebSocket, but the request did not ask for one";
            tracing::warn!("{UNASKED}: it has no header `Upgrade: websocket`");
            return Answer::plain(response::text(ERROR, UNASKED));
        };
        *response.body_mut() = Body::empty();
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => converse(upgraded, Role::Server, end, closing, message_bytes).await,
                // A worker that no longer listens misses nothing.
                Err(error) => drop(
                    end.outgoing
                        .send(SocketMessage::Broken(error.to_string()))
                        .await,
                ),
            }
            drop(permit);
        });
        Answer {
            response,
            accept: Some(accept),
        }
    }
}

/// A response, and whether it opens a WebSocket.
pub(crate) struct Answer {
    pub(crate) response: host::Response,
    accept: Option<HeaderValue>,
}

impl Answer {
    pub(crate) fn plain(response: host::Response) -> Self {
        Self {
            response,
            accept: None,
        }
    }

    /// Adds what completes the handshake. Comes after headers that speak about the connection were taken away.
    pub(crate) fn complete(accept: Option<HeaderValue>, headers: &mut HeaderMap) {
        let Some(accept) = accept else { return };
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        headers.remove(header::CONTENT_LENGTH);
    }

    pub(crate) fn into_parts(self) -> (host::Response, Option<HeaderValue>) {
        (self.response, self.accept)
    }
}

fn validate(head: &request::Parts) -> Result<HeaderValue, Refusal> {
    let bad = |text| Refusal {
        status: StatusCode::BAD_REQUEST,
        text,
    };
    if head.method != Method::GET || head.version != Version::HTTP_11 {
        return Err(bad("a WebSocket handshake is a GET with HTTP/1.1"));
    }
    if head
        .headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != VERSION)
    {
        return Err(Refusal {
            status: StatusCode::UPGRADE_REQUIRED,
            text: "a WebSocket handshake needs Sec-WebSocket-Version: 13",
        });
    }
    let key = head
        .headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|key| is_key(key.as_bytes()))
        .ok_or(bad(
            "a WebSocket handshake needs a Sec-WebSocket-Key of 16 bytes in base64",
        ))?;
    Ok(HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is visible ASCII"))
}

/// 16 bytes in base64 are 22 digits and two signs of padding.
fn is_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.ends_with(b"==")
        && key[..22]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}
