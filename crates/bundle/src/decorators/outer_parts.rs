//! What of a class runs around it: keys, decorators and the parent.

use oxc::ast::ast::{
    ArrowFunctionExpression, AwaitExpression, Class, ClassElement, Decorator, Function,
    YieldExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::syntax::scope::ScopeFlags;

/// Looks for waits in what runs around the class: keys, element decorators and the parent.
#[derive(Default)]
pub(super) struct OuterParts {
    pub(super) waits: bool,
    pub(super) yields: Option<u32>,
}

impl<'a> OuterParts {
    pub(super) fn look(&mut self, class: &Class<'a>) {
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
