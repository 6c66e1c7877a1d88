//! `atoll:native/facets`: classes of Durable Objects, and the facets that objects have.

use protocol::limits::{MAX_FACET_ID_BYTES, MAX_LOG_BYTES};
use protocol::{Derive, FacetChange, FacetId, FacetStart, FromIsolate};
use rquickjs::{Array, Ctx, Exception, Function, Object, Result};

use crate::native::bytes::Input;
use crate::native::io::failure;
use crate::native::objects::read_32;
use crate::native::rpc::{limits, parcel};
use crate::state::send;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal => $function:expr),+ $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)+
        };
    }
    export! {
        "deriveClass" => derive_class,
        "deriveFacet" => |capability: u32, object: u32, name: String| {
            let name = name.as_str();
            send(&FromIsolate::Derive(capability, Derive::Facet { object, name }));
        },
        "startFacet" => start_facet,
        "failFacet" => |call: u32, name: String, message: String, stack: String| {
            let failure = failure("exception", name, message, stack);
            send(&FromIsolate::StartFacet(call, Err(failure)));
        },
        "abortFacet" => |object: u32, name: String, reason: String| {
            let reason = &reason[..reason.floor_char_boundary(MAX_LOG_BYTES)];
            let name = name.as_str();
            send(&FromIsolate::ChangeFacet { object, change: FacetChange::Abort { name, reason } });
        },
        "deleteFacet" => |object: u32, name: String| {
            let name = name.as_str();
            send(&FromIsolate::ChangeFacet { object, change: FacetChange::Delete { name } });
        },
        "deleteFacets" => |object: u32| {
            send(&FromIsolate::ChangeFacet { object, change: FacetChange::DeleteAll });
        },
        "cloneFacet" => |object: u32, from: String, to: String| {
            let (from, to) = (from.as_str(), to.as_str());
            send(&FromIsolate::ChangeFacet { object, change: FacetChange::Clone { from, to } });
        },
    }
    Ok(exports)
}

/// `deriveClass(capability, worker, name, props | undefined, [refers, limits])`.
fn derive_class<'js>(
    ctx: Ctx<'js>,
    capability: u32,
    from: u32,
    name: String,
    props: Option<Input<'js>>,
    rest: Array<'js>,
) -> Result<()> {
    let refers: Option<Array<'js>> = rest.get(0)?;
    let limits = limits(rest.get(1)?)?;
    let props = props
        .as_ref()
        .map(|props| parcel(&ctx, props, refers))
        .transpose()?;
    let derive = Derive::Class {
        from,
        name: &name,
        props,
        limits,
    };
    send(&FromIsolate::Derive(capability, derive));
    Ok(())
}

/// `startFacet(call, class, id | undefined, name | undefined, text | undefined)`.
fn start_facet<'js>(
    ctx: Ctx<'js>,
    call: u32,
    class: u32,
    id: Option<Input<'js>>,
    name: Option<String>,
    text: Option<String>,
) -> Result<()> {
    let id = match (&id, &text) {
        (Some(id), _) => FacetId::Object {
            id: read_32(&ctx, id)?,
            name: name.as_deref(),
        },
        (None, Some(text)) if text.len() <= MAX_FACET_ID_BYTES => FacetId::Text(text),
        _ => {
            let message =
                format!("A facet's id is a string of at most {MAX_FACET_ID_BYTES} bytes.");
            return Err(Exception::throw_type(&ctx, &message));
        }
    };
    send(&FromIsolate::StartFacet(call, Ok(FacetStart { class, id })));
    Ok(())
}
