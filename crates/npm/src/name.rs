//! Names of packages. They become folders and parts of addresses, so they are checked wherever they come from.

/// The longest name that the registry has.
const MAX_BYTES: usize = 214;

/// Whether this can be the name of a package: `name` or `@scope/name`, in signs that mean nothing to a path or an address.
#[must_use]
pub fn is_valid(name: &str) -> bool {
    if name.len() > MAX_BYTES {
        return false;
    }
    match name.strip_prefix('@') {
        Some(rest) => match rest.split_once('/') {
            Some((scope, name)) => is_part(scope) && is_part(name),
            None => false,
        },
        None => is_part(name) && name != "node_modules" && name != "favicon.ico",
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!'()*".contains(&byte))
}

/// The scope of a name, with its `@`.
#[must_use]
pub fn scope(name: &str) -> Option<&str> {
    name.starts_with('@')
        .then(|| name.split_once('/'))
        .flatten()
        .map(|(scope, _)| scope)
}

/// A name without its scope.
#[must_use]
pub fn unscoped(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The order that npm sorts names and paths in: the collation of English, for the signs that can be in them.
pub(crate) fn order(left: &str, right: &str) -> std::cmp::Ordering {
    let keys = |text: &str| -> Vec<u32> { text.chars().map(weight).collect() };
    keys(left)
        .cmp(&keys(right))
        // Small letters come first where nothing else differs.
        .then_with(|| right.cmp(left))
}

fn weight(sign: char) -> u32 {
    const PUNCTUATION: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    match PUNCTUATION.find(sign) {
        Some(place) => u32::try_from(place).unwrap_or_default(),
        None => 64 + u32::from(sign.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_paths_are_none() {
        for name in ["a", "@s/a", "a.b", "A-b_c", "JSONStream", "@types/node"] {
            assert!(is_valid(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".bin",
            "a/b",
            "@s",
            "@s/",
            "@/a",
            "@s/../a",
            "../a",
            "@../a",
            "a\\b",
            "a b",
            "node_modules",
            "@s/a/b",
            "a\0",
            "a%2fb",
            "/a",
            "é",
        ] {
            assert!(!is_valid(name), "{name}");
        }
        assert!(!is_valid(&"a".repeat(300)));
    }

    #[test]
    fn names_are_sorted_as_npm_sorts_them() {
        let mut names = ["b", "a/node_modules/b", "a-b", "a_b", "@s/a", "a", "B", "1"];
        names.sort_by(|left, right| order(left, right));
        assert_eq!(
            names,
            ["@s/a", "1", "a", "a_b", "a-b", "a/node_modules/b", "b", "B"]
        );
    }
}
