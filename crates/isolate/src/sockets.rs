//! What arrives on WebSockets, from frames to `js/io.js`.

use protocol::{SocketPart, SocketRef};
use rquickjs::{ArrayBuffer, Ctx, Function, Object, Result};

pub(crate) fn deliver<'js>(
    ctx: &Ctx<'js>,
    host: &Object<'js>,
    socket: SocketRef,
    part: &SocketPart<'_>,
) -> Result<()> {
    let function = |name: &str| host.get::<_, Function<'js>>(name);
    let (of_host, id) = match socket {
        SocketRef::Host(id) => (true, id),
        SocketRef::Isolate(id) => (false, id),
    };
    match *part {
        SocketPart::Text(text) => function("socketMessage")?.call((of_host, id, text)),
        SocketPart::Binary(bytes) => {
            let buffer = ArrayBuffer::new_copy(ctx.clone(), bytes)?;
            function("socketMessage")?.call((of_host, id, buffer))
        }
        SocketPart::Close { code, reason } => {
            function("socketClose")?.call((of_host, id, code, reason))
        }
        SocketPart::Broken(message) => function("socketBroken")?.call((of_host, id, message)),
        SocketPart::Refused(error) => function("socketRefused")?.call((of_host, id, error)),
    }
}
