//! One module of code that belongs to no project, as the engine takes it.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::codegen::Codegen;
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::transformer::{TransformOptions, Transformer};
use protocol::Mistake;

use crate::context;

/// What the engine is to get in place of a module: types and JSX are gone, and the asynchronous context is kept. `None`
/// when the module is fine as it is. What is wrong with plain JavaScript is left to the engine to tell.
///
/// # Errors
/// When a module with types or JSX does not parse.
pub fn prepare(name: &str, source: &str) -> Result<Option<String>, Mistake> {
    let extension = Path::new(name).extension().and_then(|end| end.to_str());
    let plain = match extension {
        Some("ts" | "mts" | "cts" | "tsx" | "jsx") => Some(to_javascript(name, source)?),
        _ => None,
    };
    let source_type = match extension {
        Some("cjs" | "cts") => SourceType::cjs(),
        _ => SourceType::mjs(),
    };
    let code = plain.as_deref().unwrap_or(source);
    let kept = context::keep_context(code, source_type).map(|(code, _)| code);
    Ok(kept.or(plain))
}

/// The module without types and JSX.
pub(crate) fn to_javascript(name: &str, source: &str) -> Result<String, Mistake> {
    let path = Path::new(name);
    let source_type = SourceType::from_path(path).unwrap_or_default();
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if let Some(first) = parsed.diagnostics.first() {
        let label = first.labels.first();
        let offset = label.map_or(0, |label| label.offset() as usize);
        let before = source.get(..offset).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[start..].encode_utf16().count() + 1;
        return Err(Mistake {
            message: first.message.to_string(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        });
    }
    let mut program = parsed.program;
    let scoping = SemanticBuilder::new()
        .with_enum_eval(true)
        .build(&program)
        .semantic
        .into_scoping();
    Transformer::new(&allocator, path, &TransformOptions::default())
        .build_with_scoping(scoping, &mut program);
    Ok(Codegen::new().build(&program).code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_jsx_are_gone() {
        let code = prepare("a.ts", "const x: number = 1; export default x as any;").unwrap();
        assert_eq!(code.unwrap().trim(), "const x = 1;\nexport default x;");
        let code = prepare("a.jsx", "export default <p>hi</p>;")
            .unwrap()
            .unwrap();
        assert!(code.contains("jsx-runtime"), "{code}");
    }

    #[test]
    fn plain_code_is_left_alone() {
        assert!(prepare("a.js", "export default 1;").unwrap().is_none());
        assert!(prepare("a.js", "this is no code").unwrap().is_none());
        let code = prepare("a.js", "export const f = async () => await g();").unwrap();
        assert!(code.unwrap().contains("__atoll_ctx_set"));
    }

    #[test]
    fn mistakes_have_a_place() {
        let mistake = prepare("a.ts", "const a = 1;\nconst b: = 2;").unwrap_err();
        assert_eq!((mistake.line, mistake.column), (2, 10), "{mistake:?}");
    }
}
