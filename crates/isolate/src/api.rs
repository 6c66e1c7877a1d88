//! The way into the Workers API, which is itself JavaScript.

use protocol::Failure;
use rquickjs::{Ctx, Function, Module, Object, Persistent, Result};

use crate::failure::caught;
use crate::json;
use crate::modules::MAIN;

/// The host's functions: all of them, `fetch` and `drained`.
pub(crate) type Api = (
    Persistent<Object<'static>>,
    Persistent<Function<'static>>,
    Persistent<Function<'static>>,
);

/// Loads the API into a new context.
pub(crate) fn load_api(ctx: &Ctx<'_>) -> std::result::Result<Api, Failure> {
    let load = || -> Result<Api> {
        json::install(ctx)?;
        let promise = Module::import(ctx, MAIN)?;
        while ctx.execute_pending_job() {}
        let namespace: Object<'_> = promise.finish()?;
        let host: Object<'_> = namespace.get("host")?;
        let fetch: Function<'_> = host.get("fetch")?;
        let drained: Function<'_> = host.get("drained")?;
        Ok((
            Persistent::save(ctx, host),
            Persistent::save(ctx, fetch),
            Persistent::save(ctx, drained),
        ))
    };
    load().map_err(|error| caught(ctx, error, false))
}
