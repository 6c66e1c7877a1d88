//! Style sheets that scripts import.

use super::files::{Files, absolute};

/// How deep sheets may import each other.
const MAX_DEPTH: usize = 16;

/// The sheet with the files that it imports in place of their `@import`s. Those of the network stay.
pub(super) fn inline_imports(files: &Files, path: &str, sheet: &str) -> String {
    inline(files, path, sheet, 0)
}

fn inline(files: &Files, path: &str, sheet: &str, depth: usize) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut output = String::with_capacity(sheet.len());
    let mut rest = sheet;
    // Imports are only valid at the start of a sheet, after comments and `@charset`.
    while let Some((before, target, after)) = next_import(rest) {
        output.push_str(before);
        let found = (depth < MAX_DEPTH && target.starts_with('.'))
            .then(|| absolute(&format!("{folder}/{target}")).ok())
            .flatten()
            .and_then(|path| Some((files.text(&path)?, path)));
        match found {
            Some((imported, path)) => output.push_str(&inline(files, &path, imported, depth + 1)),
            None => output.push_str(&rest[before.len()..rest.len() - after.len()]),
        }
        rest = after;
    }
    output.push_str(rest);
    if !output.ends_with('\n') {
        output.push('\n');
    }
    output
}

/// What comes before the next plain `@import`, its target, and what follows.
fn next_import(sheet: &str) -> Option<(&str, &str, &str)> {
    let mut start = 0;
    loop {
        let rest = &sheet[start..];
        let skipped = rest.len() - rest.trim_start().len();
        start += skipped;
        let rest = &sheet[start..];
        if let Some(comment) = rest.strip_prefix("/*") {
            start += 2 + comment.find("*/")? + 2;
        } else if rest.starts_with("@charset") {
            start += rest.find(';')? + 1;
        } else if let Some(import) = rest.strip_prefix("@import") {
            let end = start + rest.find(';')? + 1;
            let target = import[..import.find(';')?].trim();
            let target = target
                .strip_prefix("url(")
                .and_then(|target| target.strip_suffix(')'))
                .unwrap_or(target)
                .trim_matches(['"', '\'', ' ']);
            return Some((&sheet[..start], target, &sheet[end..]));
        } else {
            return None;
        }
    }
}
