//! The folders of a project that have packages of their own.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;
use crate::limits::MAX_NESTING;
use crate::manifest::Manifest;

/// How many folders are looked into.
const MAX_FOLDERS: usize = 100_000;

/// The packages in the folders that patterns such as `packages/*` name, by their folders.
pub(crate) fn find(root: &Path, patterns: &[String]) -> Result<BTreeMap<String, Manifest>, Error> {
    let mut found = BTreeMap::new();
    if patterns.is_empty() {
        return Ok(found);
    }
    let mut folders = Vec::new();
    for pattern in patterns.iter().filter(|pattern| !pattern.starts_with('!')) {
        let parts: Vec<&str> = parts(pattern);
        if parts.contains(&"..") || pattern.starts_with('/') {
            return Err(Error::Manifest {
                path: root.join("package.json"),
                message: format!("`workspaces` has {pattern:?}, which leads out of the project"),
            });
        }
        walk(root, String::new(), &parts, &mut folders)?;
    }
    for folder in folders {
        let left_out = patterns
            .iter()
            .filter_map(|pattern| pattern.strip_prefix('!'))
            .any(|pattern| matches(&parts(pattern), &folder.split('/').collect::<Vec<_>>()));
        let file = root.join(&folder).join("package.json");
        if !left_out && !found.contains_key(&folder) && file.is_file() {
            found.insert(folder, Manifest::read(&file)?);
        }
    }
    Ok(found)
}

/// Whether patterns name a folder.
pub(crate) fn name(patterns: &[String], folder: &str) -> bool {
    let path: Vec<&str> = folder.split('/').collect();
    let any = |negative: bool| {
        patterns
            .iter()
            .filter(|pattern| pattern.starts_with('!') == negative)
            .any(|pattern| matches(&parts(pattern.trim_start_matches('!')), &path))
    };
    any(false) && !any(true)
}

fn parts(pattern: &str) -> Vec<&str> {
    pattern
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect()
}

fn walk(
    root: &Path,
    folder: String,
    pattern: &[&str],
    found: &mut Vec<String>,
) -> Result<(), Error> {
    if found.len() > MAX_FOLDERS {
        return Err(Error::limit("workspaces", MAX_FOLDERS as u64, "folders"));
    }
    let Some((first, rest)) = pattern.split_first() else {
        if !folder.is_empty() {
            found.push(folder);
        }
        return Ok(());
    };
    let below = |name: &str| {
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        }
    };
    if !first.contains(['*', '?']) {
        return walk(root, below(first), rest, found);
    }
    if *first == "**" {
        walk(root, folder.clone(), rest, found)?;
        if folder.split('/').count() > MAX_NESTING {
            return Ok(());
        }
    }
    let Ok(entries) = std::fs::read_dir(root.join(&folder)) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        // Links are not followed: they can lead round and round.
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !folder || name == "node_modules" || name.starts_with('.') {
            continue;
        }
        if *first == "**" {
            walk(root, below(name), pattern, found)?;
        } else if fits(first, name) {
            walk(root, below(name), rest, found)?;
        }
    }
    Ok(())
}

fn matches(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            matches(rest, path)
                || path
                    .split_first()
                    .is_some_and(|(_, below)| matches(pattern, below))
        }
        (Some((first, rest)), Some((name, below))) => fits(first, name) && matches(rest, below),
        _ => false,
    }
}

/// Whether a name is as `*` and `?` say.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.as_bytes().split_first() {
        None => name.is_empty(),
        Some((b'*', _)) => (0..=name.len())
            .filter(|at| name.is_char_boundary(*at))
            .any(|at| fits(&pattern[1..], &name[at..])),
        Some((b'?', _)) => {
            let mut signs = name.chars();
            signs.next().is_some() && fits(&pattern[1..], signs.as_str())
        }
        Some((sign, _)) => name.as_bytes().first() == Some(sign) && fits_rest(pattern, name),
    }
}

fn fits_rest(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    pattern.next() == name.next() && fits(pattern.as_str(), name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_folders() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "packages/a",
            "packages/b",
            "apps/web/ui",
            "node_modules/x",
            "packages/none",
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(&path).unwrap();
            if !path.ends_with("none") {
                std::fs::write(path.join("package.json"), "{}").unwrap();
            }
        }
        let of = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
            let found: Vec<String> = find(folder.path(), &patterns)
                .unwrap()
                .into_keys()
                .collect();
            for found in &found {
                assert!(name(&patterns, found), "{found}");
            }
            found
        };
        assert_eq!(of(&["packages/*"]), ["packages/a", "packages/b"]);
        assert_eq!(of(&["./packages/*", "!packages/b"]), ["packages/a"]);
        assert_eq!(of(&["**"]), ["apps/web/ui", "packages/a", "packages/b"]);
        assert_eq!(
            of(&["apps/**/u?", "packages/a"]),
            ["apps/web/ui", "packages/a"]
        );
        assert!(find(folder.path(), &["../*".to_owned()]).is_err());
    }
}
