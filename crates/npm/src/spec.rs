//! What is wanted of a dependency: a range, a tag, another name, a folder.

use nodejs_semver::{Range, Version};

use crate::error::Error;
use crate::name;

/// What a manifest wants of a dependency.
#[derive(Clone, Debug)]
pub(crate) enum Spec {
    /// Any version.
    Any,
    /// Versions in a range.
    Range(Range),
    /// One version.
    Version(Version),
    /// The version that has this name in the registry.
    Tag(String),
    /// A package under another name.
    Alias { name: String, spec: Box<Spec> },
    /// A folder, relative to the folder of the manifest.
    Folder(String),
    /// A package of the same project, by its name.
    Workspace,
    /// Something else, in words.
    Unsupported(&'static str),
}

impl Spec {
    /// Reads what is written.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        if matches!(text, "" | "*" | "x" | "X") {
            return Self::Any;
        }
        if let Some(rest) = text.strip_prefix("npm:") {
            let at = rest.char_indices().skip(1).find(|(_, sign)| *sign == '@');
            let (name, spec) = match at {
                Some((at, _)) => (&rest[..at], &rest[at + 1..]),
                None => (rest, ""),
            };
            return match (name::is_valid(name), Self::parse(spec)) {
                (true, spec @ (Self::Any | Self::Range(_) | Self::Version(_) | Self::Tag(_))) => {
                    Self::Alias {
                        name: name.to_owned(),
                        spec: Box::new(spec),
                    }
                }
                _ => Self::Unsupported("no name of a package with a version"),
            };
        }
        if text.starts_with("workspace:") {
            return Self::Workspace;
        }
        if text.starts_with("catalog:") {
            return Self::Unsupported(
                "a version of a pnpm catalog, which only pnpm's lock file can tell",
            );
        }
        if let Some(path) = ["file:", "link:", "portal:"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
        {
            return Self::folder(path);
        }
        if ["./", "../", "/", "~/"]
            .iter()
            .any(|start| text.starts_with(start))
            || text == ".."
            || text == "."
        {
            return Self::folder(text);
        }
        if is_git(text) {
            return Self::Unsupported("a git repository, which is not supported");
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::Unsupported(
                "an archive at an address of its own, which is not supported",
            );
        }
        if let Some(version) = version(text) {
            return Self::Version(version);
        }
        if let Ok(range) = Range::parse(text) {
            return Self::Range(range);
        }
        if text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!'()*".contains(&byte))
        {
            return Self::Tag(text.to_owned());
        }
        Self::Unsupported("nothing that a version could be")
    }

    fn folder(path: &str) -> Self {
        let path = path.strip_prefix("//").map_or(path, |rest| rest);
        let archive = [".tgz", ".tar.gz", ".tar"]
            .iter()
            .any(|end| path.ends_with(end));
        if archive {
            Self::Unsupported("an archive in a file, which is not supported")
        } else {
            Self::Folder(path.to_owned())
        }
    }

    /// Whether a package from the registry with this name and version is what is wanted under `key`.
    pub(crate) fn accepts(&self, key: &str, package: &str, found: &str) -> bool {
        match self {
            Self::Alias { name, spec } => spec.accepts(name, package, found),
            Self::Folder(_) | Self::Workspace | Self::Unsupported(_) => false,
            _ if key != package => false,
            Self::Any | Self::Tag(_) => true,
            Self::Version(wanted) => version(found).is_some_and(|found| found == *wanted),
            Self::Range(range) => version(found).is_some_and(|found| range.satisfies(&found)),
        }
    }

    /// The name in the registry of what is wanted under `key`.
    pub(crate) fn package<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        match self {
            Self::Alias { name, .. } => Some(name),
            Self::Folder(_) | Self::Workspace | Self::Unsupported(_) => None,
            _ => Some(key),
        }
    }

    /// What is wanted of the package in the registry.
    pub(crate) fn wanted(&self) -> &Self {
        match self {
            Self::Alias { spec, .. } => spec,
            other => other,
        }
    }

    pub(crate) fn unsupported(&self, name: &str, written: &str, by: &str) -> Option<Error> {
        let Self::Unsupported(what) = self else {
            return None;
        };
        Some(Error::Unsupported {
            name: name.to_owned(),
            spec: written.to_owned(),
            what,
            by: by.to_owned(),
        })
    }
}

/// A version, written as freely as npm takes it.
pub(crate) fn version(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches(['=', 'v', ' ']);
    Version::parse(text).ok()
}

fn is_git(text: &str) -> bool {
    const SCHEMES: [&str; 9] = [
        "git+",
        "git:",
        "git@",
        "ssh:",
        "github:",
        "gitlab:",
        "bitbucket:",
        "gist:",
        "hg+",
    ];
    if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
        return true;
    }
    let path = text.split('#').next().unwrap_or(text);
    if path.ends_with(".git") {
        return true;
    }
    // owner/repository
    let mut parts = path.split('/');
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    matches!((parts.next(), parts.next(), parts.next()), (Some(owner), Some(name), None) if plain(owner) && plain(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_understood_as_npm_does() {
        let accepts = |spec: &str, version: &str| Spec::parse(spec).accepts("a", "a", version);
        assert!(accepts("", "1.0.0-beta") && accepts("*", "1.0.0") && accepts("latest", "0.1.0"));
        assert!(
            accepts("^1.2", "1.9.0") && !accepts("^1.2", "2.0.0") && !accepts("^1", "1.5.0-rc.1")
        );
        assert!(accepts("=1.2.3", "1.2.3") && accepts("v1.2.3", "1.2.3"));
        assert!(accepts("1.x || >=2.5.0 || 5.0.0 - 7.2.3", "6.1.0"));
        assert!(accepts(">= 1.0.0 < 2", "1.4.0") && !accepts(">= 1.0.0 < 2", "2.4.0"));
        let alias = Spec::parse("npm:@s/b@^2");
        assert!(alias.accepts("a", "@s/b", "2.1.0") && !alias.accepts("a", "a", "2.1.0"));
        assert_eq!(alias.package("a"), Some("@s/b"));
    }

    #[test]
    fn what_is_not_supported_says_what_it_is() {
        for (text, words) in [
            ("github:a/b", "git"),
            ("a/b#semver:^1", "git"),
            ("git+https://a/b.git", "git"),
            ("https://a/b/archive/c.git", "git"),
            ("https://a/b.tgz", "address"),
            ("file:../a.tgz", "file"),
            ("catalog:", "catalog"),
            ("npm:../x@1", "no name"),
            ("npm:a@npm:b@1", "no name"),
            ("!? /", "nothing"),
        ] {
            let spec = Spec::parse(text);
            assert!(
                matches!(spec, Spec::Unsupported(what) if what.contains(words)),
                "{text}: {spec:?}"
            );
        }
        assert!(matches!(Spec::parse("file:../b"), Spec::Folder(path) if path == "../b"));
        assert!(matches!(Spec::parse("../b"), Spec::Folder(path) if path == "../b"));
        assert!(matches!(Spec::parse("workspace:^"), Spec::Workspace));
        assert!(matches!(Spec::parse("next-15"), Spec::Tag(_)));
    }
}
