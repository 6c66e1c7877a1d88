//! `atoll:native/rpc`: calls of methods, their results, and the capabilities that they carry.

use protocol::limits::{MAX_RPC_BYTES, MAX_RPC_REFERENCES};
use protocol::{
    Call, Code, CodeLimits, CodeModule, Derive, FromIsolate, Invocation, ModuleKind, ObjectCall,
    Outbound, Parcel, Passed, Returned,
};
use rquickjs::function::Opt;
use rquickjs::{Array, Ctx, Exception, Function, Object, Result, Value};

use crate::native::bytes::Input;
use crate::native::io::send_call;
use crate::native::objects::read_32;
use crate::state::{self, send};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal => $function:expr),+ $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)+
        };
    }
    export! {
        "callRpc" => call_rpc,
        "callObject" => call_object,
        "returned" => returned,
        "thrown" => thrown,
        "release" => |capability: u32| send(&FromIsolate::Release(capability)),
        "deriveExport" => |capability: u32, id: u32, object: Option<u32>| {
            send(&FromIsolate::Derive(capability, Derive::Export { id, object }));
        },
        "deriveObject" => derive_object,
        "deriveEntrypoint" => derive_entrypoint,
        "deriveWorker" => derive_worker,
        "findWorker" => |call: u32, capability: u32, event: Option<u32>, name: String| {
            send_call(call, capability, event, Call::FindWorker(&name));
        },
        "loopback" => || state::with(|state| state.loopback),
    }
    Ok(exports)
}

/// What a value refers to, as JavaScript lists it: `[0, export, object | null]`, `[1, capability]`,
/// `[2, stream, length | -1]` or `[3, stream of the host]`.
fn passed(ctx: &Ctx<'_>, list: Option<Array<'_>>) -> Result<Vec<Passed>> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    if list.len() > MAX_RPC_REFERENCES {
        let message = format!(
            "An RPC message can refer to at most {MAX_RPC_REFERENCES} stubs and streams, and this one refers to {}.",
            list.len()
        );
        return Err(Exception::throw_range(ctx, &message));
    }
    let read = |entry: Result<Array<'_>>| {
        let entry = entry?;
        Ok(match entry.get::<u8>(0)? {
            0 => Passed::Export {
                id: entry.get(1)?,
                object: entry.get(2)?,
            },
            1 => Passed::Capability(entry.get(1)?),
            2 => {
                let length: f64 = entry.get(2)?;
                Passed::Stream {
                    id: entry.get(1)?,
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "lengths are whole and not negative here"
                    )]
                    length: (length >= 0.0).then_some(length as u64),
                }
            }
            _ => Passed::Forward(entry.get(1)?),
        })
    };
    list.iter::<Array<'_>>().map(read).collect()
}

pub(crate) fn parcel<'a>(
    ctx: &Ctx<'_>,
    value: &'a Input<'_>,
    refers: Option<Array<'_>>,
) -> Result<Parcel<'a, Passed>> {
    check_size(ctx, value.len())?;
    Ok(Parcel {
        refers: passed(ctx, refers)?,
        value,
    })
}

/// The arguments of a call; without them a property is read.
fn invocation<'a>(
    ctx: &Ctx<'_>,
    path: &'a [String],
    value: Option<&'a Input<'_>>,
    refers: Option<Array<'_>>,
) -> Result<Invocation<'a, Passed>> {
    check_size(ctx, path.iter().map(String::len).sum())?;
    Ok(Invocation {
        path: path.iter().map(String::as_str).collect(),
        arguments: value.map(|value| parcel(ctx, value, refers)).transpose()?,
    })
}

/// `callRpc(call, capability, event, path, bytes | undefined, refers)`.
fn call_rpc<'js>(
    ctx: Ctx<'js>,
    call: u32,
    capability: u32,
    event: Option<u32>,
    path: Vec<String>,
    value: Option<Input<'js>>,
    refers: Option<Array<'js>>,
) -> Result<()> {
    let invocation = invocation(&ctx, &path, value.as_ref(), refers)?;
    send_call(call, capability, event, Call::Rpc(invocation));
    Ok(())
}

/// `callObject(call, event, [capability, id, name], path, bytes | undefined, refers)`.
fn call_object<'js>(
    ctx: Ctx<'js>,
    call: u32,
    event: Option<u32>,
    object: Array<'js>,
    path: Vec<String>,
    value: Option<Input<'js>>,
    refers: Option<Array<'js>>,
) -> Result<()> {
    let invocation = invocation(&ctx, &path, value.as_ref(), refers)?;
    let name: Option<String> = object.get(2)?;
    let what = Call::Object {
        id: read_32(&ctx, &object.get(1)?)?,
        name: name.as_deref(),
        call: ObjectCall::Rpc(invocation),
    };
    send_call(call, object.get(0)?, event, what);
    Ok(())
}

pub(crate) fn check_size(ctx: &Ctx<'_>, length: usize) -> Result<()> {
    if length <= MAX_RPC_BYTES {
        return Ok(());
    }
    let message = format!(
        "Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: {length} bytes."
    );
    Err(Exception::throw_message(ctx, &message))
}

