//! The engine's job queue, one job at a time.
#![expect(
    unsafe_code,
    reason = "one job at a time is run through the engine's own functions"
)]

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Error, Function, Object, Persistent, Promise, Result, Runtime, qjs};

use crate::async_context;

/// Jobs after which an import that was stopped need not be waited for any longer.
const MAX_JOBS_OF_IMPORT: usize = 64;

/// Runs the next job, if there is one, with no async context of its own. What it throws is left in the engine.
pub(crate) fn run_next(ctx: &Ctx<'_>) -> Result<()> {
    async_context::clear(ctx);
    let mut job_context = std::ptr::null_mut();
    // SAFETY: the runtime is alive, and locked as the context is; the context that it reports is the only one there is.
    let result = unsafe {
        qjs::JS_ExecutePendingJob(
            qjs::JS_GetRuntime(ctx.as_raw().as_ptr()),
            &raw mut job_context,
        )
    };
    if result < 0 {
        return Err(Error::Exception);
    }
    Ok(())
}

/// Lets an import whose module was stopped find out, which takes the engine a few jobs: its promise alone knows where
/// that was. Code of the program that is among them is stopped again within moments.
pub(crate) fn tell_import(ctx: &Ctx<'_>, import: &Promise<'_>) {
    for _ in 0..MAX_JOBS_OF_IMPORT {
        if import.state() != PromiseState::Pending {
            return;
        }
        if run_next(ctx).is_err() {
            drop(ctx.catch());
        }
    }
}

/// Has rejections that nobody handles told.
pub(crate) fn track_rejections(runtime: &Runtime, host: &Persistent<Object<'static>>) {
    let host = host.clone();
    runtime.set_host_promise_rejection_tracker(Some(Box::new(
        move |ctx, promise, reason, handled| {
            let tell = || -> Result<()> {
                let host = host.clone().restore(&ctx)?;
                host.get::<_, Function<'_>>("rejection")?
                    .call((promise, reason, handled))
            };
            if tell().is_err() {
                // An exception here would surface in whatever code happens to run.
                drop(ctx.catch());
            }
        },
    )));
}

/// Whether any job waits.
pub(crate) fn are_pending(ctx: &Ctx<'_>) -> bool {
    // SAFETY: the runtime is alive, and locked as the context is.
    unsafe { qjs::JS_IsJobPending(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) }
}
