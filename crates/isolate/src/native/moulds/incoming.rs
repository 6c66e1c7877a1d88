//! What a fetch event begins with.
#![expect(
    unsafe_code,
    reason = "new objects get properties through the engine's C API"
)]

use protocol::{EventId, Request};
use rquickjs::{Ctx, Result, qjs};

use super::{Kind, NAMED, of, put};
use crate::async_context;
use crate::clone::{Engine, Owned};
use crate::values::headers_value;

/// An event, its request and its `ctx`.
pub(crate) struct Incoming<'a> {
    pub(crate) event: Owned<'a>,
    pub(crate) request: Owned<'a>,
    pub(crate) execution: Owned<'a>,
}

/// Makes an event, its request and its `ctx`, and has what follows run in the event.
pub(crate) fn incoming<'a, 'js>(
    engine: &'a Engine,
    ctx: &Ctx<'js>,
    id: EventId,
    request: &Request<'_>,
) -> Result<Incoming<'a>> {
    let undefined = || engine.duplicate(qjs::JS_UNDEFINED);
    let number = |number| engine.number_value(number);
    let mould = of(Kind::Event)?;
    let event = mould.make(engine, [number(f64::from(id)), number(1.0), undefined()])?;
    let shared = || engine.duplicate(event.raw());
    let context = of(Kind::Context)?.make(engine, [shared(), undefined()])?;
    async_context::enter(engine.ctx, context.raw());
    // SAFETY: the event is new.
    unsafe { put(engine, event.raw(), mould.names[2], context)? };
    let execution = of(Kind::Execution)?.make(engine, [shared()])?;
    let headers = headers_value(ctx, &request.headers)?;
    let parts = of(Kind::RequestParts)?.make(
        engine,
        [
            engine.text(request.method)?,
            engine.text(request.url)?,
            engine.duplicate(headers.as_raw()),
            shared(),
        ],
    )?;
    if let Some(cf) = request.cf {
        // SAFETY: they are new.
        unsafe { put(engine, parts.raw(), NAMED.get().cf, engine.text(cf)?)? };
    }
    let body = engine.duplicate(qjs::JS_NULL);
    let request = of(Kind::Request)?.make(engine, [body, parts])?;
    Ok(Incoming {
        event,
        request,
        execution,
    })
}
