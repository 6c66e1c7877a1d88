//! What an import's text says before any file is looked at.

/// Node's public built-in modules, without `node:`.
const NODE_BUILTINS: &[&str] = &[
    "_http_agent",
    "_http_client",
    "_http_common",
    "_http_incoming",
    "_http_outgoing",
    "_http_server",
    "_stream_duplex",
    "_stream_passthrough",
    "_stream_readable",
    "_stream_transform",
    "_stream_wrap",
    "_stream_writable",
    "_tls_common",
    "_tls_wrap",
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "sys",
    "timers",
    "timers/promises",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Names that the runtime provides, in the form the runtime knows them by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// `cloudflare:workers`, `node:fs`, `workerd:unsafe`: never a file.
    Named,
    /// `fs`: `node:fs`, unless a package of that name is meant.
    Bare(String),
}

pub(crate) fn builtin(specifier: &str) -> Option<Builtin> {
    if ["cloudflare:", "node:", "workerd:", "atoll:"]
        .iter()
        .any(|scheme| specifier.starts_with(scheme))
    {
        return Some(Builtin::Named);
    }
    NODE_BUILTINS
        .binary_search(&specifier)
        .is_ok()
        .then(|| Builtin::Bare(format!("node:{specifier}")))
}

/// The package that a bare import names: `@scope/name` of `@scope/name/sub/path`.
pub(crate) fn package_name(specifier: &str) -> Option<&str> {
    if specifier.starts_with(['.', '/', '#']) || specifier.contains(':') {
        return None;
    }
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier
        .match_indices('/')
        .nth(parts - 1)
        .map_or(specifier.len(), |(index, _)| index);
    Some(&specifier[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_for_searching() {
        assert!(NODE_BUILTINS.is_sorted());
    }

    #[test]
    fn packages_and_builtins_are_told_apart() {
        assert_eq!(package_name("@a/b/c"), Some("@a/b"));
        assert_eq!(package_name("hono/jsx"), Some("hono"));
        assert_eq!(package_name("./x"), None);
        assert_eq!(builtin("cloudflare:workers"), Some(Builtin::Named));
        assert_eq!(builtin("fs"), Some(Builtin::Bare("node:fs".into())));
        assert_eq!(builtin("buffer/"), None);
    }
}
