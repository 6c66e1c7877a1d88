//! `egress`, `bindings`, `globalOutbound` and `loaders` in `atoll.jsonc`: what workers may reach, and what is written down.

use super::document::{Node, Value};
use super::reader::Reader;

/// What one policy lets through. Whatever no rule allows is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    /// The name that bindings refer to.
    pub name: String,
    /// What may be requested; the first rule that fits counts.
    pub allow: Vec<EgressRule>,
    /// Addresses that are not public and may be connected to nevertheless: `10.1.0.0/16`.
    pub addresses: Vec<String>,
    /// The longest body of a request, in bytes.
    pub max_request_bytes: Option<u64>,
    /// The longest body of a response, in bytes, after its content coding is taken off.
    pub max_response_bytes: Option<u64>,
    /// Requests in a minute, those that redirects cause included.
    pub requests_per_minute: Option<u32>,
    /// Write a line for each decision; on unless it says no.
    pub audit: bool,
}

/// Requests that a policy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRule {
    /// Methods in capitals; empty stands for any.
    pub methods: Vec<String>,
    /// Where requests may go.
    pub target: EgressTarget,
    /// Headers that are set on each request, in place of those of the worker.
    pub headers: Vec<(String, Vec<Piece>)>,
}

/// The URLs that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressTarget {
    /// As it was written.
    pub text: String,
    /// `https`, not `http`.
    pub secure: bool,
    /// WebSockets only.
    pub sockets_only: bool,
    /// In lower case. `*` is any host, `*.example.com` any below that one.
    pub host: String,
    /// `None` is any port.
    pub port: Option<u16>,
    /// Starts with a slash: this path and all below it.
    pub path: String,
}

/// A part of a header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The value of this secret.
    Secret(String),
}

/// What the global `fetch()` of the worker reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GlobalOutbound {
    /// The whole network.
    #[default]
    Everything,
    /// Nothing.
    Nothing,
    /// What this policy allows.
    Policy(String),
}

/// A property of `env` that requests go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressBinding {
    /// The property's name.
    pub binding: String,
    /// The policy's name.
    pub policy: String,
}

/// What a Worker Loader does beside running code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderSettings {
    /// The property of `env`.
    pub binding: String,
    /// Write a line for each use of a capability by what it runs.
    pub audit: bool,
}

/// Headers about a connection or a body, which are never a rule's to set.
const UNSETTABLE: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl EgressTarget {
    /// Reads the URL of a rule.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let example = || "it has the form \"https://api.example.com/some/path/\"".to_owned();
        let wrong = |what: &str| (format!("{text:?} {what}"), example());
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("is no absolute URL"));
        };
        let (secure, sockets_only) = match scheme.to_ascii_lowercase().as_str() {
            "https" => (true, false),
            "http" => (false, false),
            "wss" => (true, true),
            "ws" => (false, true),
            _ => {
                let hint = "requests go to http and https, WebSockets also to ws and wss";
                return Err((format!("{text:?} has an unknown scheme"), hint.to_owned()));
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if path.contains(['?', '#']) {
            let hint = "a rule allows a path with any query: leave ? and # away";
            return Err((
                format!("{text:?} has a query or a fragment"),
                hint.to_owned(),
            ));
        }
        if authority.contains('@') {
            let hint = "set a header instead: \"headers\": { \"authorization\": \"Bearer {{secret:NAME}}\" }";
            return Err((format!("{text:?} has credentials in it"), hint.to_owned()));
        }
        let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[after_bracket..].rfind(':') {
            Some(at) => {
                let at = after_bracket + at;
                (&authority[..at], Some(&authority[at + 1..]))
            }
            None => (authority, None),
        };
        let port = match port {
            None if secure => Some(443),
            None => Some(80),
            Some("*") => None,
            Some(port) => Some(port.parse().map_err(|_| wrong("has a port that is none"))?),
        };
        let host = host.to_ascii_lowercase();
        let plain = host.strip_prefix("*.").unwrap_or(&host);
        let is_name = !plain.is_empty()
            && plain.split('.').all(|label| {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                !label.is_empty() && label.chars().all(is_plain)
            });
        let is_address = plain
            .strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
        if host != "*" && !is_name && (!is_address || plain != host) {
            let hint = "name a host, all below one (\"*.example.com\"), or any (\"*\"); names beyond ASCII in punycode";
            return Err((format!("{text:?} has a host that is none"), hint.to_owned()));
        }
        let path = if path.is_empty() { "/" } else { path };
        let is_odd = |segment: &str| matches!(segment, "." | "..");
        if path.split('/').any(is_odd) || path.contains(['\\', '%', ' ']) && !is_encoded(path) {
            return Err(wrong("has a path that is not in its plain form"));
        }
        Ok(Self {
            text: text.to_owned(),
            secure,
            sockets_only,
            host: canonical(&host),
            port,
            path: path.to_owned(),
        })
    }
}

