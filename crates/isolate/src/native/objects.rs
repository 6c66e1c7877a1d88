//! `atoll:native/objects`: ids of Durable Objects, calls on them, and what they say of themselves.

use protocol::limits::MAX_OBJECT_NAME_BYTES;
use protocol::{
    Call, FromIsolate, JURISDICTIONS, ObjectCall, ObjectId, SocketPart, StorageCall, id_belongs,
    id_from_name, id_from_random, jurisdiction_of,
};
use rquickjs::{Array, Ctx, Exception, Function, Object, Result, TypedArray, Value};

use rand_core::Rng;

use crate::native::bytes::{Input, with_bytes};
use crate::native::casts;
use crate::native::io::{check_message, failure, send_call, with_request};
use crate::native::random::generator;
use crate::native::rpc::{check_size, parcel};
use crate::state::{self, cast, send};
use crate::{jobs, objects};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal => $function:expr),+ $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)+
        };
    }
    export! {
        "idFromName" => name_to_id,
        "uniqueId" => unique_id,
        "idFromHex" => hex_to_id,
        "hexOfId" => |ctx: Ctx<'js>, id: Input<'js>| Ok::<_, rquickjs::Error>(hex(&read_32(&ctx, &id)?)),
        "jurisdictionOf" => |ctx: Ctx<'js>, id: Input<'js>| {
            Ok::<_, rquickjs::Error>(jurisdiction_of(&read_32(&ctx, &id)?))
        },
        "jurisdictionNumber" => |name: String| JURISDICTIONS.iter().position(|known| *known == name),
        "fetchObject" => fetch_object,
        "broken" => |object: u32, kind: String, name: String, message: String, stack: String| {
            objects::broken(object, failure(&kind, name, message, stack));
        },
        "abandonAlarm" => |object: u32| objects::abandon_alarm(object),
        "callStorage" => call_storage,
        "acceptSocket" => accept_socket,
        "castBytes" => cast_bytes,
        "closeSocket" => |object: u32, socket: u32, code: Option<u16>, reason: String| {
            let part = SocketPart::Close { code, reason: &reason };
            send(&FromIsolate::Cast { object, sockets: vec![socket], part });
        },
        "attachSocket" => |object: u32, socket: u32, attachment: Input<'js>| {
            send(&FromIsolate::Attach { object, socket, attachment: &attachment });
        },
        "autoResponse" => |object: u32, request: Option<String>, response: Option<String>| {
            let pair = request.as_deref().zip(response.as_deref());
            send(&FromIsolate::AutoResponse { object, pair });
        },
        "turn" => turn,
        "hasJobs" => |ctx: Ctx<'js>| jobs::are_pending(&ctx),
        "arrived" => |id: u32, object: u32, caller: Option<u32>| {
            send(&FromIsolate::Arrived { id, object, caller });
        },
        "forgetEvent" => |event: u32| state::with(|state| state.forget_event(event)),
        "passOn" => pass_on,
        "checkSize" => |ctx: Ctx<'js>, bytes: usize| check_size(&ctx, bytes),
    }
    casts::export(ctx, &exports)?;
    Ok(exports)
}

pub(crate) fn read_32(ctx: &Ctx<'_>, bytes: &Input<'_>) -> Result<[u8; 32]> {
    (**bytes)
        .try_into()
        .map_err(|_| Exception::throw_type(ctx, "not an id"))
}

fn id_value<'js>(ctx: &Ctx<'js>, id: ObjectId) -> Result<TypedArray<'js, u8>> {
    TypedArray::new_copy(ctx.clone(), id)
}

fn hex(id: &ObjectId) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut text = String::with_capacity(64);
    for byte in id {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

/// `turn(event, object | undefined, lose)`: what follows is a turn of its own, for this event; with an object, one that
/// begins there. Returns false when nothing may follow. `lose(object, reason)` is called for objects whose writes of the
/// turn so far are lost.
fn turn<'js>(ctx: Ctx<'js>, event: u32, object: Option<u32>, lose: Function<'js>) -> bool {
    let goes_on = objects::end_turn(&ctx, || Ok(lose));
    state::with(|state| {
        state.charge();
        if !goes_on {
            state.condemned = true;
            return;
        }
        state.begin_turn();
        if let Some(object) = object {
            state.event_cpu_us.insert(event, 0);
            state.object_events.insert(event, object);
        }
        state.allow(Some(event), state.cpu_ms);
    });
    goes_on
}

/// `passOn(call, caller, object, bytes, refers)`: what a call inside the isolate gave, which refers to something.
fn pass_on<'js>(
    ctx: Ctx<'js>,
    call: u32,
    caller: u32,
    object: u32,
    value: Input<'js>,
    refers: Option<Array<'js>>,
) -> Result<()> {
    let value = parcel(&ctx, &value, refers)?;
    state::with(|state| state.calls.insert(call, caller));
    send(&FromIsolate::PassOn {
        call,
        object,
        value,
    });
    Ok(())
}

