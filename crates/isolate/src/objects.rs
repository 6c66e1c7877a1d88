//! Durable Objects of this isolate: from the host's frames to `js/objects/`.

use std::os::fd::OwnedFd;

use protocol::{
    AlarmChange, Commit, Event, EventId, Failure, FailureKind, FromIsolate, KeptSocket,
    ObjectNumber, Opening, SocketPart, Target,
};
use rquickjs::function::{Args, IntoArgs};
use rquickjs::{Array, ArrayBuffer, Ctx, Function, IntoJs, Object, Result, TypedArray, Value};

use crate::native::sqlite::{self, Ended};
use crate::state::{self, State};
use crate::traces::traces_value;
use crate::values::{body_value, headers_value, invocation_value, parcel_value};

/// What is left of an object that sleeps is told.
const ASLEEP: &str = "The Durable Object has gone to sleep.";

/// An object comes to live here.
pub(crate) fn open<'js>(ctx: &Ctx<'js>, host: &Object<'js>, opening: &Opening<'_>) -> Result<()> {
    sqlite::open(
        opening.object,
        take_descriptor(opening.file),
        opening.page_count,
        opening.max_pages,
        opening.alarm,
    );
    if opening.read_only {
        sqlite::make_read_only(opening.object);
    }
    let props = opening.props.as_ref();
    host.get::<_, Function<'js>>("open")?.call((
        opening.object,
        opening.class,
        TypedArray::<u8>::new_copy(ctx.clone(), opening.id)?,
        opening.name,
        opening.text_id,
        props.map(|props| parcel_value(ctx, props)).transpose()?,
        opening.depth,
    ))
}

/// The host's file has what the object had committed.
pub(crate) fn checkpointed(object: ObjectNumber, commit: u64, file: bool) {
    sqlite::checkpointed(object, commit, take_descriptor(file));
}

/// The descriptor that came with the frame in hand.
fn take_descriptor(expected: bool) -> Option<OwnedFd> {
    expected.then(|| {
        state::with(|state| state.descriptors.pop_front())
            .expect("the host sends a descriptor with a frame that tells of one")
    })
}

pub(crate) fn sleep(host: &Object<'_>, object: ObjectNumber) -> Result<()> {
    let sleeps =
        !sqlite::is_pending(object) && host.get::<_, Function<'_>>("sleep")?.call((object,))?;
    if sleeps {
        end(object, ASLEEP);
        state::send(&FromIsolate::Slept(object));
        state::with(|state| state.slept += 1);
    } else {
        state::send(&FromIsolate::Busy(object));
    }
    Ok(())
}

pub(crate) fn reset(host: &Object<'_>, object: ObjectNumber, reason: &str) -> Result<()> {
    end(object, reason);
    host.get::<_, Function<'_>>("reset")?
        .call::<_, ()>((object, reason))?;
    state::send(&FromIsolate::Slept(object));
    Ok(())
}

/// An object has failed, or ended itself. What it has written in this turn is lost, unless something has left since that
/// may tell of it.
pub(crate) fn broken(object: ObjectNumber, failure: Failure) {
    if state::with(|state| state.has_told)
        && let Some(ended) = sqlite::commit_now(object)
    {
        send_commit(ended);
    }
    end(object, &failure.message);
    state::send(&FromIsolate::Broken { object, failure });
}

/// An object is about to end itself, and the alarm that it is handling is not to ring again.
pub(crate) fn abandon_alarm(object: ObjectNumber) {
    let told = state::with(|state| state.has_told);
    if let Some(ended) = sqlite::abandon_alarm(object, told) {
        send_commit(ended);
    }
}

/// Forgets what belongs to an object.
fn end(object: ObjectNumber, reason: &str) {
    sqlite::close(object, reason);
    state::with(|state| state.object_events.retain(|_, of| *of != object));
}

/// Puts a commit on its way to the host, before everything else that the turn has sent or will send.
pub(crate) fn send_commit(ended: Ended) {
    let committed = match ended.outcome {
        Ok(committed) => committed,
        Err(why) => {
            sqlite::close(ended.object, &why);
            state::with(|state| state.lost.push((ended.object, why)));
            return;
        }
    };
    let alarm = committed.alarm.map(|alarm| match alarm {
        Some(at_ms) => AlarmChange::Set(at_ms),
        None => AlarmChange::Delete,
    });
    let last = committed.changes.len().saturating_sub(1);
    state::with(|state| {
        for (index, changes) in committed.changes.iter().enumerate() {
            let commit = Commit {
                object: ended.object,
                number: committed.number,
                page_count: committed.page_count,
                changes,
                alarm,
                more: index < last,
            };
            protocol::encode_into(&FromIsolate::Commit(commit), &mut state.commits);
        }
    });
}

