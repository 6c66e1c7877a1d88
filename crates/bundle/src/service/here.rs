//! Small modules without their types and JSX, in the process of who wants them, which is jailed as well.
//!
//! Nothing of what a model wrote may end that process, which may have more to do: what could use up its stack or its memory
//! is left to a process that is made for it.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use protocol::limits::{MAX_HERE_BYTES, MAX_HERE_FILES, MAX_HERE_NESTING};
use serde_json::json;

use super::files::{Files, Part};
use super::ready;
use super::reply::Reply;
use super::request::{Action, Request};
use super::worker;

/// The reply to a request of [`serve`](super::serve), or nothing when it is not one to be dealt with here.
pub fn transform_here(request: Vec<u8>) -> Option<Vec<u8>> {
    let request = Request::read(request).ok()?;
    if request.action != Action::Worker || request.options.bundle != Some(false) {
        return None;
    }
    let files = Files::new(request.files, Part::default()).ok()?;
    if !is_small(&files) {
        return None;
    }
    // Whoever does it next says what was wrong.
    let told = take_hook();
    set_hook(Box::new(|_| {}));
    let work = AssertUnwindSafe(|| worker::transformed(&files, &request.options));
    let made = catch_unwind(work);
    set_hook(told);
    Some(made.ok()?.unwrap_or_else(Reply::Failed).encode())
}

/// Does what is the same for all such requests, so that processes which are forked after it find it done.
pub fn get_ready_to_transform() {
    let request = ready::usual_request(&json!({ "entryPoint": "index.tsx", "bundle": false }));
    let made = Request::read(request).and_then(|request| {
        let files = Files::new(request.files, Part::default())?;
        worker::transformed(&files, &request.options)
    });
    drop(made.map(|reply| reply.encode()));
}

fn is_small(files: &Files) -> bool {
    let sizes = files.all().map(|(_, content)| content.len());
    files.all().count() <= MAX_HERE_FILES
        && sizes.sum::<usize>() <= MAX_HERE_BYTES
        && files
            .all()
            .filter(|(path, _)| is_parsed(path))
            .all(|(_, content)| most_nesting(content) <= MAX_HERE_NESTING && !may_grow(content))
}

fn is_parsed(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(
        extension,
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "mts" | "json" | "jsonc" | "toml"
    )
}

/// A bound of how deep a text nests, whatever language it is in: a token can only be one step deeper than what is around it
/// when it is a word, or a sign that does not end something.
pub(super) fn most_nesting(content: &[u8]) -> usize {
    let mut nesting = 0;
    let mut in_word = false;
    for byte in content {
        let is_word = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
        let ends = matches!(byte, b')' | b']' | b'}' | b',' | b';' | b'"' | b'\'');
        nesting += usize::from(match is_word {
            true => !in_word,
            false => !ends && !byte.is_ascii_whitespace(),
        });
        in_word = is_word;
    }
    nesting
}

/// Whether members of an enum may be put together of others, each twice as long as the one before.
fn may_grow(content: &[u8]) -> bool {
    let contains = |word: &[u8]| content.windows(word.len()).any(|part| part == word);
    contains(b"enum") && content.iter().any(|byte| matches!(byte, b'+' | b'`'))
}
