//! What plugins for Vite add to a worker's code, where the project's own configuration of Vite has them.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;

/// The configurations that Vite looks for, in its order.
pub(super) const CONFIGURATIONS: [&str; 6] = [
    "vite.config.js",
    "vite.config.mjs",
    "vite.config.ts",
    "vite.config.cjs",
    "vite.config.mts",
    "vite.config.cts",
];
/// The plugin of Code Mode, and what its runtime looks for among the worker's exports.
const CODE_MODE: &str = "@cloudflare/codemode/vite";
const CODE_MODE_RUNTIME: &str = "CodemodeRuntime";

/// The code of an entry module with what Code Mode's plugin adds; `None` where it adds nothing.
pub(super) fn entry(root: &Path, code: &str, source_type: SourceType) -> Option<String> {
    if !has_code_mode(root) || exports(code, source_type, CODE_MODE_RUNTIME) {
        return None;
    }
    Some(format!(
        "{code}\nexport {{ {CODE_MODE_RUNTIME} }} from \"@cloudflare/codemode\";\n"
    ))
}

fn has_code_mode(root: &Path) -> bool {
    let mut files = CONFIGURATIONS.iter().map(|name| root.join(name));
    let text = files.find_map(|file| std::fs::read_to_string(file).ok());
    text.is_some_and(|text| {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, &text, SourceType::ts().with_module(true)).parse();
        let requested = parsed.module_record.requested_modules.keys();
        requested.into_iter().any(|name| name == CODE_MODE)
    })
}

fn exports(code: &str, source_type: SourceType, name: &str) -> bool {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, source_type).parse();
    let exported = parsed.module_record.exported_bindings.keys();
    exported.into_iter().any(|exported| exported == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_already_is_not_added() {
        let exports = |code| exports(code, SourceType::ts(), CODE_MODE_RUNTIME);
        assert!(exports(
            "export { CodemodeRuntime } from '@cloudflare/codemode'"
        ));
        assert!(exports("class A {} export { A as CodemodeRuntime };"));
        assert!(exports("export class CodemodeRuntime {}"));
        assert!(!exports(
            "import { CodemodeRuntime } from '@cloudflare/codemode'; export { CodemodeRuntime as Other };"
        ));
        assert!(!exports("// export { CodemodeRuntime }"));
    }
}
