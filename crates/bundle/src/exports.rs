//! Exports whose declaration the bundler took for dead code: what comes after a `throw` at top level is dropped, but not
//! its name in the list of exports. The engine would then complain about the name, and never reach what is thrown.

use std::collections::BTreeSet;

use oxc::allocator::Allocator;
use oxc::ast::ast::{BindingIdentifier, Declaration, ModuleExportName, Statement};
use oxc::ast_visit::Visit;
use oxc::parser::Parser;
use oxc::span::SourceType;

/// A declaration, to stand at the end of `source`, of what it exports and does not declare.
pub(crate) fn missing_declarations(source: &str) -> Option<String> {
    // Only minified code has a top-level statement that does not begin its line.
    let may_throw = ["\nthrow", ";throw", "}throw"];
    if !source.starts_with("throw") && !may_throw.iter().any(|sign| source.contains(sign)) {
        return None;
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
    let body = &parsed.program.body;
    let throws = |statement: &Statement<'_>| matches!(statement, Statement::ThrowStatement(_));
    if parsed.panicked || !body.iter().any(throws) {
        return None;
    }
    let mut exported = BTreeSet::new();
    let mut declared = Declared::default();
    for statement in body {
        match statement {
            Statement::ExportNamedDeclaration(export) => {
                exported.extend(export.specifiers.iter().filter_map(|specifier| {
                    match &specifier.local {
                        ModuleExportName::IdentifierReference(local) => Some(local.name.as_str()),
                        _ => None,
                    }
                }));
            }
            Statement::ExportDeclaration(export) => declared.add(&export.declaration),
            Statement::ImportDeclaration(import) => declared.visit_import_declaration(import),
            // What is left are `var`s in blocks, which may be declared twice.
            other => {
                if let Some(declaration) = other.as_declaration() {
                    declared.add(declaration);
                }
            }
        }
    }
    let missing: Vec<&str> = exported
        .into_iter()
        .filter(|name| !declared.0.contains(*name))
        .collect();
    (!missing.is_empty()).then(|| format!("\nvar {};\n", missing.join(", ")))
}

/// Names that a module's top level binds.
#[derive(Default)]
struct Declared(BTreeSet<String>);

impl<'a> Declared {
    fn add(&mut self, declaration: &Declaration<'a>) {
        match declaration {
            Declaration::VariableDeclaration(variables) => {
                for variable in &variables.declarations {
                    self.visit_binding_pattern(&variable.id);
                }
            }
            Declaration::FunctionDeclaration(function) => self.add_name(function.id.as_ref()),
            Declaration::ClassDeclaration(class) => self.add_name(class.id.as_ref()),
            _ => {}
        }
    }

    fn add_name(&mut self, name: Option<&BindingIdentifier<'a>>) {
        self.0.extend(name.map(|name| name.name.to_string()));
    }
}

impl<'a> Visit<'a> for Declared {
    fn visit_binding_identifier(&mut self, name: &BindingIdentifier<'a>) {
        self.0.insert(name.name.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_declared() {
        let missing = |source: &str| missing_declarations(source).unwrap_or_default();
        assert_eq!(missing("const a = 1;\nexport { a };"), "");
        assert_eq!(
            missing(
                "import { i } from 'x';\nlet { a, b: [c] } = {};\nfunction f(x) {}\nclass K {}\nthrow 1;\n\
                 export { a, c, f, K, i, x, b as \"z\" };\nexport { q } from 'y';"
            ),
            "\nvar b, x;\n"
        );
        assert_eq!(missing("let a;throw 1;export{a,b};"), "\nvar b;\n");
        assert_eq!(
            missing("throw 1;\nexport const a = 1;\nexport { a as b };"),
            ""
        );
    }
}
