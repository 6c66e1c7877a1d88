//! The origin that a worker sees in its requests in place of the one that clients ask: `--host` and `--upstream-protocol`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bundle::config::Dev;
use host::{FetchError, Fetcher, Request, Response};
use http::header::{HOST, HeaderMap, HeaderValue, SET_COOKIE};
use http::uri::{Authority, Scheme};

/// Reads a host, with a port if there is one.
pub(crate) fn host(text: &str) -> Result<Authority, String> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!(
            "it is a host alone, such as example.com; --upstream-protocol says {scheme}"
        ));
    }
    match text.parse::<Authority>() {
        Ok(host) if !host.host().is_empty() && !text.contains('@') => Ok(host),
        _ => Err("it is a host, such as example.com or example.com:8080".to_owned()),
    }
}

/// Puts another origin before a worker. Headers that name it are translated both ways, so that neither side notices.
struct Upstream {
    scheme: Scheme,
    authority: Option<Authority>,
    inner: Arc<dyn Fetcher>,
}

/// What answers requests under the origin that a project's `dev` names.
pub(crate) fn before(dev: &Dev, inner: Arc<dyn Fetcher>) -> Arc<dyn Fetcher> {
    let authority = dev.host.as_deref().and_then(|host| host.parse().ok());
    let scheme = match dev.upstream_protocol {
        Some("https") => Scheme::HTTPS,
        _ => Scheme::HTTP,
    };
    if authority.is_none() && scheme == Scheme::HTTP {
        return inner;
    }
    Arc::new(Upstream {
        scheme,
        authority,
        inner,
    })
}

/// A scheme and a host with its port.
struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    fn text(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

impl Upstream {
    async fn forward(&self, mut request: Request) -> Result<Response, FetchError> {
        let mut parts = request.uri().clone().into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme.clone(), parts.authority.clone())
        else {
            return self.inner.fetch(request).await;
        };
        let inside = Origin {
            scheme: self.scheme.clone(),
            authority: self.authority.clone().unwrap_or_else(|| authority.clone()),
        };
        let outside = Origin { scheme, authority };
        parts.scheme = Some(inside.scheme.clone());
        parts.authority = Some(inside.authority.clone());
        *request.uri_mut() = http::Uri::from_parts(parts)
            .map_err(|error| FetchError::Refused(format!("--host makes no URL: {error}")))?;
        translate(request.headers_mut(), &outside, &inside);
        if let Ok(host) = HeaderValue::from_str(inside.authority.as_str()) {
            request.headers_mut().insert(HOST, host);
        }
        let mut response = self.inner.fetch(request).await?;
        translate(response.headers_mut(), &inside, &outside);
        Ok(response)
    }
}

impl Fetcher for Upstream {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.forward(request))
    }
}

/// Writes one origin in place of another, in URLs and in the domains of cookies.
fn translate(headers: &mut HeaderMap, from: &Origin, to: &Origin) {
    let (from_text, to_text) = (from.text(), to.text());
    for (name, value) in headers.iter_mut() {
        let Ok(text) = value.to_str() else { continue };
        let changed = if name == SET_COOKIE {
            in_cookie(text, from.authority.host(), to.authority.host())
        } else {
            in_urls(text, &from_text, &to_text)
        };
        if let Some(changed) = changed.and_then(|text| HeaderValue::from_str(&text).ok()) {
            *value = changed;
        }
    }
}

/// An origin ends where its port does: `http://a.example` is not the beginning of `http://a.example.org`.
fn in_urls(text: &str, from: &str, to: &str) -> Option<String> {
    let mut made = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, found) = rest.split_at(at);
        let after = &found[from.len()..];
        let goes_on = |sign: char| sign.is_ascii_alphanumeric() || "-._:@".contains(sign);
        made.push_str(before);
        made.push_str(if after.starts_with(goes_on) { from } else { to });
        rest = after;
    }
    if made.is_empty() && rest.len() == text.len() {
        return None;
    }
    made.push_str(rest);
    Some(made)
}

fn in_cookie(text: &str, from: &str, to: &str) -> Option<String> {
    let mut is_changed = false;
    let attributes: Vec<String> = text
        .split(';')
        .map(|attribute| match attribute.split_once('=') {
            Some((name, domain))
                if name.trim().eq_ignore_ascii_case("domain")
                    && domain.trim().trim_start_matches('.') == from =>
            {
                is_changed = true;
                format!("{name}={to}")
            }
            _ => attribute.to_owned(),
        })
        .collect();
    is_changed.then(|| attributes.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_replaced_where_it_ends() {
        let change = |text| in_urls(text, "http://localhost:8787", "https://a.example");
        assert_eq!(
            change("http://localhost:87871/x"),
            Some("http://localhost:87871/x".to_owned())
        );
        assert_eq!(
            change("http://localhost:8787/x, http://localhost:8787"),
            Some("https://a.example/x, https://a.example".to_owned())
        );
        assert_eq!(change("text/html"), None);
    }

    #[test]
    fn a_cookies_domain_is_replaced() {
        assert_eq!(
            in_cookie("a=1; Domain=a.example; Path=/", "a.example", "localhost"),
            Some("a=1; Domain=localhost; Path=/".to_owned())
        );
        assert_eq!(
            in_cookie("domain.x=1; Path=/", "a.example", "localhost"),
            None
        );
    }

    #[test]
    fn a_host_is_no_url() {
        assert!(host("example.com:80").is_ok());
        for wrong in ["https://example.com", "a@example.com", "", "exa mple"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }
}
