//! `atoll:native/html_rewriter`: lol_html in a coroutine, so that handlers written in JavaScript can wait for promises.
//!
//! JavaScript never runs on the coroutine's stack. When lol_html calls a handler, the coroutine hands the number of that
//! handler out and sleeps with the live token in place; JavaScript works on the token through the functions here, waits
//! for what it likes, and resumes. See `machine` for the coroutine and `token` for what can be done to a token.

mod machine;
mod token;

use std::cell::RefCell;

use lol_html::Selector;
use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{
    Array, Class, Ctx, Exception, Function, JsLifetime, Object, Result, TypedArray, Value,
};

use super::bytes::with_bytes;
use machine::{Input, Machine, Step};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal => $function:expr),+ $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)+
        };
    }
    export! {
        "checkSelector" => check_selector,
        "create" => create,
        "feed" => feed,
        "finish" => |ctx, handle| advance(&ctx, &handle, Input::End),
        "proceed" => |ctx, handle, succeeded| proceed(&ctx, &handle, succeeded),
        "takeOutput" => take_output,
        "query" => query,
        "edit" => edit,
        "insert" => insert,
        "write" => write,
    }
    Ok(exports)
}

/// A rewriter, as JavaScript holds it.
pub(crate) struct Handle {
    machine: RefCell<Machine>,
}

impl<'js> Trace<'js> for Handle {
    fn trace<'a>(&self, _tracer: Tracer<'a, 'js>) {}
}

#[expect(unsafe_code, reason = "the engine asks for this marker")]
// SAFETY: a handle holds no JavaScript values.
unsafe impl JsLifetime<'_> for Handle {
    type Changed<'to> = Handle;
}

impl<'js> JsClass<'js> for Handle {
    const NAME: &'static str = "HTMLRewriterHandle";
    type Mutable = Readable;

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

/// How lol_html's errors read in Workers.
fn parser_error(ctx: &Ctx<'_>, error: impl std::fmt::Display) -> rquickjs::Error {
    Exception::throw_type(ctx, &format!("Parser error: {error}"))
}

fn check_selector(ctx: Ctx<'_>, selector: String) -> Result<()> {
    selector
        .parse::<Selector>()
        .map(drop)
        .map_err(|error| parser_error(&ctx, error))
}

/// `create(rules, charset)`; a rule is `[selector | null, element, comments, text, doctype, end]` with the numbers of
/// handlers, -1 for none.
fn create<'js>(ctx: Ctx<'js>, rules: Array<'js>, charset: String) -> Result<Class<'js, Handle>> {
    let mut parsed = Vec::with_capacity(rules.len());
    for rule in rules.iter::<Array<'js>>() {
        let rule = rule?;
        let selector = match rule.get::<Option<String>>(0)? {
            None => None,
            Some(text) => Some(
                text.parse::<Selector>()
                    .map_err(|error| parser_error(&ctx, error))?,
            ),
        };
        let handler = |index| -> Result<Option<u32>> {
            let number: i32 = rule.get(index)?;
            Ok(u32::try_from(number).ok())
        };
        parsed.push(machine::Rule {
            selector,
            element: handler(1)?,
            comments: handler(2)?,
            text: handler(3)?,
            doctype: handler(4)?,
            end: handler(5)?,
        });
    }
    let machine =
        Machine::new(parsed, &charset).map_err(|error| Exception::throw_message(&ctx, &error))?;
    Class::instance(
        ctx,
        Handle {
            machine: RefCell::new(machine),
        },
    )
}