/// `idFromName(key, name, jurisdiction | undefined)`.
fn name_to_id<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    name: String,
    jurisdiction: Option<u8>,
) -> Result<TypedArray<'js, u8>> {
    if name.len() > MAX_OBJECT_NAME_BYTES {
        let message = format!("Durable Object name is longer than {MAX_OBJECT_NAME_BYTES} bytes.");
        return Err(Exception::throw_type(&ctx, &message));
    }
    id_value(
        &ctx,
        id_from_name(&read_32(&ctx, &key)?, &name, jurisdiction),
    )
}

/// `uniqueId(key, jurisdiction | undefined)`.
fn unique_id<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    jurisdiction: Option<u8>,
) -> Result<TypedArray<'js, u8>> {
    let mut random = [0; 16];
    generator(&ctx)?.fill_bytes(&mut random);
    id_value(
        &ctx,
        id_from_random(&read_32(&ctx, &key)?, random, jurisdiction),
    )
}

/// `idFromHex(key, text)`: the id, or why the text is none.
fn hex_to_id<'js>(ctx: Ctx<'js>, key: Input<'js>, text: String) -> Result<Value<'js>> {
    let key = read_32(&ctx, &key)?;
    let mut id = [0; 32];
    let digits = text.as_bytes();
    let is_hex = digits.len() == 64
        && digits.chunks_exact(2).zip(&mut id).all(|(pair, byte)| {
            let value = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|pair| u8::from_str_radix(pair, 16).ok());
            value.map(|value| *byte = value).is_some()
        });
    let complaint = if !is_hex {
        "Invalid Durable Object ID: must be 64 hex digits"
    } else if !id_belongs(&key, &id) {
        "Durable Object ID is not valid for this namespace."
    } else {
        return Ok(id_value(&ctx, id)?.into_value());
    };
    rquickjs::String::from_str(ctx, complaint).map(rquickjs::String::into_value)
}

/// `fetchObject(call, capability, event, id, name, wire request)`.
fn fetch_object<'js>(
    ctx: Ctx<'js>,
    call: u32,
    capability: u32,
    event: Option<u32>,
    id: Input<'js>,
    name: Option<String>,
    wire: Object<'js>,
) -> Result<()> {
    let id = read_32(&ctx, &id)?;
    let name = name.as_deref();
    with_request(&ctx, &wire, |request| {
        let what = Call::Object {
            id,
            name,
            call: ObjectCall::Fetch(request),
        };
        send_call(call, capability, event, what);
        Ok(())
    })
}

/// `acceptSocket(object, end, socket, tags, attachment | undefined)`.
fn accept_socket<'js>(
    object: u32,
    end: u32,
    socket: u32,
    tags: Vec<String>,
    attachment: Option<TypedArray<'js, u8>>,
) {
    let accept = |attachment: Option<&[u8]>| {
        send(&FromIsolate::Accept {
            object,
            end,
            socket,
            tags: tags.iter().map(String::as_str).collect(),
            attachment,
        });
    };
    match attachment {
        Some(attachment) => with_bytes(&attachment, |bytes| accept(Some(bytes))),
        None => accept(None),
    }
}

/// `castBytes(object, socket, Uint8Array)`.
fn cast_bytes<'js>(
    ctx: Ctx<'js>,
    object: u32,
    socket: u32,
    data: TypedArray<'js, u8>,
) -> Result<()> {
    check_message(&ctx, data.len())?;
    with_bytes(&data, |bytes| cast(object, socket, false, bytes));
    Ok(())
}

/// `callStorage(call, object, event, what, argument)` with `bookmark`, `bookmarkForTime` or
/// `restoreOnNextSession`.
fn call_storage<'js>(
    ctx: Ctx<'js>,
    id: u32,
    object: u32,
    event: Option<u32>,
    what: String,
    argument: Value<'js>,
) -> Result<()> {
    let text;
    let call = match what.as_str() {
        "bookmark" => StorageCall::Bookmark,
        "bookmarkForTime" => StorageCall::BookmarkForTime(argument.as_number().unwrap_or(f64::NAN)),
        "restoreOnNextSession" => {
            text = argument
                .as_string()
                .map(rquickjs::String::to_string)
                .transpose()?
                .unwrap_or_default();
            StorageCall::RestoreOnNextSession(&text)
        }
        _ => return Err(Exception::throw_type(&ctx, "no such question")),
    };
    send(&FromIsolate::StorageCall {
        id,
        object,
        event,
        call,
    });
    Ok(())
}
