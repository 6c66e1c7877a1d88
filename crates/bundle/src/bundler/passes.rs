//! The passes over finished modules.

use oxc::span::SourceType;

use crate::context;
use crate::edits::Moved;
use crate::source_map::ModuleMap;

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
