//! Which files become modules of their own, by the project's rules.

use std::path::{Path, PathBuf};

use protocol::ModuleKind;

use crate::config::Rule;

/// What the first rule that matches says `path` (relative, with `/`) is.
pub(crate) fn kind_of(rules: &[Rule], path: &str) -> Option<ModuleKind> {
    rules
        .iter()
        .find(|rule| rule.globs.iter().any(|glob| matches(glob, path)))
        .map(|rule| rule.kind)
}

/// `*` and `?` stay within a folder, `**` crosses them, `{a,b}` and `[ab]` as in a shell.
/// A `?` that is followed by a word is the start of a query: `**/*.wasm?module`.
pub(crate) fn matches(glob: &str, path: &str) -> bool {
    let glob = glob.strip_prefix("./").unwrap_or(glob);
    alternatives(glob)
        .iter()
        .any(|glob| matches_bytes(glob.as_bytes(), path.as_bytes()))
}

fn alternatives(glob: &str) -> Vec<String> {
    let (Some(open), Some(close)) = (glob.find('{'), glob.find('}')) else {
        return vec![glob.to_owned()];
    };
    if close < open {
        return vec![glob.to_owned()];
    }
    glob[open + 1..close]
        .split(',')
        .flat_map(|part| alternatives(&format!("{}{part}{}", &glob[..open], &glob[close + 1..])))
        .collect()
}

fn matches_bytes(glob: &[u8], path: &[u8]) -> bool {
    match glob {
        [] => path.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            matches_bytes(rest, path)
                || (0..path.len())
                    .any(|index| path[index] == b'/' && matches_bytes(rest, &path[index + 1..]))
        }
        [b'*', b'*', rest @ ..] => {
            (0..=path.len()).any(|index| matches_bytes(rest, &path[index..]))
        }
        [b'*', rest @ ..] => {
            let folder_end = path.iter().position(|byte| *byte == b'/');
            (0..=folder_end.unwrap_or(path.len())).any(|index| matches_bytes(rest, &path[index..]))
        }
        [b'[', rest @ ..] => match (rest.iter().position(|byte| *byte == b']'), path) {
            (Some(end), [first, path @ ..]) => {
                let (negated, set) = match &rest[..end] {
                    [b'!' | b'^', set @ ..] => (true, set),
                    set => (false, set),
                };
                set.contains(first) != negated && matches_bytes(&rest[end + 1..], path)
            }
            _ => false,
        },
        [b'?', rest @ ..] => match path {
            [first, path @ ..] => *first != b'/' && matches_bytes(rest, path),
            [] => false,
        },
        [literal, rest @ ..] => match path {
            [first, path @ ..] => literal == first && matches_bytes(rest, path),
            [] => false,
        },
    }
}

/// Every file below `folder` that a rule matches, with its path relative to it. Packages, hidden
/// folders and build products are left out.
pub(crate) fn find(folder: &Path, rules: &[Rule]) -> Vec<(PathBuf, String, ModuleKind)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&current) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "node_modules" && !name.to_string_lossy().starts_with('.') {
                    folders.push(path);
                }
                continue;
            }
            let Some(relative) = relative_name(folder, &path) else {
                continue;
            };
            if let Some(kind) = kind_of(rules, &relative) {
                found.push((path, relative, kind));
            }
        }
    }
    found.sort_by(|left, right| left.1.cmp(&right.1));
    found
}

/// `path` below `folder`, with `/` between its parts.
pub(crate) fn relative_name(folder: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(folder).ok()?;
    let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs_match_as_in_wrangler() {
        for (glob, path, expected) in [
            ("**/*.html", "index.html", true),
            ("**/*.html", "a/b/index.html", true),
            ("*.html", "a/index.html", false),
            ("src/**/*.txt", "src/x.txt", true),
            ("**/*.{md,txt}", "docs/a.md", true),
            ("**/*.wasm?module", "a/b.wasm?module", true),
            ("**/*.bin", "a.bin.txt", false),
            ("./data/[ab].csv", "data/b.csv", true),
            ("./data/[!ab].csv", "data/b.csv", false),
            ("**/data.*", "src/data.json", true),
        ] {
            assert_eq!(matches(glob, path), expected, "{glob} on {path}");
        }
    }
}
