//! One class.

use oxc::ast::AstKind;
use oxc::ast::ast::{
    AccessorPropertyType, ArrowFunctionExpression, AwaitExpression, Class, ClassElement, Decorator,
    Expression, Function, MethodDefinition, MethodDefinitionKind, MethodDefinitionType,
    PropertyDefinitionType, PropertyKey, YieldExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan, Span};
use oxc::syntax::scope::ScopeFlags;

use super::{Pass, names};

/// What ends at a place comes before what starts there, inner classes before outer.
const CLOSING: i32 = -1_000_000;

/// A class while its elements are gone through.
struct Lowering {
    /// The number in its names.
    number: u32,
    state: String,
    rows: Vec<String>,
    has_instance_extras: bool,
}

/// A field or an accessor.
struct Field<'e, 'a> {
    span: Span,
    decorators: &'e [Decorator<'a>],
    key: &'e PropertyKey<'a>,
    value: Option<&'e Expression<'a>>,
    type_start: Option<u32>,
    computed: bool,
    is_static: bool,
    definite: bool,
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

    fn opening(&self) -> i32 {
        self.depth * 16
    }

    fn closing(&self, order: i32) -> i32 {
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
    fn remove(&mut self, span: Span) {
        self.edits.replace(span.start, span.end, 0, ";");
    }

    /// Turns an element's decorators into a throwaway method; gives where the rest starts.
    fn lower_decorators(
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
    fn keep_key(&mut self, state: &str, index: usize, key: &PropertyKey<'a>) {
        let span = key.span();
        let (opening, closing) = (self.opening(), self.closing(0));
        self.edits
            .insert(span.start, opening, format!("{state}.k({index},"));
        self.edits.insert(span.end, closing, ")");
    }

    /// Where a key ends, its bracket included.
    fn key_end(&self, key: &PropertyKey<'a>, computed: bool) -> u32 {
        let end = key.span().end;
        match computed {
            true => {
                let rest = &self.source[end as usize..];
                end + rest.find(']').map_or(0, |bracket| bracket as u32 + 1)
            }
            false => end,
        }
    }

    fn key_start(&self, key: &PropertyKey<'a>, computed: bool) -> u32 {
        let start = key.span().start;
        match computed {
            true => self.source[..start as usize]
                .rfind('[')
                .map_or(start, |bracket| bracket as u32),
            false => start,
        }
    }

    fn lower_method(&mut self, lowering: &mut Lowering, method: &MethodDefinition<'a>) {
        let index = lowering.rows.len();
        let state = lowering.state.clone();
        let rest = self.lower_decorators(&state, index, method.span, &method.decorators);
        lowering.has_instance_extras |= !method.r#static;
        let kind = match method.kind {
            MethodDefinitionKind::Get => "getter",
            MethodDefinitionKind::Set => "setter",
            MethodDefinitionKind::Method => "method",
            MethodDefinitionKind::Constructor => {
                self.mistake(
                    method.decorators[0].span.start,
                    "a constructor cannot have decorators",
                    "decorate the class",
                );
                return;
            }
        };
        let PropertyKey::PrivateIdentifier(id) = &method.key else {
            if method.computed {
                self.keep_key(&state, index, &method.key);
            }
            let name = row_name(&method.key, method.computed);
            lowering.rows.push(row(kind, method.r#static, &name, None));
            return;
        };
        let name = format!("#{}", id.name);
        let holder = format!("#__atoll_p{}_{index}", lowering.number);
        let is_static = if method.r#static { "static " } else { "" };
        let home = if method.r#static {
            "this"
        } else {
            "this.prototype"
        };
        let (stand_in, prefix) = match kind {
            "getter" => (
                format!("get {name}(){{return {state}.p({index}).call(this)}}"),
                "get ".to_owned(),
            ),
            "setter" => (
                format!("set {name}(v){{{state}.p({index}).call(this,v)}}"),
                "set ".to_owned(),
            ),
            _ => {
                let is_async = if method.value.r#async { "async " } else { "" };
                let star = if method.value.generator { "*" } else { "" };
                (
                    format!("get {name}(){{return {state}.p({index})}}"),
                    format!("{is_async}{star}"),
                )
            }
        };
        let head = format!(
            "{is_static}{stand_in}static {holder}(){{return {state}.h({home},{{{prefix}{name:?}"
        );
        self.edits.replace(rest, id.span.end, 0, head);
        let rank = self.closing(2);
        self.edits.insert(method.span.end, rank, "})}");
        let access = private_access(&name, kind);
        let extra = format!("methods:this.{holder}(),{access}");
        let name = format!("{name:?}");
        lowering
            .rows
            .push(row(kind, method.r#static, &name, Some(&extra)));
    }

    fn lower_field(&mut self, lowering: &mut Lowering, field: &Field<'_, 'a>) {
        let index = lowering.rows.len();
        let state = lowering.state.clone();
        self.lower_decorators(&state, index, field.span, field.decorators);
        if field.computed {
            self.keep_key(&state, index, field.key);
        }
        self.lower_value(lowering, index, field);
        let private = names::of_key(field.key).filter(|name| name.starts_with('#'));
        let is_private = matches!(field.key, PropertyKey::PrivateIdentifier(_));
        let extra = private
            .filter(|_| is_private)
            .map(|name| private_access(&name, "field"));
        let name = row_name(field.key, field.computed);
        lowering
            .rows
            .push(row("field", field.is_static, &name, extra.as_deref()));
    }

    fn lower_accessor(&mut self, lowering: &mut Lowering, field: &Field<'_, 'a>) {
        let index = lowering.rows.len();
        let state = lowering.state.clone();
        let is_decorated = !field.decorators.is_empty();
        let rest = self.lower_decorators(&state, index, field.span, field.decorators);
        let is_static = if field.is_static { "static " } else { "" };
        let storage = format!("#__atoll_s{}_{index}", lowering.number);
        let key_start = self.key_start(field.key, field.computed);
        let key_end = self.key_end(field.key, field.computed);
        self.edits
            .replace(rest, key_start, 0, format!("{is_static}get "));
        let again = if field.computed {
            self.keep_key(&state, index, field.key);
            format!("[{state}.n({index})]")
        } else {
            self.source[key_start as usize..key_end as usize].to_owned()
        };
        let is_private = matches!(field.key, PropertyKey::PrivateIdentifier(_));
        let own = (
            format!("return this.{storage}"),
            format!("this.{storage}=v"),
        );
        let mut extra = None;
        let (getter, setter, holder) = if is_private && is_decorated {
            let holder = format!("#__atoll_p{}_{index}", lowering.number);
            extra = Some(format!(
                "methods:this.{holder}(),{}",
                private_access(&again, "accessor")
            ));
            (
                format!("return {state}.p({index},\"get\").call(this)"),
                format!("{state}.p({index},\"set\").call(this,v)"),
                format!(
                    "static {holder}(){{return{{get accessor(){{{}}},set accessor(v){{{}}}}}}}",
                    own.0, own.1
                ),
            )
        } else {
            (own.0, own.1, String::new())
        };
        let rank = self.closing(2);
        self.edits.insert(
            key_end,
            rank,
            format!(
                "(){{{getter}}}{is_static}set {again}(v){{{setter}}}{holder}{is_static}{storage}"
            ),
        );
        if is_decorated {
            self.lower_value(lowering, index, field);
            let name = row_name(field.key, field.computed);
            let row = row("accessor", field.is_static, &name, extra.as_deref());
            lowering.rows.push(row);
        } else {
            if let Some(value) = field.value {
                self.name_value(value, field.key, field.computed, &state, index);
            }
            lowering.rows.push("{}".into());
        }
    }

    /// Sends a value through the initializers and runs what is to run after it.
    fn lower_value(&mut self, lowering: &Lowering, index: usize, field: &Field<'_, 'a>) {
        let state = &lowering.state;
        let end = match self.source[..field.span.end as usize].strip_suffix(';') {
            Some(before) => before.len() as u32,
            None => field.span.end,
        };
        match field.value {
            Some(value) => {
                let span = value.span();
                let (opening, closing) = (self.opening(), self.closing(1));
                self.edits
                    .insert(span.start, opening, format!("{state}.f({index},this,"));
                self.name_value(value, field.key, field.computed, state, index);
                self.edits.insert(span.end, closing, ")");
            }
            None => {
                let rank = self.closing(4);
                self.edits
                    .insert(end, rank, format!("={state}.f({index},this)"));
            }
        }
        if field.definite
            && let Some(type_start) = field.type_start
        {
            let from = self.key_end(field.key, field.computed);
            let between = &self.source[from as usize..type_start as usize];
            if let Some(mark) = between.find('!') {
                let mark = from + mark as u32;
                self.edits.replace(mark, mark + 1, 0, "");
            }
        }
        let after = match field.is_static {
            true => format!(";static{{{state}.x({index},this);}}"),
            false => format!(
                ";#__atoll_x{}_{index}={state}.x({index},this);",
                lowering.number
            ),
        };
        let rank = self.closing(6);
        self.edits.insert(field.span.end, rank, after);
    }

    /// Gives an anonymous function the name that the call around it would take away.
    fn name_value(
        &mut self,
        value: &Expression<'a>,
        key: &PropertyKey<'a>,
        computed: bool,
        state: &str,
        index: usize,
    ) {
        if !names::is_anonymous_function(value) {
            return;
        }
        let name = match names::of_key(key).filter(|_| !computed) {
            Some(name) => format!("{name:?}"),
            None => format!("[{state}.n({index})]"),
        };
        let read = match name.starts_with('[') {
            true => name.clone(),
            false => format!("[{name}]"),
        };
        let span = value.span();
        let (opening, closing) = (self.opening() + 1, self.closing(0));
        self.edits
            .insert(span.start, opening, format!("({{{name}:"));
        self.edits.insert(span.end, closing, format!("}}){read}"));
    }
}

fn row_name(key: &PropertyKey<'_>, computed: bool) -> String {
    match names::of_key(key).filter(|_| !computed) {
        Some(name) => format!("{name:?}"),
        None => "undefined".into(),
    }
}

fn row(kind: &str, is_static: bool, name: &str, private: Option<&str>) -> String {
    let is_private = private.is_some();
    let extra = private.unwrap_or_default();
    format!("{{kind:{kind:?},static:{is_static},private:{is_private},name:{name},{extra}}}")
}

/// How a decorator reaches a private element from outside the class.
fn private_access(name: &str, kind: &str) -> String {
    let mut access = format!("access:{{has:(o)=>{name} in o");
    if kind != "setter" {
        access.push_str(&format!(",get:(o)=>o.{name}"));
    }
    if matches!(kind, "setter" | "field" | "accessor") {
        access.push_str(&format!(",set:(o,v)=>{{o.{name}=v}}"));
    }
    access.push('}');
    access
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

/// Looks for waits in what runs around the class: keys, element decorators and the parent.
#[derive(Default)]
struct OuterParts {
    waits: bool,
    yields: Option<u32>,
}

impl<'a> OuterParts {
    fn look(&mut self, class: &Class<'a>) {
        if let Some(heritage) = &class.heritage {
            self.visit_expression(&heritage.expression);
        }
        for element in &class.body.body {
            let decorators: &[Decorator<'a>] = match element {
                ClassElement::MethodDefinition(method) => &method.decorators,
                ClassElement::PropertyDefinition(property) => &property.decorators,
                ClassElement::AccessorProperty(accessor) => &accessor.decorators,
                ClassElement::StaticBlock(_) | ClassElement::TSIndexSignature(_) => &[],
            };
            for decorator in decorators {
                self.visit_expression(&decorator.expression);
            }
            if let Some(key) = element.property_key().filter(|_| element.computed()) {
                self.visit_property_key(key);
            }
        }
    }
}

impl<'a> Visit<'a> for OuterParts {
    fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}

    fn visit_arrow_function_expression(&mut self, _: &ArrowFunctionExpression<'a>) {}

    fn visit_await_expression(&mut self, expression: &AwaitExpression<'a>) {
        self.waits = true;
        walk::walk_await_expression(self, expression);
    }

    fn visit_yield_expression(&mut self, expression: &YieldExpression<'a>) {
        self.yields = Some(expression.span.start);
        walk::walk_yield_expression(self, expression);
    }
}
