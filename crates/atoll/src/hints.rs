//! What a person can do about an error of a worker's code, where the error itself does not say.

use protocol::{Failure, FailureKind};

/// Names of what only other places have, and what to do without them.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &[
            "window",
            "document",
            "localStorage",
            "sessionStorage",
            "alert",
        ],
        "that is there in browsers: a worker has no page",
    ),
    (
        &["require", "module", "exports"],
        "an ES module imports: `import name from \"name\"` at its top",
    ),
    (
        &["__dirname", "__filename"],
        "a worker has no files of the machine: import what it needs, or serve it as an asset",
    ),
    (
        &["env", "ctx"],
        "a handler is given it: fetch(request, env, ctx); elsewhere, `import { env } from \"cloudflare:workers\"`",
    ),
    (
        &["Deno", "Bun"],
        "that is another runtime: a worker has the web's API and Node's modules",
    ),
];

/// A hint for a failure; `line` is the part of the source from where it happened.
pub(crate) fn for_failure(failure: &Failure, line: Option<&str>) -> Option<String> {
    let text = match failure.kind {
        FailureKind::NoHandler => {
            "export default { async fetch(request, env, ctx) { return new Response(\"hi\") } }"
        }
        FailureKind::Cpu => {
            "`limits.cpu_ms` in wrangler.jsonc sets how much an event may use, `limits.startupCpuMs` in atoll.jsonc how much the top level may"
        }
        FailureKind::Memory => "`limits.memoryMb` in atoll.jsonc sets how much it may use",
        FailureKind::WallTime => {
            "`limits.wallMs` of whoever runs it sets how long an answer may take"
        }
        FailureKind::Hung if failure.message.starts_with("Top-level await") => {
            "what a module awaits at its top level has to be there at once: wait for the rest inside a handler"
        }
        FailureKind::Hung => {
            "the promise that the handler returned can never resolve: something is awaited that nothing completes"
        }
        FailureKind::Exception => return for_exception(&failure.message, line),
        FailureKind::Syntax | FailureKind::Reset | FailureKind::Blocked => return None,
    };
    Some(text.to_owned())
}

/// What to look for when the top level of one of these files never ends.
pub(crate) fn for_endless_top_level(files: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = files[..files.len().min(SHOWN)].join(", ");
    let more = if files.len() > SHOWN { ", …" } else { "" };
    format!("look for a loop outside of functions in {shown}{more}")
}

fn for_exception(message: &str, line: Option<&str>) -> Option<String> {
    let message = message.strip_prefix("Uncaught ").unwrap_or(message);
    if message.contains("did not resolve to 'Response'") {
        return Some(
            "the handler gave something else: a `return` is missing, or it should be new Response(text)"
                .to_owned(),
        );
    }
    if let Some(name) = message.strip_suffix(" is not defined") {
        let (_, hint) = ELSEWHERE.iter().find(|(names, _)| names.contains(&name))?;
        return Some((*hint).to_owned());
    }
    if let Some(property) = message
        .strip_prefix("cannot read property '")
        .and_then(|rest| rest.strip_suffix("' of undefined"))
    {
        let of_an_object = [
            "storage",
            "blockConcurrencyWhile",
            "acceptWebSocket",
            "getWebSockets",
        ];
        // The engine does not always say which line it was.
        if of_an_object.contains(&property) && !line.is_some_and(|line| line.contains(property)) {
            return Some(format!(
                "if it is `this.ctx.{property}`: the constructor has to hand on both, super(ctx, env)"
            ));
        }
        let line = line?;
        let mut own = ["ctx", "env"].iter();
        if let Some(name) = own.find(|name| line.contains(&format!("this.{name}.{property}"))) {
            return Some(format!(
                "`this.{name}` is undefined: the constructor has to hand on both, super(ctx, env)"
            ));
        }
        let name = binding_in(line)?;
        if name == "ASSETS" {
            return Some(
                "`env.ASSETS` is undefined: name it in the configuration, \"assets\": { \"binding\": \"ASSETS\" }"
                    .to_owned(),
            );
        }
        return Some(format!(
            "`env.{name}` is undefined: the configuration binds nothing of that name, or not in this environment, or something that the start warned of"
        ));
    }
    if let Some(url) = message.strip_prefix("Invalid URL: ")
        && url.starts_with('/')
    {
        return Some(format!(
            "a worker has no address of its own: write the whole URL, or new URL(\"{url}\", request.url)"
        ));
    }
    if message == "this is not initialized" {
        return Some("a constructor has to say super(ctx, env) before it uses `this`".to_owned());
    }
    if message.contains("parameter 1 is not of type 'DurableObjectId'") {
        return Some("for the object of a name: env.ROOM.getByName(name)".to_owned());
    }
    if message.contains("The receiving Durable Object does not support RPC") {
        return Some("import { DurableObject } from \"cloudflare:workers\"".to_owned());
    }
    if message.contains("Body has already been used.") {
        let hint = "read it once and keep what came, or read a clone() that was made before";
        return Some(hint.to_owned());
    }
    if message == "out of memory in regexp execution" {
        let hint = "the expression tries too many ways to match this text: make it plainer, or match less text at once";
        return Some(hint.to_owned());
    }
    if message.contains("Code generation from strings disallowed") {
        let hint = "a binding of `worker_loaders` makes a worker of a string: env.LOADER.load(…)";
        return Some(hint.to_owned());
    }
    if message.contains("cannot open the object's file") {
        let hint = "put that file back from a backup; the other objects go on without it";
        return Some(hint.to_owned());
    }
    if message.starts_with("ENOENT: ") {
        return Some(
            "a worker has no files of the machine: import the file, or serve it as an asset"
                .to_owned(),
        );
    }
    None
}

/// `NAME` of source that begins with `env.NAME`.
fn binding_in(source: &str) -> Option<&str> {
    let source = source.strip_prefix("this.").unwrap_or(source);
    let source = source.strip_prefix("env.")?;
    let end = source
        .find(|sign: char| !sign.is_alphanumeric() && sign != '_' && sign != '$')
        .unwrap_or(source.len());
    (end > 0).then(|| &source[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_bound_is_named() {
        let missing = "cannot read property 'get' of undefined";
        let hint = |line| for_exception(missing, Some(line));
        let storage = "cannot read property 'storage' of undefined";
        let found = for_exception(storage, Some("hi() { return this.ctx.storage.sql }"));
        assert!(found.unwrap().starts_with("`this.ctx` is undefined"));
        assert!(
            hint("env.KV.get(1)")
                .unwrap()
                .starts_with("`env.KV` is undefined")
        );
        assert!(
            hint("this.env.MY_DB.get(1)")
                .unwrap()
                .starts_with("`env.MY_DB` is")
        );
        assert_eq!(hint("environment.KV.get(1)"), None);
        assert_eq!(hint("env."), None);
        assert_eq!(for_exception("x is not defined", None), None);
    }
}
