//! Durable Objects of this isolate: from the host's frames to `js/objects/`.

use protocol::{Event, EventId, Failure, FailureKind, FromIsolate, ObjectNumber, Opening};
use rquickjs::function::{Args, IntoArgs};
use rquickjs::{ArrayBuffer, Ctx, Function, Object, Result, TypedArray};

use crate::state;
use crate::values::{body_value, headers_value};

/// An object comes to live here.
pub(crate) fn open<'js>(ctx: &Ctx<'js>, host: &Object<'js>, opening: &Opening<'_>) -> Result<()> {
    let file = take_descriptor(opening.file);
    drop(file);
    host.get::<_, Function<'js>>("open")?.call((
        opening.object,
        opening.class,
        TypedArray::<u8>::new_copy(ctx.clone(), opening.id)?,
        opening.name,
        opening.alarm,
    ))
}

/// The host's file has what the object had committed.
pub(crate) fn checkpointed(_object: ObjectNumber, _commit: u64, file: bool) {
    drop(take_descriptor(file));
}

/// The descriptor that came with the frame in hand.
fn take_descriptor(expected: bool) -> Option<std::os::fd::OwnedFd> {
    expected
        .then(|| state::with(|state| state.descriptors.pop_front()))
        .flatten()
}

pub(crate) fn sleep(host: &Object<'_>, object: ObjectNumber) -> Result<()> {
    let slept: bool = host.get::<_, Function<'_>>("sleep")?.call((object,))?;
    if slept {
        close(object);
    } else {
        state::send(&FromIsolate::Busy(object));
    }
    Ok(())
}

pub(crate) fn reset(host: &Object<'_>, object: ObjectNumber, reason: &str) -> Result<()> {
    host.get::<_, Function<'_>>("reset")?
        .call::<_, ()>((object, reason))?;
    close(object);
    Ok(())
}

fn close(object: ObjectNumber) {
    state::send(&FromIsolate::Slept(object));
}

/// An event that only an object can have came without one.
pub(crate) fn nobody_is_there(id: EventId) -> Result<()> {
    state::send(&FromIsolate::Done {
        id,
        outcome: Err(Failure {
            kind: FailureKind::NoHandler,
            name: "Error".to_owned(),
            message: "Only Durable Objects have such events.".to_owned(),
            stack: String::new(),
        }),
        cpu_us: 0,
    });
    Ok(())
}

pub(crate) fn deliver_event<'js>(
    ctx: &Ctx<'js>,
    host: &Object<'js>,
    object: ObjectNumber,
    id: EventId,
    event: &Event<'_>,
) -> Result<()> {
    match event {
        Event::Fetch { request, .. } => {
            let (kind, value, length) = body_value(ctx, &request.body)?;
            let headers = headers_value(ctx, &request.headers)?;
            let mut list = Args::new(ctx.clone(), 10);
            (object, id, request.method, request.url, headers).into_args(&mut list)?;
            (kind, value, length, request.cf, request.websocket).into_args(&mut list)?;
            host.get::<_, Function<'_>>("objectFetch")?.call_arg(list)
        }
        Event::Rpc { method, arguments } => {
            let arguments = ArrayBuffer::new_copy(ctx.clone(), arguments)?;
            host.get::<_, Function<'_>>("objectCall")?
                .call((object, id, *method, arguments))
        }
        Event::Alarm {
            scheduled_ms,
            retry_count,
        } => host.get::<_, Function<'_>>("objectAlarm")?.call((
            object,
            id,
            *scheduled_ms,
            *retry_count,
        )),
        Event::Scheduled { .. } | Event::Test { .. } => nobody_is_there(id),
    }
}
