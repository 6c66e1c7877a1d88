//! Events of other workers that are over, as `js/trace.js` takes them.

use protocol::{EventId, Given, LogLevel, Outcome, Parcel, Trace, TraceEvent, TraceSocket};
use rquickjs::{Array, Ctx, Function, Object, Result};

use crate::values::{headers_value, parcel_value};

/// Tells a worker that follows others of what they did.
pub(crate) fn deliver<'js>(
    ctx: &Ctx<'js>,
    host: &Object<'js>,
    id: EventId,
    entrypoint: Option<&str>,
    props: Option<&Parcel<'_, Given>>,
    traces: &[Trace<'_>],
) -> Result<()> {
    let props = props.map(|props| parcel_value(ctx, props)).transpose()?;
    let traces = traces_value(ctx, traces)?;
    host.get::<_, Function<'js>>("tail")?
        .call((id, entrypoint, props, traces))
}

pub(crate) fn traces_value<'js>(ctx: &Ctx<'js>, traces: &[Trace<'_>]) -> Result<Array<'js>> {
    let list = Array::new(ctx.clone())?;
    for (index, trace) in traces.iter().enumerate() {
        list.set(index, trace_value(ctx, trace)?)?;
    }
    Ok(list)
}

fn trace_value<'js>(ctx: &Ctx<'js>, trace: &Trace<'_>) -> Result<Object<'js>> {
    let value = Object::new(ctx.clone())?;
    value.set("script", trace.script)?;
    value.set("entrypoint", trace.entrypoint)?;
    value.set("object", trace.object.as_deref())?;
    value.set("event", event_value(ctx, &trace.event)?)?;
    value.set("at", trace.at_ms)?;
    value.set(
        "outcome",
        match trace.outcome {
            Outcome::Ok => "ok",
            Outcome::Exception => "exception",
            Outcome::ExceededCpu => "exceededCpu",
            Outcome::ExceededMemory => "exceededMemory",
            Outcome::ExceededWallTime => "exceededWallTime",
            Outcome::Canceled => "canceled",
            Outcome::Unknown => "unknown",
        },
    )?;
    let logs = Array::new(ctx.clone())?;
    for (index, log) in trace.logs.iter().enumerate() {
        let entry = Array::new(ctx.clone())?;
        entry.set(0, log.at_ms)?;
        entry.set(
            1,
            match log.level {
                LogLevel::Debug => "debug",
                LogLevel::Info => "info",
                LogLevel::Log => "log",
                LogLevel::Warn => "warn",
                LogLevel::Error => "error",
            },
        )?;
        entry.set(2, log.message)?;
        logs.set(index, entry)?;
    }
    value.set("logs", logs)?;
    let exceptions = Array::new(ctx.clone())?;
    for (index, (at_ms, failure)) in trace.exceptions.iter().enumerate() {
        let entry = Array::new(ctx.clone())?;
        entry.set(0, *at_ms)?;
        entry.set(1, failure.name.as_str())?;
        entry.set(2, failure.message.as_str())?;
        entry.set(3, failure.stack.as_str())?;
        exceptions.set(index, entry)?;
    }
    value.set("exceptions", exceptions)?;
    value.set("cpuTime", trace.cpu_ms)?;
    value.set("wallTime", trace.wall_ms)?;
    value.set("truncated", trace.truncated)?;
    Ok(value)
}

/// Its kind, and what there is to say of it.
fn event_value<'js>(ctx: &Ctx<'js>, event: &TraceEvent<'_>) -> Result<Array<'js>> {
    let value = Array::new(ctx.clone())?;
    match event {
        TraceEvent::Fetch {
            method,
            url,
            headers,
            cf,
            status,
        } => {
            value.set(0, "fetch")?;
            value.set(1, *method)?;
            value.set(2, *url)?;
            value.set(3, headers_value(ctx, headers)?)?;
            value.set(4, *cf)?;
            value.set(5, *status)?;
        }
        TraceEvent::Rpc { method } => {
            value.set(0, "rpc")?;
            value.set(1, *method)?;
        }
        TraceEvent::Alarm { scheduled_ms } => {
            value.set(0, "alarm")?;
            value.set(1, *scheduled_ms)?;
        }
        TraceEvent::Scheduled { cron, scheduled_ms } => {
            value.set(0, "scheduled")?;
            value.set(1, *cron)?;
            value.set(2, *scheduled_ms)?;
        }
        TraceEvent::Email { from, to, size } => {
            value.set(0, "email")?;
            value.set(1, *from)?;
            value.set(2, *to)?;
            value.set(3, *size as f64)?;
        }
        TraceEvent::Socket(what) => {
            value.set(0, "socket")?;
            match what {
                TraceSocket::Message => value.set(1, "message")?,
                TraceSocket::Close(code) => {
                    value.set(1, "close")?;
                    value.set(2, *code)?;
                }
                TraceSocket::Error => value.set(1, "error")?,
            }
        }
        TraceEvent::Tail { script } => {
            value.set(0, "tail")?;
            value.set(1, *script)?;
        }
    }
    Ok(value)
}
