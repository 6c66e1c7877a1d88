//! One message to many sockets of an object: a client that is one thread and does little for each frame, since it is on the
//! cores that the server has.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use anyhow::{bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::objects::{connect, message};

/// Sockets that hear each message.
const SOCKETS: usize = 100;
/// Messages that each of them hears: so many that the few at which connections are still new are not the last hundredth.
const MESSAGES: usize = 1000;

/// The 99th percentile, in milliseconds, of the time from sending a message until a socket has it.
pub(crate) async fn measure(port: u16) -> anyhow::Result<f64> {
    let mut sockets = Vec::with_capacity(SOCKETS);
    for _ in 0..SOCKETS {
        let stream = connect(port, "/room").await?;
        sockets.push(TcpStream::from_std(stream.into_std()?));
    }
    let mut times = tokio::task::spawn_blocking(|| hear(sockets)).await??;
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() * 99 / 100])
}

/// Milliseconds of each message to each socket. The next one is sent when all have heard it.
fn hear(mut sockets: Vec<TcpStream>) -> anyhow::Result<Vec<f64>> {
    let mut poll = Poll::new()?;
    for (index, socket) in sockets.iter_mut().enumerate() {
        poll.registry()
            .register(socket, Token(index), Interest::READABLE)?;
    }
    let mut events = Events::with_capacity(SOCKETS);
    let mut times = Vec::with_capacity(MESSAGES * SOCKETS);
    let (message, mut frame) = (message(), [0; 64]);
    for round in 0..MESSAGES {
        let start = Instant::now();
        let sent = sockets[round % SOCKETS].write(&message)?;
        ensure!(sent == message.len(), "a message was not taken whole");
        let all = (round + 1) * SOCKETS;
        while times.len() < all {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match sockets[event.token().0].read(&mut frame) {
                    Ok(0) => bail!("a socket closed"),
                    Ok(34) if frame[..2] == [0x81, 32] => {}
                    Ok(_) => bail!("an unexpected frame"),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                    Err(error) => return Err(error.into()),
                }
                times.push(start.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    Ok(times)
}
