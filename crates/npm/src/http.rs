//! Requests to a registry: with its secrets, with patience, and with an end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
    RETRY_AFTER, USER_AGENT,
};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connect::{self, Connector, causes};
use crate::error::Error;
use crate::limits::{MAX_ERROR_BYTES, MAX_REDIRECTS};
use crate::settings::Settings;
use crate::trust;

/// The longest that a registry can make us wait before we ask again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A client for registries.
pub(crate) struct Http {
    client: Client<Connector, Empty<Bytes>>,
    settings: Arc<Settings>,
    /// Places that have answered. The first request to one goes alone: if that place speaks HTTP/2, all others share its
    /// connection, and none is made for nothing.
    known: Mutex<HashSet<String>>,
    first: tokio::sync::Mutex<()>,
}

impl Http {
    pub(crate) fn new(settings: Arc<Settings>) -> Result<Self, Error> {
        let connector = Connector::new(trust::config(&settings)?, settings.clone());
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_adaptive_window(true);
        Ok(Self {
            client: builder.build(connector),
            settings,
            known: Mutex::default(),
            first: tokio::sync::Mutex::new(()),
        })
    }

    /// Asks for an address, again if need be. The answer is a success or 304.
    pub(crate) async fn get(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Response<Incoming>, Error> {
        let mut attempt = 0;
        loop {
            let (error, wait) = match self.follow(url, headers).await {
                Ok(response)
                    if response.status().is_success()
                        || response.status() == StatusCode::NOT_MODIFIED =>
                {
                    return Ok(response);
                }
                Ok(response) => {
                    let status = response.status();
                    let wait = response
                        .headers()
                        .get(RETRY_AFTER)
                        .and_then(|value| value.to_str().ok()?.parse().ok())
                        .map(Duration::from_secs);
                    let passing = status.is_server_error()
                        || matches!(
                            status,
                            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                        );
                    let error = Error::Status {
                        url: shown(url),
                        status: status.as_u16(),
                        message: self.message(response).await,
                    };
                    if !passing {
                        return Err(error);
                    }
                    (error, wait)
                }
                Err(Error::Network { url, message }) if trust::hint(&message).is_none() => {
                    (Error::Network { url, message }, None)
                }
                Err(error) => return Err(error),
            };
            if attempt >= self.settings.retries {
                return Err(error);
            }
            let wait =
                wait.unwrap_or_else(|| Duration::from_millis(100) * 4_u32.pow(attempt.min(4)));
            tracing::debug!(url, %error, ?wait, "asking again");
            tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
            attempt += 1;
        }
    }

    /// One request, with those that its answer leads to.
    async fn follow(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Response<Incoming>, Error> {
        let network = |message: String| Error::Network {
            url: shown(url),
            message,
        };
        let mut uri: Uri = url
            .parse()
            .map_err(|_| network("it is no address".to_owned()))?;
        for _ in 0..=MAX_REDIRECTS {
            if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
                return Err(network("it is no address of a registry".to_owned()));
            }
            let mut request = Request::new(Empty::new());
            let fields = request.headers_mut();
            fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
            fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            fields.insert(
                USER_AGENT,
                HeaderValue::from_static(concat!("atoll/", env!("CARGO_PKG_VERSION"))),
            );
            for (name, value) in headers {
                fields.insert(name.clone(), value.clone());
            }
            // Each address gets the secrets that are meant for it, and no other.
            if let Some(value) = self.settings.authorization_for(&uri)
                && let Ok(mut value) = HeaderValue::from_str(value)
            {
                value.set_sensitive(true);
                fields.insert(AUTHORIZATION, value);
            }
            // Who asks for a tunnel says it there.
            if uri.scheme_str() == Some("http")
                && let Some(proxy) = connect::proxy_for(&self.settings, &uri)
                && let Some(value) = connect::proxy_authorization(&proxy)
                && let Ok(mut value) = HeaderValue::from_str(&value)
            {
                value.set_sensitive(true);
                request.headers_mut().insert(PROXY_AUTHORIZATION, value);
            }
            *request.uri_mut() = uri.clone();
            let response = tokio::time::timeout(self.settings.timeout, self.send(&uri, request))
                .await
                .map_err(|_| network("no answer in time".to_owned()))?
                .map_err(|error| network(causes(&error)))?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED
            {
                return Ok(response);
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok());
            let target = target.and_then(|target| join(&uri, target));
            let Some(target) = target else {
                return Err(network("it leads nowhere".to_owned()));
            };
            if uri.scheme_str() == Some("https") && target.scheme_str() != Some("https") {
                return Err(network(format!("it leads from https to {target}")));
            }
            uri = target;
        }
        Err(network("it leads from place to place".to_owned()))
    }

    async fn send(
        &self,
        uri: &Uri,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let place = uri.authority().map(ToString::to_string).unwrap_or_default();
        let is_known = || {
            self.known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&place)
        };
        if !is_known() {
            let alone = self.first.lock().await;
            if !is_known() {
                let response = self.client.request(request).await?;
                self.known
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(place);
                drop(alone);
                return Ok(response);
            }
        }
        self.client.request(request).await
    }

    /// What an answer that is an error says.
    async fn message(&self, response: Response<Incoming>) -> String {
        let Ok(body) = self.read(response, MAX_ERROR_BYTES, "an answer").await else {
            return String::new();
        };
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = value["error"]
            .as_str()
            .or_else(|| value["message"].as_str());
        text.unwrap_or_default()
            .chars()
            .filter(|sign| !sign.is_control())
            .take(200)
            .collect()
    }

    /// Reads a whole body.
    pub(crate) async fn read(
        &self,
        response: Response<Incoming>,
        most: u64,
        what: &str,
    ) -> Result<Vec<u8>, Error> {
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(&mut body).await? {
            if bytes.len() as u64 + chunk.len() as u64 > most {
                return Err(Error::limit(what, most, "bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The next part of a body.
    pub(crate) async fn chunk(&self, body: &mut Incoming) -> Result<Option<Bytes>, Error> {
        let network = |message: String| Error::Network {
            url: "the answer".to_owned(),
            message,
        };
        loop {
            let frame = tokio::time::timeout(self.settings.timeout, body.frame())
                .await
                .map_err(|_| network("it does not go on".to_owned()))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(network(causes(&error))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

/// An address without what is secret in it.
fn shown(url: &str) -> String {
    let url = url.split('?').next().unwrap_or(url);
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

/// Where a redirection leads.
fn join(base: &Uri, target: &str) -> Option<Uri> {
    if target.contains("://") {
        return target.parse().ok();
    }
    let scheme = base.scheme_str()?;
    if let Some(rest) = target.strip_prefix("//") {
        return format!("{scheme}://{rest}").parse().ok();
    }
    let authority = base.authority()?;
    if target.starts_with('/') {
        return format!("{scheme}://{authority}{target}").parse().ok();
    }
    let folder = base
        .path()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    format!("{scheme}://{authority}{folder}/{target}")
        .parse()
        .ok()
}
