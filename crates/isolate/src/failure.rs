//! What was thrown, as what the host is told.

use protocol::{Failure, FailureKind};
use rquickjs::{Ctx, Error, FromJs};

use crate::state;

/// A failure of the engine that is no exception.
pub(crate) fn engine_failure(error: &Error) -> Failure {
    Failure {
        message: error.to_string(),
        ..Failure::default()
    }
}

/// An engine error as a failure, with the pending exception taken out of the engine.
pub(crate) fn caught(ctx: &Ctx<'_>, error: Error, interrupted: bool) -> Failure {
    if !error.is_exception() {
        return engine_failure(&error);
    }
    let thrown = ctx.catch();
    if interrupted {
        // Where it was stopped. A getter would run code that has no time left, but an error's stack is a plain property.
        let stack = thrown.as_object().and_then(|error| error.get("stack").ok());
        return Failure {
            kind: FailureKind::Cpu,
            stack: stack.map_or_else(String::new, |stack: String| frames(&stack)),
            ..Failure::default()
        };
    }
    let Some(object) = thrown.as_object() else {
        let text = rquickjs::Coerced::<String>::from_js(ctx, thrown)
            .map_or_else(|_| String::new(), |text| text.0);
        return Failure {
            name: "Error".to_owned(),
            message: format!("Uncaught {text}"),
            ..Failure::default()
        };
    };
    let property = |name: &str| {
        object
            .get::<_, Option<String>>(name)
            .ok()
            .flatten()
            .unwrap_or_default()
    };
    let (name, mut message) = (property("name"), property("message"));
    if name.is_empty() && message.is_empty() {
        let text = rquickjs::Coerced::<String>::from_js(ctx, thrown.clone());
        message = text.map_or_else(|_| String::new(), |text| format!("Uncaught {}", text.0));
    }
    let kind = match (name.as_str(), message.as_str()) {
        ("SyntaxError", _) => FailureKind::Syntax,
        _ if state::is_out_of_memory(&name, &message) => return state::out_of_memory(),
        _ => FailureKind::Exception,
    };
    Failure {
        kind,
        name,
        message,
        stack: frames(&property("stack")),
    }
}

/// The frames of a stack alone: name and message travel beside them.
pub(crate) fn frames(stack: &str) -> String {
    let is_frame = |line: &&str| line.trim_start().starts_with("at ");
    let lines: Vec<&str> = stack.lines().skip_while(|line| !is_frame(line)).collect();
    lines.join("\n")
}
