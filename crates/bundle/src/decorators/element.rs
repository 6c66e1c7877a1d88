//! One element of a class: a method, a field or an accessor.

use oxc::ast::ast::{Decorator, Expression, MethodDefinition, MethodDefinitionKind, PropertyKey};
use oxc::span::{GetSpan, Span};

use super::class::Lowering;
use super::{Pass, names};

/// A field or an accessor.
pub(super) struct Field<'e, 'a> {
    pub(super) span: Span,
    pub(super) decorators: &'e [Decorator<'a>],
    pub(super) key: &'e PropertyKey<'a>,
    pub(super) value: Option<&'e Expression<'a>>,
    pub(super) type_start: Option<u32>,
    pub(super) computed: bool,
    pub(super) is_static: bool,
    pub(super) definite: bool,
}

impl<'a> Pass<'_, 'a> {
    pub(super) fn lower_method(&mut self, lowering: &mut Lowering, method: &MethodDefinition<'a>) {
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

    pub(super) fn lower_field(&mut self, lowering: &mut Lowering, field: &Field<'_, 'a>) {
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

    pub(super) fn lower_accessor(&mut self, lowering: &mut Lowering, field: &Field<'_, 'a>) {
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