/// Addresses have one spelling.
fn canonical(host: &str) -> String {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match inner.and_then(|inner| inner.parse::<std::net::Ipv6Addr>().ok()) {
        Some(address) => format!("[{address}]"),
        None => host.to_owned(),
    }
}

/// Whether each percent sign begins an escape, and nothing else is out of the ordinary.
fn is_encoded(path: &str) -> bool {
    let escapes = path.split('%').skip(1);
    !path.contains(['\\', ' '])
        && escapes.into_iter().all(|rest| {
            rest.get(..2)
                .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        })
}

/// The parts of a header's value: text and `{{secret:NAME}}`.
fn pieces(value: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while let Some(start) = rest.find("{{") {
        let (before, from) = rest.split_at(start);
        let end = from.find("}}").ok_or("`{{` has no `}}`")?;
        let inner = &from[2..end];
        let name = inner.trim().strip_prefix("secret:").map(str::trim);
        let name = name.filter(|name| is_secret_name(name));
        let name = name.ok_or_else(|| format!("`{{{{{inner}}}}}` means nothing"))?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Secret(name.to_owned()));
        rest = &from[end + 2..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// Whether a secret can have this name: what a property of `env` is usually named.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.len() <= 128
        && name.chars().all(is_plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn policies(reader: &mut Reader<'_>, value: Option<&Value>) -> Vec<EgressPolicy> {
    let entries = reader.object("egress", value);
    entries
        .iter()
        .map(|entry| policy(reader, &entry.key, &entry.value))
        .collect()
}

fn policy(reader: &mut Reader<'_>, name: &str, value: &Value) -> EgressPolicy {
    let key = format!("egress.{name}");
    reader.object(&key, Some(value));
    reader.unknown_keys(
        value,
        &format!("{key}."),
        &[
            "allow",
            "addresses",
            "maxRequestBytes",
            "maxResponseBytes",
            "requestsPerMinute",
            "audit",
        ],
        true,
    );
    if value.get("allow").is_none() && matches!(value.node, Node::Object(_)) {
        let hint = "\"allow\": [{ \"methods\": [\"GET\"], \"url\": \"https://api.example.com/\" }]";
        reader.error(
            value.start,
            format!("`{key}` allows nothing"),
            Some(format!("say what it lets through: {hint}")),
        );
    }
    let items = reader.array(&format!("{key}.allow"), value.get("allow"));
    let allow = items
        .iter()
        .filter_map(|item| rule(reader, &format!("{key}.allow[]"), item))
        .collect();
    let listed = reader.array(&format!("{key}.addresses"), value.get("addresses"));
    let mut addresses = Vec::new();
    for item in listed {
        let Some(text) = reader.string(&format!("{key}.addresses[]"), Some(item)) else {
            continue;
        };
        if is_network(&text) {
            addresses.push(text);
        } else {
            let message = format!("{text:?} is neither an IP address nor a block of them");
            let hint = "such as \"127.0.0.1\", \"10.1.0.0/16\" or \"fd00::/8\"";
            reader.error(item.start, message, Some(hint.to_owned()));
        }
    }
    let mut number =
        |field: &str, most| reader.whole_number(&format!("{key}.{field}"), value.get(field), most);
    EgressPolicy {
        name: name.to_owned(),
        allow,
        addresses,
        max_request_bytes: number("maxRequestBytes", u64::MAX),
        max_response_bytes: number("maxResponseBytes", u64::MAX),
        requests_per_minute: number("requestsPerMinute", 1_000_000).map(|count| count as u32),
        audit: reader
            .bool(&format!("{key}.audit"), value.get("audit"))
            .unwrap_or(true),
    }
}

fn is_network(text: &str) -> bool {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<std::net::IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
}

fn rule(reader: &mut Reader<'_>, key: &str, item: &Value) -> Option<EgressRule> {
    reader.object(key, Some(item));
    if !matches!(item.node, Node::Object(_)) {
        return None;
    }
    reader.unknown_keys(
        item,
        &format!("{key}."),
        &["methods", "url", "headers"],
        true,
    );
    let methods = methods(reader, key, item.get("methods"));
    let url = reader.required(key, item, "url")?;
    let at = item.get("url").map_or(item.start, |url| url.start);
    let target = match EgressTarget::parse(&url) {
        Ok(target) => target,
        Err((message, hint)) => {
            reader.error(at, format!("`{key}.url`: {message}"), Some(hint));
            return None;
        }
    };
    let mut headers = Vec::new();
    for entry in reader.object(&format!("{key}.headers"), item.get("headers")) {
        let name = entry.key.to_ascii_lowercase();
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(is_token) || UNSETTABLE.contains(&name.as_str()) {
            let message = format!("{:?} is no header that a rule can set", entry.key);
            let hint = "those about the connection and the body are the host's own";
            reader.error(entry.start, message, Some(hint.to_owned()));
            continue;
        }
        let field = format!("{key}.headers.{}", entry.key);
        let Some(text) = reader.string(&field, Some(&entry.value)) else {
            continue;
        };
        match pieces(&text) {
            Ok(_) if text.chars().any(|c| c.is_control() && c != '\t') => {
                let message = format!("`{field}` has control characters");
                reader.error(entry.value.start, message, None);
            }
            Ok(pieces) => headers.push((name, pieces)),
            Err(message) => {
                let hint = "a secret stands as {{secret:NAME}}, where NAME has letters, digits and underscores";
                let message = format!("`{field}`: {message}");
                reader.error(entry.value.start, message, Some(hint.to_owned()));
            }
        }
    }
    Some(EgressRule {
        methods,
        target,
        headers,
    })
}

/// Methods in capitals: those that only read, unless the rule says others.
fn methods(reader: &mut Reader<'_>, key: &str, value: Option<&Value>) -> Vec<String> {
    if value.is_none() {
        return vec!["GET".to_owned(), "HEAD".to_owned()];
    }
    let mut methods = Vec::new();
    for item in reader.array(&format!("{key}.methods"), value) {
        let Some(method) = reader.string(&format!("{key}.methods[]"), Some(item)) else {
            continue;
        };
        if method == "*" {
            return Vec::new();
        }
        let upper = method.to_ascii_uppercase();
        let is_method =
            !upper.is_empty() && upper.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
        if !is_method || matches!(upper.as_str(), "CONNECT" | "TRACE" | "TRACK") {
            let message = format!("{method:?} is no method that can be allowed");
            let hint = "such as \"GET\" or \"POST\"; \"*\" is any";
            reader.error(item.start, message, Some(hint.to_owned()));
            continue;
        }
        methods.push(upper);
    }
    let listed =
        value.filter(|value| matches!(&value.node, Node::Array(items) if items.is_empty()));
    if let Some(Value { start: at, .. }) = listed {
        let message = format!("`{key}.methods` is empty");
        let hint = "leave it away for GET and HEAD, or write [\"*\"] for any";
        reader.error(*at, message, Some(hint.to_owned()));
    }
    if methods.is_empty() {
        // There is an error, and none is not any.
        methods.push("GET".to_owned());
    }
    methods
}

/// A name of a policy that has to be there.
fn known_policy(
    reader: &mut Reader<'_>,
    key: &str,
    value: Option<&Value>,
    policies: &[EgressPolicy],
) -> Option<String> {
    let name = reader.string(key, value)?;
    if policies.iter().any(|policy| policy.name == name) {
        return Some(name);
    }
    let names = policies.iter().map(|policy| policy.name.as_str());
    let hint = match crate::text::nearest(&name, names.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None if policies.is_empty() => "`egress` has no policies".to_owned(),
        None => format!("`egress` has {}", names.collect::<Vec<_>>().join(", ")),
    };
    let at = value.map_or(0, |value| value.start);
    reader.error(
        at,
        format!("there is no egress policy {name:?}"),
        Some(hint),
    );
    None
}

pub(super) fn bindings(
    reader: &mut Reader<'_>,
    value: Option<&Value>,
    policies: &[EgressPolicy],
) -> Vec<EgressBinding> {
    let mut bindings = Vec::new();
    for entry in reader.object("bindings", value) {
        let key = format!("bindings.{}", entry.key);
        reader.object(&key, Some(&entry.value));
        reader.unknown_keys(&entry.value, &format!("{key}."), &["egress"], true);
        if reader.required(&key, &entry.value, "egress").is_none() {
            continue;
        }
        let field = format!("{key}.egress");
        if let Some(policy) = known_policy(reader, &field, entry.value.get("egress"), policies) {
            bindings.push(EgressBinding {
                binding: entry.key.clone(),
                policy,
            });
        }
    }
    bindings
}

pub(super) fn global_outbound(
    reader: &mut Reader<'_>,
    value: Option<&Value>,
    policies: &[EgressPolicy],
) -> GlobalOutbound {
    match value.map(|value| &value.node) {
        None => GlobalOutbound::Everything,
        Some(Node::Null) => GlobalOutbound::Nothing,
        Some(_) => known_policy(reader, "globalOutbound", value, policies)
            .map_or(GlobalOutbound::Nothing, GlobalOutbound::Policy),
    }
}

pub(super) fn loaders(reader: &mut Reader<'_>, value: Option<&Value>) -> Vec<LoaderSettings> {
    let entries = reader.object("loaders", value);
    entries
        .iter()
        .map(|entry| {
            let key = format!("loaders.{}", entry.key);
            reader.object(&key, Some(&entry.value));
            reader.unknown_keys(&entry.value, &format!("{key}."), &["audit"], true);
            let audit = reader.bool(&format!("{key}.audit"), entry.value.get("audit"));
            LoaderSettings {
                binding: entry.key.clone(),
                audit: audit.unwrap_or(false),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_in_full() {
        let read = |text: &str| {
            let target = EgressTarget::parse(text).expect(text);
            (
                target.secure,
                target.sockets_only,
                target.host,
                target.port,
                target.path,
            )
        };
        let owned =
            |host: &str, port, path: &str| (true, false, host.to_owned(), port, path.to_owned());
        assert_eq!(
            read("https://API.example.com"),
            owned("api.example.com", Some(443), "/")
        );
        assert_eq!(
            read("https://*.example.com:8443/a/"),
            owned("*.example.com", Some(8443), "/a/")
        );
        assert_eq!(read("https://*:*/a"), owned("*", None, "/a"));
        assert_eq!(read("https://[::0:1]:1/"), owned("[::1]", Some(1), "/"));
        assert!(read("wss://a.test/x%20y").1);
        for text in [
            "api.example.com",
            "ftp://a/",
            "https://",
            "https://a b/",
            "https://u:p@a/",
            "https://a/?q",
            "https://a/#f",
            "https://a:port/",
            "https://a/../b",
            "https://a/%zz",
            "https://a\\b/",
            "https://*.*/",
            "https://a..b/",
            "https://*.[::1]/",
            "https://[zz]/",
        ] {
            assert!(EgressTarget::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn placeholders_are_secrets_and_nothing_else() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let secret = |name: &str| Piece::Secret(name.to_owned());
        assert_eq!(
            pieces("Bearer {{secret:A_1}}!"),
            Ok(vec![text("Bearer "), secret("A_1"), text("!")])
        );
        assert_eq!(
            pieces("{{ secret: A }}{{secret:B}}"),
            Ok(vec![secret("A"), secret("B")])
        );
        assert_eq!(pieces("plain {} text"), Ok(vec![text("plain {} text")]));
        for wrong in [
            "{{secret:A",
            "{{A}}",
            "{{secret:}}",
            "{{secret:1A}}",
            "{{secret:a-b}}",
            "{{env:A}}",
        ] {
            assert!(pieces(wrong).is_err(), "{wrong}");
        }
    }
}
