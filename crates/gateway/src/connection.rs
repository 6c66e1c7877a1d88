//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::access::Pending;
use crate::listener::{Current, Target};
use crate::options::{Limits, Options};
use crate::request::{self, Ends, Refusal, TOO_LARGE};
use crate::response::{self, InFlight, Outgoing};
use crate::socket::{self, Answer};
use crate::wire::{Activity, Wire};

/// What all connections of a listener share.
pub(crate) struct Server {
    options: Options,
    current: Current,
    address: SocketAddr,
    http: auto::Builder<TokioExecutor>,
    closing: watch::Receiver<bool>,
}

impl Server {
    pub(crate) fn new(
        options: Options,
        current: Current,
        address: SocketAddr,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let http = protocol_options(&options.limits);
        Self {
            options,
            current,
            address,
            http,
            closing,
        }
    }

    fn target(&self) -> Arc<Target> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn protocol_options(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    let mut http1 = http.http1();
    http1
        .max_buf_size(limits.head_bytes())
        // The time that a head may take is kept in `wire`, which can answer with a 408.
        .header_read_timeout(None);
    if limits.header_count != Limits::HEADERS_WITHOUT_ALLOCATION {
        http1.max_headers(limits.header_count);
    }
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .max_header_list_size(u32::try_from(limits.head_bytes()).unwrap_or(u32::MAX));
    http
}

/// What the requests of one connection share.
struct Connection {
    server: Arc<Server>,
    ends: Ends,
    activity: Arc<Activity>,
    permit: Arc<OwnedSemaphorePermit>,
}

/// Serves a connection until the client leaves, a timeout passes, or the listener closes.
pub(crate) async fn serve(
    server: Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
) {
    // Only a hint to the kernel: a connection works without it.
    let _ = stream.set_nodelay(true);
    let activity = Arc::new(Activity::new());
    let connection = Arc::new(Connection {
        ends: Ends::new(peer, server.address),
        server: server.clone(),
        activity: activity.clone(),
        permit: Arc::new(permit),
    });
    let service = service_fn(|request| answer(connection.clone(), request));
    let wire = TokioIo::new(Wire::new(stream, activity.clone()));
    let mut conversation =
        std::pin::pin!(server.http.serve_connection_with_upgrades(wire, service));

    let limits = &server.options.limits;
    let mut closing = server.closing.clone();
    let mut closed = std::pin::pin!(closing.wait_for(|closing| *closing));
    let first = limits.header_read_timeout.min(limits.idle_timeout);
    let mut alarm = std::pin::pin!(tokio::time::sleep(first));
    let mut winding_down = false;
    loop {
        tokio::select! {
            biased;
            // The client sees how it ended; there is nobody else to tell.
            _ = &mut conversation => return,
            _ = &mut closed, if !winding_down => {
                winding_down = true;
                conversation.as_mut().graceful_shutdown();
            }
            () = &mut alarm => {
                let left = activity.time_left(limits.header_read_timeout, limits.idle_timeout);
                if left.is_none() {
                    activity.time_out();
                }
                let next = left.unwrap_or(limits.header_read_timeout);
                alarm.as_mut().reset(tokio::time::Instant::now() + next);
            }
        }
    }
}

async fn answer(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Infallible> {
    let server = &connection.server;
    let mut in_flight = InFlight::new(connection.activity.clone());
    let target = server.target();
    if let Some(log) = &server.options.access_log {
        in_flight.record = Some(Pending::new(
            log.clone(),
            request.method().clone(),
            request.uri().path_and_query().map_or_else(
                || request.uri().to_string(),
                |path| path.as_str().to_owned(),
            ),
            target.name.clone(),
        ));
    }
    let method = request.method().clone();
    let answer = match respond(&connection, &target, request).await {
        Ok(answer) => answer,
        Err(refusal) => {
            connection.activity.linger();
            Answer::plain(refuse(&refusal))
        }
    };
    let (response, accept) = answer.into_parts();
    let mut response = response::finish(response, &method, in_flight);
    Answer::complete(accept, response.headers_mut());
    Ok(response)
}

fn refuse(refusal: &Refusal) -> host::Response {
    let mut response = response::text(refusal.status, refusal.text);
    if refusal.status == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().insert(
            header::SEC_WEBSOCKET_VERSION,
            HeaderValue::from_static(socket::VERSION),
        );
    }
    response
}

async fn respond(
    connection: &Connection,
    target: &Target,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let limits = &connection.server.options.limits;
    let (mut head, incoming) = request.into_parts();
    let wants_socket = request::wants_socket(&head);
    let handshake = match wants_socket {
        true => socket::Handshake::from_request(&mut head)?,
        false => socket::Handshake::default(),
    };
    request::prepare(&mut head, limits, &connection.ends, wants_socket)?;
    let (body, too_large) = request::bounded_body(incoming, limits)?;
    let result = target.fetcher.fetch(Request::from_parts(head, body)).await;
    if too_large.is_some_and(|passed| passed.load(Ordering::Acquire)) {
        return Err(TOO_LARGE);
    }
    let response = match result {
        Ok(response) => response,
        Err(error) => response::for_error(&error),
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Answer::plain(response));
    }
    Ok(handshake.accept(
        response,
        connection.permit.clone(),
        connection.server.closing.clone(),
        limits.socket_message_bytes,
    ))
}