/// Commits what the turn wrote. An object whose writes are lost ends, and what it has said in this turn does not leave.
/// False when that cannot be told from what others have said: then nothing leaves, and the isolate, which believes that
/// it has, must not go on.
pub(crate) fn end_turn<'js>(ctx: &Ctx<'js>, lose: impl FnOnce() -> Result<Function<'js>>) -> bool {
    state::with(State::end_cast);
    for ended in sqlite::end_turn() {
        send_commit(ended);
    }
    let lost = state::with(|state| std::mem::take(&mut state.lost));
    if lost.is_empty() {
        state::with(State::place_commits);
        return true;
    }
    let numbers: Vec<ObjectNumber> = lost.iter().map(|(object, _)| *object).collect();
    let known = state::with(|state| {
        let known = state.take_back_from(&numbers);
        state.place_commits();
        known
    });
    let told = lose().and_then(|lose| {
        lost.iter()
            .try_for_each(|(object, why)| lose.call((*object, why.as_str())))
    });
    for (object, message) in lost {
        let failure = Failure {
            kind: FailureKind::Reset,
            name: "Error".to_owned(),
            message,
            stack: String::new(),
        };
        state::with(|state| state.object_events.retain(|_, of| *of != object));
        state::send(&FromIsolate::Broken { object, failure });
    }
    if told.is_err() {
        drop(ctx.catch());
    }
    known && told.is_ok()
}

/// The turn was cut short. What it sent does not leave if it tells of what is not written.
pub(crate) fn give_up_turn() {
    let is_pending = sqlite::is_any_pending();
    state::with(|state| {
        state.end_cast();
        if is_pending || !state.lost.is_empty() {
            state.take_back();
        }
        state.place_commits();
    });
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
    state::with(|state| state.object_events.insert(id, object));
    match event {
        Event::Fetch { request, .. } => {
            let (kind, value, length) = body_value(ctx, &request.body)?;
            let headers = headers_value(ctx, &request.headers)?;
            let mut list = Args::new(ctx.clone(), 10);
            (object, id, request.method, request.url, headers).into_args(&mut list)?;
            (kind, value, length, request.cf, request.websocket).into_args(&mut list)?;
            host.get::<_, Function<'_>>("objectFetch")?.call_arg(list)
        }
        Event::Rpc { target, invocation } => {
            let export = match target {
                Target::Export(export) => Some(*export),
                Target::Object | Target::Entrypoint { .. } => None,
            };
            let arguments = invocation_value(ctx, invocation)?;
            host.get::<_, Function<'_>>("objectCall")?.call((
                object,
                id,
                export,
                invocation.path.clone(),
                arguments,
            ))
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
        Event::Facet { name, question } => host.get::<_, Function<'_>>("objectFacet")?.call((
            object,
            id,
            *name,
            f64::from(*question),
        )),
        Event::Socket { socket, part } => {
            let (kind, data, reason) = match *part {
                SocketPart::Text(text) => (0, text.into_js(ctx)?, ""),
                SocketPart::Binary(bytes) => {
                    let data = ArrayBuffer::new_copy(ctx.clone(), bytes)?;
                    (0, data.into_value(), "")
                }
                SocketPart::Close { code, reason } => (1, code.into_js(ctx)?, reason),
                SocketPart::Broken(reason) => (2, Value::new_undefined(ctx.clone()), reason),
                SocketPart::Refused(error) => (3, Value::new_undefined(ctx.clone()), error),
            };
            host.get::<_, Function<'_>>("objectSocket")?
                .call((object, id, *socket, kind, data, reason))
        }
        Event::Tail { traces, .. } => {
            let traces = traces_value(ctx, traces)?;
            host.get::<_, Function<'_>>("objectTail")?
                .call((object, id, traces))
        }
        Event::Scheduled { .. } | Event::Email { .. } | Event::Test { .. } => nobody_is_there(id),
    }
}

/// The sockets that the host keeps for an object that was just opened.
pub(crate) fn sockets<'js>(
    ctx: &Ctx<'js>,
    host: &Object<'js>,
    object: ObjectNumber,
    auto_response: Option<(&str, &str)>,
    sockets: &[KeptSocket<'_>],
) -> Result<()> {
    let function: Function<'_> = host.get("objectSockets")?;
    let (request, response) = auto_response.unzip();
    let list = Array::new(ctx.clone())?;
    for (index, socket) in sockets.iter().enumerate() {
        let attachment = socket
            .attachment
            .map(|bytes| TypedArray::<u8>::new_copy(ctx.clone(), bytes))
            .transpose()?;
        let entry = Array::new(ctx.clone())?;
        entry.set(0, socket.number)?;
        entry.set(1, socket.tags.clone())?;
        entry.set(2, attachment)?;
        entry.set(3, socket.answered_ms)?;
        entry.set(4, socket.closed)?;
        list.set(index, entry)?;
    }
    function.call((object, request, response, list))
}
