//! The passes over finished modules.

use oxc::span::SourceType;

use crate::context;
use crate::edits::Moved;
use crate::source_map::ModuleMap;

/// A text as the engine gets it, and where its places moved to.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) code: String,
    pub(super) moved: Moved,
}

/// The code of an ES module as the engine gets it.
pub(super) fn finished(code: &str) -> Finished {
    let kept = context::keep_context(code, SourceType::mjs());
    let (code, moved) = kept.unwrap_or_else(|| (code.to_owned(), Moved::default()));
    Finished { code, moved }
}

/// The code as the engine gets it; `map` follows the changes.
pub(super) fn finish(code: &str, is_module: bool, map: &mut ModuleMap) -> String {
    let source_type = match is_module {
        true => SourceType::mjs(),
        false => SourceType::cjs(),
    };
    let Some((code, moved)) = context::keep_context(code, source_type) else {
        return code.to_owned();
    };
    follow(map, &moved);
    code
}

/// Moves the mappings as a pass moved the code.
pub(super) fn follow(map: &mut ModuleMap, moved: &Moved) {
    let mut cursor = moved.cursor();
    for mapping in &mut map.mappings {
        mapping.column = cursor.column(mapping.line, mapping.column);
    }
}
