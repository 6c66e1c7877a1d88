//! What the host says to an isolate, handed to the JavaScript that deals with it.

use protocol::{Event, EventId, Flow, StreamPart, ToIsolate};
use rquickjs::function::{Args, IntoArgs};
use rquickjs::{ArrayBuffer, Ctx, Result};

use crate::clone::Engine;
use crate::isolate::Isolate;
use crate::native::moulds;
use crate::values::{body_value, error_value, parcel_value, reply_value};
use crate::{async_context, objects, rpc, sockets, state, traces};

impl Isolate {
    pub(crate) fn deliver(&self, ctx: &Ctx<'_>, message: ToIsolate<'_>) -> Result<()> {
        async_context::clear(ctx);
        let host = || self.host.clone().restore(ctx);
        let function = |name: &str| self.function(ctx, name);
        match message {
            ToIsolate::Evaluate(..) | ToIsolate::Read(_) => Ok(()),
            ToIsolate::Start { seed, now_ms } => {
                state::with(|state| {
                    state.now_ms = now_ms;
                    state.global_scope = false;
                });
                crate::native::random::reseed(seed);
                Ok(())
            }
            ToIsolate::Event {
                id,
                now_ms,
                object,
                bounds: _,
                event,
            } => {
                set_now(now_ms);
                match object {
                    None => self.deliver_event(ctx, id, &event),
                    Some(object) => objects::deliver_event(ctx, &host()?, object, id, &event),
                }
            }
            ToIsolate::Open(opening) => objects::open(ctx, &host()?, &opening),
            ToIsolate::Sockets {
                object,
                auto_response,
                sockets,
            } => objects::sockets(ctx, &host()?, object, auto_response, &sockets),
            ToIsolate::Answered {
                object,
                socket,
                at_ms,
            } => function("objectAnswered")?.call((object, socket, at_ms)),
            ToIsolate::Checkpointed {
                object,
                commit,
                file,
            } => {
                objects::checkpointed(object, commit, file);
                Ok(())
            }
            ToIsolate::Sleep(object) => objects::sleep(&host()?, object),
            ToIsolate::Reset { object, reason } => objects::reset(&host()?, object, reason),
            ToIsolate::Release(export) => function("released")?.call((export,)),
            ToIsolate::StartFacet(call) => function("startFacet")?.call((call,)),
            ToIsolate::CancelEvent(id, now_ms) => {
                set_now(now_ms);
                function("cancelEvent")?.call((id,))
            }
            ToIsolate::Result {
                call,
                now_ms,
                result,
            } => {
                set_now(now_ms);
                match result {
                    Ok(reply) => function("reply")?.call((call, reply_value(ctx, &reply)?)),
                    Err(error) => function("fail")?.call((call, error_value(ctx, &error)?)),
                }
            }
            ToIsolate::Stream(stream, now_ms, part) => {
                set_now(now_ms);
                match part {
                    StreamPart::Data(bytes) => {
                        let bytes = ArrayBuffer::new_copy(ctx.clone(), bytes)?;
                        function("streamData")?.call((stream, bytes))
                    }
                    StreamPart::End => function("streamEnd")?.call((stream,)),
                    StreamPart::Abort(reason) => function("streamAbort")?.call((stream, reason)),
                }
            }
            ToIsolate::Flow(stream, now_ms, flow) => {
                set_now(now_ms);
                match flow {
                    Flow::Grant(bytes) => function("granted")?.call((stream, bytes)),
                    Flow::Cancel => function("canceled")?.call((stream,)),
                }
            }
            ToIsolate::Socket(socket, now_ms, part) => {
                set_now(now_ms);
                sockets::deliver(ctx, &host()?, socket, &part)
            }
            ToIsolate::Tick { now_ms } => {
                set_now(now_ms);
                function("tick")?.call(())
            }
        }
    }

    fn deliver_event<'js>(&self, ctx: &Ctx<'js>, id: EventId, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Fetch {
                entrypoint,
                props,
                request,
            } => {
                let engine = Engine::bare(ctx.as_raw().as_ptr());
                let (kind, value, length) = body_value(ctx, &request.body)?;
                let made = moulds::incoming(&engine, ctx, id, request)?;
                let mut list = Args::new(ctx.clone(), 8);
                for value in [made.event, made.request, made.execution] {
                    list.push_arg(value.into_value(ctx))?;
                }
                (*entrypoint, kind, value, length).into_args(&mut list)?;
                if let Some(props) = props {
                    list.push_arg(parcel_value(ctx, props)?)?;
                }
                self.fetch.clone().restore(ctx)?.call_arg(list)
            }
            Event::Scheduled {
                entrypoint,
                cron,
                scheduled_ms,
            } => self
                .function(ctx, "scheduled")?
                .call((id, *entrypoint, *cron, *scheduled_ms)),
            Event::Email { from, to, raw } => {
                let raw = ArrayBuffer::new_copy(ctx.clone(), raw)?;
                self.function(ctx, "email")?.call((id, *from, *to, raw))
            }
            Event::Test { entrypoint } => self.function(ctx, "test")?.call((id, *entrypoint)),
            Event::Tail {
                entrypoint,
                props,
                traces,
            } => {
                let host = self.host.clone().restore(ctx)?;
                traces::deliver(ctx, &host, id, *entrypoint, props.as_ref(), traces)
            }
            Event::Rpc { target, invocation } => rpc::deliver(
                ctx,
                &self.host.clone().restore(ctx)?,
                id,
                target,
                invocation,
            ),
            Event::Alarm { .. } | Event::Facet { .. } | Event::Socket { .. } => {
                objects::nobody_is_there(id)
            }
        }
    }
}

fn set_now(now_ms: f64) {
    state::with(|state| state.now_ms = now_ms);
}
