//! Which files become modules of their own, by the project's rules.

use std::path::{Path, PathBuf};

use protocol::ModuleKind;

use crate::config::Rule;
use crate::glob;

/// What the first rule that matches says `path` (relative, with `/`) is.
pub(crate) fn kind_of(rules: &[Rule], path: &str) -> Option<ModuleKind> {
    rules
        .iter()
        .find(|rule| rule.globs.iter().any(|glob| glob::matches(glob, path)))
        .map(|rule| rule.kind)
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
