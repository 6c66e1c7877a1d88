//! A way out that has rules. What no rule allows is refused, and each decision can be written down.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::header::ACCEPT_ENCODING;
use http::{HeaderValue, Method, Uri};

use super::connector::{Connector, Reach, Resolve, SystemResolver};
use super::rule::{Misfit, Rule, is_ambiguous};
use super::sockets::{Bound, Excess, guarded};
use super::{Egress, Network};
use crate::audit::{Audit, Entry};
use crate::fetcher::{Caller, FetchError, Fetcher, Request, Response};
use crate::metered::{Meter, metered};
use crate::secrets::SecretStore;
use crate::socket::SocketEnd;
use crate::wire::WantsSocket;

/// Connections of one policy that are open at a time; more requests wait.
pub(crate) const MAX_POLICY_CONNECTIONS: usize = 256;

/// How much of a URL an error shows, in bytes.
const SHOWN_URL_BYTES: usize = 300;

/// What a policy is made of.
#[derive(Debug, Default)]
pub struct PolicyOptions {
    /// What its errors call it.
    pub name: String,
    /// What it lets through; the first that fits counts.
    pub rules: Vec<Rule>,
    /// Addresses that are not public and that names may lead to nevertheless.
    pub networks: Vec<Network>,
    /// The longest body of a request, in bytes.
    pub max_request_bytes: Option<u64>,
    /// The longest body of a response, in bytes, after its content coding is taken off.
    pub max_response_bytes: Option<u64>,
    /// Requests in a minute.
    pub requests_per_minute: Option<u32>,
    /// Where the secrets of its rules are.
    pub secrets: Option<Arc<SecretStore>>,
    /// Where its decisions are written down.
    pub audit: Option<Audit>,
}

/// What may pass on one WebSocket: all its messages count like one body each way, and each that is sent like a request.
struct Bounds {
    sent: Meter,
    received: Meter,
    policy: Arc<Inner>,
}

/// The network as far as some rules allow it. Clones share connections and counts.
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

struct Inner {
    options: PolicyOptions,
    egress: Egress,
    rate: Option<Mutex<Rate>>,
}

impl Inner {
    /// Whether another request, or message, fits into this minute.
    fn takes_one(&self) -> bool {
        let rate = self.rate.as_ref();
        rate.is_none_or(|rate| rate.lock().unwrap_or_else(PoisonError::into_inner).take())
    }

    fn too_often(&self, what: &str) -> String {
        let most = self.options.requests_per_minute.unwrap_or_default();
        format!("there were more than {most} {what} in a minute (requestsPerMinute)")
    }
}

impl Bound for Bounds {
    fn send(&self, bytes: usize) -> Result<(), Excess> {
        let options = &self.policy.options;
        if !self.sent.count(bytes) {
            let most = options.max_request_bytes.unwrap_or_default();
            return Err(Excess::size(format!(
                "more than {most} bytes were sent (maxRequestBytes)"
            )));
        }
        match self.policy.takes_one() {
            true => Ok(()),
            false => Err(Excess::rate(self.policy.too_often("messages"))),
        }
    }

    fn receive(&self, bytes: usize) -> Result<(), Excess> {
        let most = self.policy.options.max_response_bytes.unwrap_or_default();
        match self.received.count(bytes) {
            true => Ok(()),
            false => {
                let text = format!("more than {most} bytes were received (maxResponseBytes)");
                Err(Excess::size(text))
            }
        }
    }
}

impl Policy {
    /// A policy whose names are resolved as the system does.
    #[must_use]
    pub fn new(options: PolicyOptions) -> Self {
        Self::with_resolver(options, Arc::new(SystemResolver))
    }

