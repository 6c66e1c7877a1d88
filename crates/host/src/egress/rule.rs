//! What one rule of a policy lets through.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Method, Uri};
use zeroize::Zeroizing;

use crate::secrets::SecretStore;

/// Headers by which servers take a request for one with another method.
const METHOD_OVERRIDES: [&str; 3] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Requests that are allowed, and what the host adds to them.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Methods in capitals; empty stands for any.
    pub methods: Vec<Method>,
    /// The URLs, as whoever wrote the rule wrote them.
    pub text: String,
    /// `https`, not `http`.
    pub secure: bool,
    /// WebSockets only.
    pub sockets_only: bool,
    /// In lower case. `*` is any host, `*.example.com` any below that one.
    pub host: String,
    /// `None` is any port.
    pub port: Option<u16>,
    /// This path and all below it.
    pub path: String,
    /// Headers that replace those of the worker.
    pub headers: Vec<(HeaderName, Vec<Piece>)>,
}

/// A part of a header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The value of this secret.
    Secret(String),
}

/// Why a request does not fit a rule.
pub(super) enum Misfit {
    /// It goes elsewhere.
    Url,
    /// It goes there with another method.
    Method,
}

impl Rule {
    /// Whether the rule is about this request.
    pub(super) fn fits(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        is_socket: bool,
    ) -> Result<(), Misfit> {
        if !self.leads_to(uri, is_socket) {
            return Err(Misfit::Url);
        }
        if self.methods.is_empty() {
            return Ok(());
        }
        let overridden = METHOD_OVERRIDES
            .iter()
            .flat_map(|name| headers.get_all(*name))
            .all(|value| {
                let named = Method::from_bytes(&value.as_bytes().to_ascii_uppercase());
                named.is_ok_and(|method| self.methods.contains(&method))
            });
        if overridden && self.methods.contains(method) {
            Ok(())
        } else {
            Err(Misfit::Method)
        }
    }

    fn leads_to(&self, uri: &Uri, is_socket: bool) -> bool {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        secure == self.secure
            && (is_socket || !self.sockets_only)
            && self.is_host(&host)
            && self.port.is_none_or(|own| own == port)
            && self.is_path(uri.path())
    }

    fn is_host(&self, host: &str) -> bool {
        match self.host.strip_prefix('*') {
            Some("") => !host.is_empty(),
            Some(end) => host.len() > end.len() && host.ends_with(end),
            None => host == self.host,
        }
    }

    fn is_path(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str()).is_some_and(|rest| {
            self.path.ends_with('/') || rest.is_empty() || rest.starts_with('/')
        })
    }

    /// Sets the rule's headers.
    ///
    /// # Errors
    /// When a secret cannot be had.
    pub(super) fn set_headers(
        &self,
        headers: &mut HeaderMap,
        secrets: Option<&SecretStore>,
    ) -> Result<(), String> {
        for (name, pieces) in &self.headers {
            let mut text = Zeroizing::new(String::new());
            for piece in pieces {
                match piece {
                    Piece::Text(piece) => text.push_str(piece),
                    Piece::Secret(secret) => {
                        let unset = || format!("its secret {secret} is not set");
                        let store = secrets.ok_or_else(unset)?;
                        let value = store.get(secret).map_err(|error| error.to_string())?;
                        text.push_str(&value.ok_or_else(unset)?);
                    }
                }
            }
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                format!("a secret in its header {name} has characters that no header can have")
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }
}

/// Whether a path can be taken for another one: servers differ in what they make of dots, and of slashes that are
/// escaped.
pub(super) fn is_ambiguous(path: &str) -> bool {
    let mut text = path.as_bytes().to_vec();
    // What is escaped twice is decoded twice by some.
    for _ in 0..3 {
        if has_dots(&text) {
            return true;
        }
        text = unescaped(&text);
    }
    has_dots(&text)
}

fn has_dots(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| {
            let name = segment
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or_default();
            matches!(name, b"." | b"..")
        })
        || path.iter().any(|byte| *byte < 0x20 || *byte == 0x7f)
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        let digits = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                out.push(escaped);
                rest = &tail[2..];
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(secure: bool, host: &str, port: Option<u16>, path: &str) -> Rule {
        Rule {
            methods: vec![Method::GET],
            text: String::new(),
            secure,
            sockets_only: false,
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            headers: Vec::new(),
        }
    }

    #[test]
    fn urls_fit_whole_parts_only() {
        let fits = |rule: &Rule, url: &str| {
            let uri = url.parse().expect(url);
            rule.fits(&Method::GET, &uri, &HeaderMap::new(), false)
                .is_ok()
        };
        let exact = rule(true, "api.test", Some(443), "/repos/acme");
        for url in [
            "https://api.test/repos/acme",
            "https://API.test/repos/acme/x?q",
            "https://api.test:443/repos/acme?q",
        ] {
            assert!(fits(&exact, url), "{url}");
        }
        for url in [
            "http://api.test/repos/acme",
            "https://api.test:444/repos/acme",
            "https://api.test/repos/acmeevil",
            "https://api.test.evil.test/repos/acme",
            "https://evilapi.test/repos/acme",
            "https://api.test./repos/acme",
            "https://api.test/Repos/acme",
            "https://api.test/",
            "https://api.test@evil.test/repos/acme",
        ] {
            assert!(!fits(&exact, url), "{url}");
        }
        let below = rule(true, "*.api.test", None, "/");
        assert!(fits(&below, "https://a.b.api.test:9/x"));
        assert!(!fits(&below, "https://api.test/x") && !fits(&below, "https://evilapi.test/"));
    }

    #[test]
    fn paths_that_can_be_read_in_two_ways_are_known() {
        for path in [
            "/a/../b",
            "/a/%2e%2e/b",
            "/a/.%2E/b",
            "/a/..%2fb",
            "/a/%2e%2e%5cb",
            "/a\\..\\b",
            "/a/%252e%252e/b",
            "/a/..;x/b",
            "/a/./b",
            "/a/..",
            "/a/%0d%0ab",
            "/a/%00",
        ] {
            assert!(is_ambiguous(path), "{path}");
        }
        for path in [
            "/",
            "/a/b.c",
            "/a/...",
            "/a/acme%2Frepo",
            "/a/..b",
            "/a%20b/",
            "/a/%",
        ] {
            assert!(!is_ambiguous(path), "{path}");
        }
    }
}