/// What JavaScript has to do next: `[kind, number, generation, token kind]` with kinds 0 (give more input), 1 (call that
/// handler), 2 (write that stream), 3 (all is written).
fn step_value<'js>(ctx: &Ctx<'js>, step: Step) -> Result<Array<'js>> {
    let numbers = match step {
        Step::NeedsInput => vec![0],
        Step::Handler {
            number,
            generation,
            kind,
        } => vec![1, number, generation, kind as u32],
        Step::Stream { number, generation } => vec![2, number, generation],
        Step::Finished => vec![3],
    };
    let array = Array::new(ctx.clone())?;
    for (index, number) in numbers.into_iter().enumerate() {
        array.set(index, number)?;
    }
    Ok(array)
}

fn advance<'js>(ctx: &Ctx<'js>, handle: &Class<'js, Handle>, input: Input) -> Result<Array<'js>> {
    let step = handle
        .borrow()
        .machine
        .borrow_mut()
        .resume(input)
        .map_err(|error| parser_error(ctx, error))?;
    step_value(ctx, step)
}

/// `feed(handle, bytes)`.
fn feed<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle>,
    bytes: TypedArray<'js, u8>,
) -> Result<Array<'js>> {
    let chunk = with_bytes(&bytes, <[u8]>::to_vec);
    advance(&ctx, &handle, Input::Chunk(chunk))
}

/// `proceed(handle, succeeded)`: the handler or stream is through.
fn proceed<'js>(
    ctx: &Ctx<'js>,
    handle: &Class<'js, Handle>,
    succeeded: bool,
) -> Result<Array<'js>> {
    advance(ctx, handle, Input::Settled(succeeded))
}

/// `takeOutput(handle)`: a Uint8Array, undefined when there is nothing.
fn take_output<'js>(ctx: Ctx<'js>, handle: Class<'js, Handle>) -> Result<Value<'js>> {
    let output = handle.borrow().machine.borrow().take_output();
    if output.is_empty() {
        return Ok(Value::new_undefined(ctx));
    }
    Ok(TypedArray::<u8>::new(ctx, output)?.into_value())
}

/// `query(handle, generation, what, name)`.
fn query<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle>,
    generation: u32,
    what: String,
    name: Option<String>,
) -> Result<Value<'js>> {
    let handle = handle.borrow();
    let machine = handle.machine.borrow();
    let mut token = machine.token(generation);
    token::query(&ctx, &mut token, &what, name.as_deref())
}

/// `edit(handle, generation, what, first, second)`.
fn edit<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle>,
    generation: u32,
    what: String,
    first: Option<String>,
    second: Option<String>,
) -> Result<()> {
    let handle = handle.borrow();
    let machine = handle.machine.borrow();
    let mut token = machine.token(generation);
    if what == "onEndTag" {
        let number = first.and_then(|number| number.parse().ok()).unwrap_or(0);
        return machine
            .on_end_tag(&mut token, number)
            .map_err(|error| parser_error(&ctx, error));
    }
    token::edit(
        &ctx,
        &mut token,
        &what,
        first.as_deref().unwrap_or_default(),
        second.as_deref().unwrap_or_default(),
    )
}

/// `insert(handle, generation, place, content, html)`: content is text, or the number of a stream.
fn insert<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle>,
    generation: u32,
    place: String,
    content: Value<'js>,
    html: bool,
) -> Result<()> {
    let handle = handle.borrow();
    let machine = handle.machine.borrow();
    let mut token = machine.token(generation);
    if let Some(text) = content.as_string() {
        return token::insert(&ctx, &mut token, &place, &text.to_string()?, html);
    }
    let number = content.as_number().map_or(0, |number| number as u32);
    token::insert_stream(&ctx, &mut token, &place, machine.streaming(number))
}

/// `write(handle, generation, bytes, html)`: a piece of the stream that is asked for.
fn write<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle>,
    generation: u32,
    bytes: TypedArray<'js, u8>,
    html: bool,
) -> Result<()> {
    let handle = handle.borrow();
    let machine = handle.machine.borrow();
    let mut token = machine.token(generation);
    with_bytes(&bytes, |bytes| token::write(&mut token, bytes, html))
        .map_err(|error| parser_error(&ctx, error))
}
