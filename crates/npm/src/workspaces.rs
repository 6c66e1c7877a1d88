//! The folders of a project that have packages of their own.

use std::collections::{BTreeMap, BTreeSet, HashSet};
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
    let mut folders = BTreeSet::new();
    for pattern in patterns.iter().filter(|pattern| !pattern.starts_with('!')) {
        let parts: Vec<&str> = parts(pattern);
        if parts.contains(&"..") || pattern.starts_with('/') {
            return Err(Error::Manifest {
                path: root.join("package.json"),
                message: format!("`workspaces` has {pattern:?}, which leads out of the project"),
            });
        }
        let mut search = Search::default();
        walk(root, String::new(), &parts, &mut search)?;
        folders.extend(search.found);
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

/// What one pattern leads to.
#[derive(Default)]
struct Search {
    found: Vec<String>,
    /// Folders where it was gone on with so many parts of the pattern left.
    seen: HashSet<(String, usize)>,
}

fn walk(root: &Path, folder: String, pattern: &[&str], search: &mut Search) -> Result<(), Error> {
    // Patterns with `**` come to the same folder in many ways.
    if !search.seen.insert((folder.clone(), pattern.len())) {
        return Ok(());
    }
    if search.seen.len() > MAX_FOLDERS {
        return Err(Error::limit("workspaces", MAX_FOLDERS as u64, "folders"));
    }
    let Some((first, rest)) = pattern.split_first() else {
        if !folder.is_empty() {
            search.found.push(folder);
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
        return walk(root, below(first), rest, search);
    }
    if *first == "**" {
        walk(root, folder.clone(), rest, search)?;
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
            walk(root, below(name), pattern, search)?;
        } else if fits(first, name) {
            walk(root, below(name), rest, search)?;
        }
    }
    Ok(())
}

/// Each `**` takes as little as it can. When what comes behind the last of them does not fit, it takes one more; to go back
/// further would find nothing else, and take time without end.
fn matches(pattern: &[&str], path: &[&str]) -> bool {
    let (mut pattern, mut path) = (pattern, path);
    let mut last = None;
    loop {
        match (pattern.split_first(), path.split_first()) {
            (Some((&"**", rest)), _) => {
                last = Some((rest, path));
                pattern = rest;
                continue;
            }
            (None, None) => return true,
            (Some((first, rest)), Some((name, below))) if fits(first, name) => {
                (pattern, path) = (rest, below);
                continue;
            }
            _ => {}
        }
        let Some((rest, [_, from @ ..])) = last else {
            return false;
        };
        last = Some((rest, from));
        (pattern, path) = (rest, from);
    }
}

/// Whether a name is as `*` and `?` say. As above, only the last `*` is tried again.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    let mut last = None;
    loop {
        let below = name.clone();
        match (pattern.next(), name.next()) {
            (Some('*'), _) => {
                name = below;
                last = Some((pattern.clone(), name.clone()));
                continue;
            }
            (None, None) => return true,
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(sign)) if wanted == sign => continue,
            _ => {}
        }
        let Some((rest, mut from)) = last else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        last = Some((rest.clone(), from.clone()));
        (pattern, name) = (rest, from);
    }
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

    #[test]
    fn patterns_that_mean_harm_take_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let deep = "a/".repeat(20);
        std::fs::create_dir_all(folder.path().join(&deep)).unwrap();
        let many = [format!("{}x", "**/a/".repeat(18)), "**/".repeat(40)];
        assert!(find(folder.path(), &many).unwrap().is_empty());
        assert!(!name(&["**/a/".repeat(30) + "x"], &deep.repeat(10)));
        assert!(!name(&["*a".repeat(40) + "b"], &"a".repeat(60)));
        assert!(name(&["*a?*c".to_owned()], "aabac"));
        assert!(!name(&["*a?*d".to_owned()], "aabac"));
    }
}