    /// A policy with a resolver of its own.
    #[must_use]
    pub fn with_resolver(options: PolicyOptions, resolver: Arc<dyn Resolve>) -> Self {
        let reach = Reach::Public {
            networks: options.networks.clone(),
            hosts: options.rules.iter().map(|rule| rule.host.clone()).collect(),
        };
        let connector = Connector::new(resolver, reach, MAX_POLICY_CONNECTIONS);
        Self(Arc::new(Inner {
            rate: options
                .requests_per_minute
                .map(|most| Mutex::new(Rate::new(most))),
            egress: Egress::with(connector),
            options,
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    async fn send(&self, mut request: Request) -> Result<Response, FetchError> {
        let options = &self.0.options;
        let method = request.method().clone();
        let shown = shown(request.uri());
        let refuse = |reason: &str| {
            FetchError::Refused(format!(
                "Egress policy \"{}\" refused {method} {shown}: {reason}.",
                options.name
            ))
        };
        let mut entry = options.audit.as_ref().map(|audit| {
            let mut entry = Entry::new(audit, "egress", request.extensions().get::<Caller>());
            entry.capability(format!("egress {}", options.name));
            entry.target(format!("{method} {}", request.uri()));
            entry
        });
        let admitted = self.admit(&mut request);
        let (sent, received) = (
            Meter::new(options.max_request_bytes),
            Meter::new(options.max_response_bytes),
        );
        let outcome = match admitted {
            Err(reason) => Err(refuse(&reason)),
            Ok(()) => {
                let too_long = format!(
                    "Egress policy \"{}\" refused {method} {shown}: its body is longer than {} bytes (maxRequestBytes).",
                    options.name,
                    options.max_request_bytes.unwrap_or_default()
                );
                let request =
                    request.map(|body| metered(body, sent.clone(), too_long.clone(), None));
                match self.0.egress.send(request).await {
                    // What the connection says of it hides why it broke.
                    Err(_) if sent.is_exceeded() => Err(FetchError::Refused(too_long)),
                    Err(FetchError::Refused(reason)) => Err(refuse(&reason)),
                    other => other,
                }
            }
        };
        let mut response = match outcome {
            Ok(response) => crate::decode::decoded(response),
            Err(error) => {
                if let Some(entry) = &mut entry {
                    entry.failed(&error);
                }
                return Err(error);
            }
        };
        let too_long = format!(
            "Egress policy \"{}\" cut off the response to {method} {shown}: it is longer than {} bytes (maxResponseBytes).",
            options.name,
            options.max_response_bytes.unwrap_or_default()
        );
        if let Some(entry) = &mut entry {
            entry.answered(response.status());
            entry.meters(sent.clone(), received.clone());
        }
        if let Some(end) = SocketEnd::detach(response.extensions_mut()) {
            let bounds = Bounds {
                sent,
                received,
                policy: Arc::clone(&self.0),
            };
            guarded(end, bounds, entry).attach(response.extensions_mut());
            return Ok(response);
        }
        // The line is written when the last byte has passed.
        Ok(response.map(|body| metered(body, received, too_long, entry)))
    }

    /// Lets a request through as its rule wants it, or says why not.
    fn admit(&self, request: &mut Request) -> Result<(), String> {
        let options = &self.0.options;
        let rule = self.rule_for(request)?;
        let length = http_body::Body::size_hint(request.body()).lower();
        if let Some(most) = options.max_request_bytes
            && length > most
        {
            return Err(format!(
                "its body is longer than {most} bytes (maxRequestBytes)"
            ));
        }
        if !self.0.takes_one() {
            return Err(self.0.too_often("requests"));
        }
        rule.set_headers(request.headers_mut(), options.secrets.as_deref())?;
        // Codings that the host cannot take off would pass the bound on what comes out of them.
        request
            .headers_mut()
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        Ok(())
    }

    fn rule_for(&self, request: &Request) -> Result<&Rule, String> {
        let (method, uri) = (request.method(), request.uri());
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err("it has a user name or a password in its URL".to_owned());
        }
        if matches!(method.as_str(), "CONNECT" | "TRACE" | "TRACK") {
            return Err("no policy allows this method".to_owned());
        }
        if is_ambiguous(uri.path()) {
            return Err("its path can be read in more than one way".to_owned());
        }
        let is_socket = request.extensions().get::<WantsSocket>().is_some();
        let mut near: Option<&Rule> = None;
        for rule in &self.0.options.rules {
            match rule.fits(method, uri, request.headers(), is_socket) {
                Ok(()) => return Ok(rule),
                Err(Misfit::Method) => near = Some(rule),
                Err(Misfit::Url) => {}
            }
        }
        Err(match near {
            Some(rule) => {
                let methods: Vec<&str> = rule.methods.iter().map(Method::as_str).collect();
                format!("only {} are allowed for {}", methods.join(", "), rule.text)
            }
            None => "no rule allows it".to_owned(),
        })
    }
}

impl Fetcher for Policy {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.send(request))
    }

    fn describe(&self) -> String {
        format!("egress {}", self.name())
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Policy").field(&self.name()).finish()
    }
}

/// A URL as an error shows it: queries have secrets of their own at times.
fn shown(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let port = uri
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let mut text = format!(
        "{}://{host}{port}{}",
        uri.scheme_str().unwrap_or("http"),
        uri.path()
    );
    if text.len() > SHOWN_URL_BYTES {
        text.truncate(text.floor_char_boundary(SHOWN_URL_BYTES));
        text.push('…');
    }
    text
}

/// A bucket that fills up evenly and holds a minute's worth.
struct Rate {
    most: f64,
    left: f64,
    filled: Instant,
}

impl Rate {
    fn new(most: u32) -> Self {
        Self {
            most: most.into(),
            left: most.into(),
            filled: Instant::now(),
        }
    }

    fn take(&mut self) -> bool {
        let now = Instant::now();
        let minutes = now.duration_since(self.filled).as_secs_f64() / 60.0;
        self.left = (self.left + self.most * minutes).min(self.most);
        self.filled = now;
        let is_there = self.left >= 1.0;
        if is_there {
            self.left -= 1.0;
        }
        is_there
    }
}
