//! Lowers TC39 decorators and `accessor` fields, which neither the engine nor oxc knows.
//!
//! A class with decorators becomes an expression in the helper's hands:
//!
//! ```text
//! let C=__atoll_class([classDecorators],(__atoll_d1,C)=>({"C":class { … }})["C"]);
//! ```
//!
//! and its elements stay where they are. Element decorators become the computed key of a throwaway
//! method, which is evaluated exactly when they would be; a static block at the class's start
//! applies them, before static fields; values go through a call that runs the initializers. Only
//! text is inserted or replaced, and every line keeps its number.

mod class;
mod element;
mod names;
mod outer_parts;

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Class, FormalParameter};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::Parser;
use oxc::span::{GetSpan, SourceType};

use crate::edits::{Edits, Moved};

/// What lowered code imports its helper as.
pub(crate) const RUNTIME_SPECIFIER: &str = "atoll:decorators";
/// The helper's source.
pub(crate) const RUNTIME_SOURCE: &str = include_str!("runtime.js");

/// A decorator that cannot be lowered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The byte it is about.
    pub(crate) offset: u32,
    pub(crate) message: &'static str,
    pub(crate) hint: &'static str,
}

/// Whether a look at the text suffices to know that there is nothing to lower.
pub(crate) fn may_have_decorators(source: &str) -> bool {
    let has_decorator = |line: &str| {
        let line = line.trim_start();
        if line.starts_with('*') || line.starts_with("//") {
            return false;
        }
        line.match_indices('@').any(|(at, _)| {
            line[at + 1..].starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '('))
        })
    };
    source.contains("accessor ")
        || source.contains('@') && source.contains("class") && source.lines().any(has_decorator)
}

/// The same module without decorators; `None` when it has none or does not parse. `runtime` is what
/// the helper is imported from.
pub(crate) fn lower(
    source: &str,
    source_type: SourceType,
    runtime: &str,
) -> Result<Option<(String, Moved)>, Mistake> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return Ok(None);
    }
    let mut pass = Pass {
        source,
        edits: Edits::default(),
        parents: Vec::new(),
        classes: 0,
        depth: 0,
        mistake: None,
    };
    pass.visit_program(&parsed.program);
    if let Some(mistake) = pass.mistake {
        return Err(mistake);
    }
    if pass.edits.is_empty() {
        return Ok(None);
    }
    let (mut code, moved) = pass.edits.apply(source);
    code.push_str(&format!(
        "\nimport{{decorateClass as __atoll_class,decorateClassAsync as __atoll_class_async,\
         member as __atoll_member}}from{runtime:?};\n"
    ));
    Ok(Some((code, moved)))
}

struct Pass<'s, 'a> {
    source: &'s str,
    edits: Edits,
    parents: Vec<AstKind<'a>>,
    /// Classes lowered so far, which numbers their names.
    classes: u32,
    depth: i32,
    mistake: Option<Mistake>,
}

impl Pass<'_, '_> {
    fn mistake(&mut self, offset: u32, message: &'static str, hint: &'static str) {
        self.mistake.get_or_insert(Mistake {
            offset,
            message,
            hint,
        });
    }
}

impl<'a> Visit<'a> for Pass<'_, 'a> {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.parents.push(kind);
    }

    fn leave_node(&mut self, _: AstKind<'a>) {
        self.parents.pop();
    }

    fn visit_class(&mut self, class: &Class<'a>) {
        self.depth += 1;
        if !class.declare {
            self.lower_class(class);
        }
        walk::walk_class(self, class);
        self.depth -= 1;
    }

    fn visit_formal_parameter(&mut self, parameter: &FormalParameter<'a>) {
        if let Some(decorator) = parameter.decorators.first() {
            self.mistake(
                decorator.span().start,
                "parameters cannot have standard decorators",
                "set `experimentalDecorators` in tsconfig.json if TypeScript's older ones are meant",
            );
        }
        walk::walk_formal_parameter(self, parameter);
    }
}