/// `returned(event, bytes, refers)`.
fn returned<'js>(
    ctx: Ctx<'js>,
    event: u32,
    value: Input<'js>,
    refers: Option<Array<'js>>,
) -> Result<()> {
    let parcel = parcel(&ctx, &value, refers)?;
    send(&FromIsolate::Return(event, Returned::Value(parcel)));
    Ok(())
}

/// `thrown(event, bytes)`.
fn thrown<'js>(ctx: Ctx<'js>, event: u32, value: Input<'js>) -> Result<()> {
    check_size(&ctx, value.len())?;
    send(&FromIsolate::Return(event, Returned::Thrown(&value)));
    Ok(())
}

/// `deriveObject(capability, namespace, id, name)`.
fn derive_object<'js>(
    ctx: Ctx<'js>,
    capability: u32,
    from: u32,
    id: Input<'js>,
    name: Option<String>,
) -> Result<()> {
    let id = read_32(&ctx, &id)?;
    let name = name.as_deref();
    send(&FromIsolate::Derive(
        capability,
        Derive::Object { from, id, name },
    ));
    Ok(())
}

/// Bounds as JavaScript gives them: `[cpuMs, subRequests, memoryMb, wallMs]`, each may be undefined.
pub(super) fn limits(list: Option<Array<'_>>) -> Result<CodeLimits> {
    let Some(list) = list else {
        return Ok(CodeLimits::default());
    };
    Ok(CodeLimits {
        cpu_ms: list.get(0)?,
        subrequests: list.get(1)?,
        memory_bytes: list
            .get::<Option<u32>>(2)?
            .map(|megabytes| u64::from(megabytes) << 20),
        wall_ms: list.get(3)?,
    })
}

/// `deriveWorker(capability, loader, id | undefined, code, env | undefined, refers)`; the code is
/// `[main, date, flags, modules, outbound, limits, tails]`, where a module is `[name, kind, content]` and the outbound undefined,
/// null or a capability.
fn derive_worker<'js>(
    ctx: Ctx<'js>,
    capability: u32,
    from: u32,
    id: Option<String>,
    code: Array<'js>,
    env: Option<Input<'js>>,
    refers: Option<Array<'js>>,
) -> Result<()> {
    let (main, date): (String, String) = (code.get(0)?, code.get(1)?);
    let flags: Vec<String> = code.get(2)?;
    let listed: Vec<Array<'js>> = code.get(3)?;
    let outbound: Value<'js> = code.get(4)?;
    let mut modules = Vec::with_capacity(listed.len());
    for module in &listed {
        let kind = match module.get::<String>(1)?.as_str() {
            "cjs" => ModuleKind::CommonJs,
            "text" => ModuleKind::Text,
            "data" => ModuleKind::Data,
            "json" => ModuleKind::Json,
            "wasm" => ModuleKind::Wasm,
            _ => ModuleKind::EsModule,
        };
        modules.push((module.get::<String>(0)?, kind, module.get::<Input<'js>>(2)?));
    }
    let env = env
        .as_ref()
        .map(|env| parcel(&ctx, env, refers))
        .transpose()?;
    let code = Code {
        main: &main,
        compatibility_date: &date,
        compatibility_flags: flags.iter().map(String::as_str).collect(),
        modules: modules
            .iter()
            .map(|(name, kind, content)| CodeModule {
                name,
                kind: *kind,
                content,
            })
            .collect(),
        env,
        outbound: match outbound.get::<Option<u32>>()? {
            Some(capability) => Outbound::Capability(capability),
            None if outbound.is_null() => Outbound::Nothing,
            None => Outbound::Inherit,
        },
        limits: limits(code.get(5)?)?,
        tails: code.get(6)?,
    };
    let id = id.as_deref();
    let code = Box::new(code);
    send(&FromIsolate::Derive(
        capability,
        Derive::Worker { from, id, code },
    ));
    Ok(())
}

/// `deriveEntrypoint(capability, worker, name, props | undefined, [refers, limits])`.
fn derive_entrypoint<'js>(
    ctx: Ctx<'js>,
    capability: u32,
    from: u32,
    name: Option<String>,
    props: Option<Input<'js>>,
    rest: Opt<Array<'js>>,
) -> Result<()> {
    // What the props refer to, and bounds.
    let refers: Option<Array<'js>> = rest
        .0
        .as_ref()
        .map(|rest| rest.get(0))
        .transpose()?
        .flatten();
    let narrower: Option<Array<'js>> = rest
        .0
        .as_ref()
        .map(|rest| rest.get(1))
        .transpose()?
        .flatten();
    let limits = limits(narrower)?;
    let props = props
        .as_ref()
        .map(|props| parcel(&ctx, props, refers))
        .transpose()?;
    let name = name.as_deref();
    send(&FromIsolate::Derive(
        capability,
        Derive::Entrypoint {
            from,
            name,
            props,
            limits,
        },
    ));
    Ok(())
}
