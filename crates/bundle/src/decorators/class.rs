//! One class.

use oxc::ast::AstKind;
use oxc::ast::ast::{
    AccessorPropertyType, Class, ClassElement, Decorator, Expression, MethodDefinitionType,
    PropertyDefinitionType, PropertyKey,
};
use oxc::span::{GetSpan, Span};

use super::element::Field;
use super::outer_parts::OuterParts;
use super::{Pass, names};

/// What ends at a place comes before what starts there, inner classes before outer.
const CLOSING: i32 = -1_000_000;

/// A class while its elements are gone through.
pub(super) struct Lowering {
    /// The number in its names.
    pub(super) number: u32,
    pub(super) state: String,
    pub(super) rows: Vec<String>,
    pub(super) has_instance_extras: bool,
}

impl<'a> Pass<'_, 'a> {
    pub(super) fn lower_class(&mut self, class: &Class<'a>) {
        if !needs_lowering(class) {
            return;
        }
        let mut outer = OuterParts::default();
        outer.look(class);
        if let Some(offset) = outer.yields {
            self.mistake(
                offset,
                "`yield` around a decorated class is not supported",
                "put its value into a variable before the class",
            );
        }
        self.classes += 1;
        let number = self.classes;
        let mut lowering = Lowering {
            number,
            state: format!("__atoll_d{number}"),
            rows: Vec::new(),
            has_instance_extras: false,
        };
        for element in &class.body.body {
            self.lower_element(&mut lowering, element);
        }
        self.lower_frame(class, &lowering, outer.waits);
        self.lower_ends(class, &lowering);
    }

    pub(super) fn opening(&self) -> i32 {
        self.depth * 16
    }

    pub(super) fn closing(&self, order: i32) -> i32 {
        CLOSING - self.depth * 16 + order
    }

    /// What stands around the class's own text.
    fn lower_frame(&mut self, class: &Class<'a>, lowering: &Lowering, waits: bool) {
        let parent = self.parents.last();
        let is_declaration = class.is_declaration();
        let (exported, default, start) = match parent {
            Some(AstKind::ExportDeclaration(export)) => (true, false, export.span.start),
            Some(AstKind::ExportDefaultDeclaration(export)) if is_declaration => {
                (false, true, export.span.start)
            }
            _ => (false, false, class.span.start),
        };
        let inferred = names::inferred(parent);
        let own_name = class.id.as_ref().map(|id| id.name.to_string());
        let first_decorator = class.decorators.first().map(|first| first.span.start);
        let start = start
            .min(class.span.start)
            .min(first_decorator.unwrap_or(u32::MAX));

        let (helper, arrow) = match waits {
            true => ("await __atoll_class_async", "async"),
            false => ("__atoll_class", ""),
        };
        let call = match (&own_name, is_declaration) {
            (Some(name), true) if exported => format!("export let {name}={helper}(["),
            (Some(name), true) => format!("let {name}={helper}(["),
            (None, true) => format!("export default {helper}(["),
            _ => format!("({helper}(["),
        };
        let state = &lowering.state;
        let is_decorated = !class.decorators.is_empty();
        let (build, built) = match (&own_name, is_decorated) {
            (Some(name), true) => (
                format!("],{arrow}({state},{name})=>({{{name:?}:"),
                format!("}})[{name:?}])"),
            ),
            (None, _) => (
                format!("],{arrow}({state})=>({{{inferred:?}:"),
                format!("}})[{inferred:?}])"),
            ),
            (Some(_), false) => (format!("],{arrow}({state})=>"), ")".to_owned()),
        };
        let keyword = self.keyword(class);
        match class.decorators.first() {
            None => self
                .edits
                .replace(start, keyword, 0, format!("{call}{build}")),
            Some(first) => {
                self.edits
                    .replace(start, first.expression.span().start, 0, call);
                self.join_decorators(&class.decorators);
                let last = class.decorators.last().unwrap_or(first);
                let end = last.expression.span().end;
                self.edits.replace(end, keyword, 0, build);
            }
        }
        if let Some(id) = class.id.as_ref().filter(|_| is_decorated) {
            self.edits.replace(id.span.start, id.span.end, 0, "");
        }
        let ending = match (&own_name, is_declaration) {
            (Some(name), true) if default => format!("{built};export{{{name} as default}};"),
            (_, true) => format!("{built};"),
            (_, false) => format!("{built})"),
        };
        let rank = self.closing(0);
        self.edits.insert(class.span.end, rank, ending);
    }

    /// Where the word `class` starts.
    fn keyword(&self, class: &Class<'a>) -> u32 {
        let after = class.decorators.last().map_or(0, |last| last.span.end);
        let from = after.max(class.span.start) as usize;
        let until = class.body.span.start as usize;
        let text = &self.source[from..until];
        let bytes = text.as_bytes();
        let is_word = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(byte))
        };
        // Only modifiers and comments can stand before it.
        let found = text.match_indices("class").find(|(at, word)| {
            let comment = text[..*at]
                .rfind("/*")
                .is_some_and(|open| !text[open..*at].contains("*/"));
            let line = text[..*at].rsplit('\n').next().unwrap_or_default();
            !comment
                && !line.contains("//")
                && !is_word(at.checked_sub(1).and_then(|before| bytes.get(before)))
                && !is_word(bytes.get(at + word.len()))
        });
        (from + found.map_or(0, |(at, _)| at)) as u32
    }

    /// `@a @b` as `a,b`, without what stands before the first and after the last.
    fn join_decorators(&mut self, decorators: &[Decorator<'a>]) {
        for pair in decorators.windows(2) {
            let end = pair[0].expression.span().end;
            let next = pair[1].expression.span().start;
            self.edits.replace(end, next, 0, ",");
        }
        for decorator in decorators {
            // A decorator that is a method is called as one.
            if let Expression::StaticMemberExpression(member) = &decorator.expression {
                let rank = self.opening();
                self.edits
                    .insert(member.span.start, rank, "__atoll_member(");
                let name = format!(",{:?})", member.property.name.as_str());
                let end = member.object.span().end;
                self.edits.replace(end, member.span.end, 0, name);
            }
        }
    }

    /// What runs first and last in the class's body.
    fn lower_ends(&mut self, class: &Class<'a>, lowering: &Lowering) {
        let Lowering { number, state, .. } = lowering;
        let mut first = String::new();
        if lowering.has_instance_extras {
            first.push_str(&format!("#__atoll_i{number}={state}.i(this);"));
        }
        let own_name = class.id.as_ref().map(|id| id.name.to_string());
        let assigned = match &own_name {
            Some(name) if !class.decorators.is_empty() => format!("{name}="),
            _ => String::new(),
        };
        let name = match &own_name {
            Some(name) => format!("{name:?}"),
            None => "this.name".to_owned(),
        };
        let rows = lowering.rows.join(",");
        first.push_str(&format!(
            "static{{{assigned}{state}.finish(this,{name},[{rows}]);}}"
        ));
        let rank = self.opening();
        self.edits
            .insert(class.body.span.start + 1, rank - 1, first);
        if !class.decorators.is_empty() {
            let rank = self.closing(8);
            let last = format!(";static{{{state}.end();}}");
            self.edits.insert(class.body.span.end - 1, rank, last);
        }
    }

    fn lower_element(&mut self, lowering: &mut Lowering, element: &ClassElement<'a>) {
        match element {
            ClassElement::MethodDefinition(method) => {
                let is_abstract = method.r#type == MethodDefinitionType::TSAbstractMethodDefinition;
                if is_abstract {
                    self.remove(method.span);
                } else if !method.decorators.is_empty() && method.value.body.is_some() {
                    self.lower_method(lowering, method);
                }
            }
            ClassElement::PropertyDefinition(property) => {
                if property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition {
                    self.remove(property.span);
                } else if !property.decorators.is_empty() {
                    let field = Field {
                        span: property.span,
                        decorators: &property.decorators,
                        key: &property.key,
                        value: property.value.as_ref(),
                        type_start: property.type_annotation.as_ref().map(|t| t.span.start),
                        computed: property.computed,
                        is_static: property.r#static,
                        definite: property.definite,
                    };
                    self.lower_field(lowering, &field);
                }
            }
            ClassElement::AccessorProperty(accessor) => {
                if accessor.r#type == AccessorPropertyType::TSAbstractAccessorProperty {
                    self.remove(accessor.span);
                    return;
                }
                let field = Field {
                    span: accessor.span,
                    decorators: &accessor.decorators,
                    key: &accessor.key,
                    value: accessor.value.as_ref(),
                    type_start: accessor.type_annotation.as_ref().map(|t| t.span.start),
                    computed: accessor.computed,
                    is_static: accessor.r#static,
                    definite: accessor.definite,
                };
                self.lower_accessor(lowering, &field);
            }
            ClassElement::StaticBlock(_) | ClassElement::TSIndexSignature(_) => {}
        }
    }

    /// Abstract members mean nothing at run time, and the class that comes out is not abstract.
    pub(super) fn remove(&mut self, span: Span) {
        self.edits.replace(span.start, span.end, 0, ";");
    }

    /// Turns an element's decorators into a throwaway method; gives where the rest starts.
    pub(super) fn lower_decorators(
        &mut self,
        state: &str,
        index: usize,
        span: Span,
        decorators: &[Decorator<'a>],
    ) -> u32 {
        let (Some(first), Some(last)) = (decorators.first(), decorators.last()) else {
            return span.start;
        };
        self.edits.replace(
            first.span.start,
            first.expression.span().start,
            0,
            format!(";[{state}.e({index},["),
        );
        self.join_decorators(decorators);
        let end = last.span.end;
        let rank = self.closing(0);
        self.edits.insert(end, rank, "])](){}");
        end
    }

    /// Remembers a computed key.
    pub(super) fn keep_key(&mut self, state: &str, index: usize, key: &PropertyKey<'a>) {
        let span = key.span();
        let (opening, closing) = (self.opening(), self.closing(0));
        self.edits
            .insert(span.start, opening, format!("{state}.k({index},"));
        self.edits.insert(span.end, closing, ")");
    }

    /// Where a key ends, its bracket included.
    pub(super) fn key_end(&self, key: &PropertyKey<'a>, computed: bool) -> u32 {
        let end = key.span().end;
        match computed {
            true => {
                let rest = &self.source[end as usize..];
                end + rest.find(']').map_or(0, |bracket| bracket as u32 + 1)
            }
            false => end,
        }
    }

    pub(super) fn key_start(&self, key: &PropertyKey<'a>, computed: bool) -> u32 {
        let start = key.span().start;
        match computed {
            true => self.source[..start as usize]
                .rfind('[')
                .map_or(start, |bracket| bracket as u32),
            false => start,
        }
    }
}

fn needs_lowering(class: &Class<'_>) -> bool {
    !class.decorators.is_empty()
        || class.body.body.iter().any(|element| match element {
            ClassElement::MethodDefinition(method) => !method.decorators.is_empty(),
            ClassElement::PropertyDefinition(property) => !property.decorators.is_empty(),
            ClassElement::AccessorProperty(_) => true,
            ClassElement::StaticBlock(_) | ClassElement::TSIndexSignature(_) => false,
        })
}
