//! Calls of methods: from the host's frames to `js/rpc/`.

use protocol::{EventId, Given, Invocation, Target};
use rquickjs::{Ctx, Function, Object, Result};

use crate::objects;
use crate::values::{invocation_value, parcel_value};

/// A method of an entrypoint, or of what this isolate has given away.
pub(crate) fn deliver<'js>(
    ctx: &Ctx<'js>,
    host: &Object<'js>,
    id: EventId,
    target: &Target<'_>,
    invocation: &Invocation<'_, Given>,
) -> Result<()> {
    let path = invocation.path.clone();
    let arguments = invocation_value(ctx, invocation)?;
    match target {
        Target::Entrypoint { name, props } => {
            let props = props.as_ref().map(|props| parcel_value(ctx, props));
            host.get::<_, Function<'js>>("entrypointCall")?.call((
                id,
                *name,
                props.transpose()?,
                path,
                arguments,
            ))
        }
        Target::Export(export) => host
            .get::<_, Function<'js>>("exportCall")?
            .call((id, *export, path, arguments)),
        Target::Object => objects::nobody_is_there(id),
    }
}
