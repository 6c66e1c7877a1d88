//! What a server and all its processes keep in memory.

use std::collections::HashMap;
use std::fs;

/// Megabytes of the process and all below it. Pages that several share count once, in parts. `None` where the system does
/// not let this user look.
pub(crate) fn of_tree(root: u32) -> Option<f64> {
    let mut kilobytes = 0;
    for id in tree(root)? {
        match fs::read_to_string(format!("/proc/{id}/smaps_rollup")) {
            Ok(text) => kilobytes += field(&text, "Pss:")?,
            // One that has just ended keeps nothing, even while its end is not noted yet.
            Err(_) if has_ended(id) => {}
            Err(_) => return None,
        }
    }
    Some(kilobytes as f64 / 1024.0)
}

fn has_ended(id: u32) -> bool {
    let state = |stat: String| Some(stat.rsplit_once(") ")?.1.starts_with(['Z', 'X']));
    let stat = fs::read_to_string(format!("/proc/{id}/stat"));
    stat.ok().is_none_or(|stat| state(stat).unwrap_or(false))
}

/// The process and all below it.
pub(crate) fn tree(root: u32) -> Option<Vec<u32>> {
    let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").ok()? {
        let name = entry.ok()?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = parent(id) {
            below.entry(parent).or_default().push(id);
        }
    }
    let mut found = Vec::new();
    let mut left = vec![root];
    while let Some(id) = left.pop() {
        left.extend(below.remove(&id).unwrap_or_default());
        found.push(id);
    }
    Some(found)
}

fn parent(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may hold anything, parentheses too.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
