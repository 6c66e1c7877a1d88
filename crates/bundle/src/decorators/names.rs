//! Names that expressions get from where they stand.

use oxc::ast::AstKind;
use oxc::ast::ast::{BindingPattern, Expression, PropertyKey};

/// The name that an anonymous class gets from the construct right around it.
pub(super) fn inferred(parent: Option<&AstKind<'_>>) -> String {
    let name = match parent {
        Some(AstKind::VariableDeclarator(declarator)) => match &declarator.id {
            BindingPattern::BindingIdentifier(id) => Some(id.name.to_string()),
            _ => None,
        },
        Some(AstKind::AssignmentExpression(assignment)) => {
            let target = assignment.left.get_identifier_name();
            target.map(|name| name.to_string())
        }
        Some(AstKind::ObjectProperty(property)) => of_key(&property.key),
        Some(AstKind::PropertyDefinition(property)) => of_key(&property.key),
        Some(AstKind::ExportDefaultDeclaration(_)) => Some("default".into()),
        _ => None,
    };
    name.unwrap_or_default()
}

/// The name of a key that is not computed.
pub(super) fn of_key(key: &PropertyKey<'_>) -> Option<String> {
    match key {
        PropertyKey::PrivateIdentifier(id) => Some(format!("#{}", id.name)),
        key => key.static_name().map(|name| name.to_string()),
    }
}

/// Whether the expression takes its name from what it is assigned to.
pub(super) fn is_anonymous_function(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::ArrowFunctionExpression(_) => true,
        Expression::FunctionExpression(function) => function.id.is_none(),
        // A decorated class takes its name by itself.
        Expression::ClassExpression(class) => class.id.is_none() && class.decorators.is_empty(),
        _ => false,
    }
}
