//! What an import's text says before any file is looked at.

use protocol::NODE_BUILTINS;

use crate::text;

/// The npm package whose place the runtime's own bundler takes, wherever it is imported.
pub(crate) const BUNDLER: &str = "@cloudflare/worker-bundler";

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

/// The module of the runtime that a specifier like `node:fss` was most likely meant to name.
#[must_use]
pub fn nearest_builtin(specifier: &str) -> Option<String> {
    let (scheme, name) = specifier.split_once(':')?;
    let near = match scheme {
        "node" => text::nearest(name, NODE_BUILTINS.iter().copied())?,
        "cloudflare" => text::nearest(name, ["workers"])?,
        _ => return None,
    };
    Some(format!("{scheme}:{near}"))
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
    fn packages_and_builtins_are_told_apart() {
        assert_eq!(package_name("@a/b/c"), Some("@a/b"));
        assert_eq!(package_name("hono/jsx"), Some("hono"));
        assert_eq!(package_name("./x"), None);
        assert_eq!(builtin("cloudflare:workers"), Some(Builtin::Named));
        assert_eq!(builtin("fs"), Some(Builtin::Bare("node:fs".into())));
        assert_eq!(builtin("buffer/"), None);
    }
}
