//! A gateway on a free port in front of a function.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use gateway::{Gateway, Handle, Options, Target};
use host::{Body, FetchError, Fetcher, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Function<F>(pub(crate) F);

impl<F, R> Fetcher for Function<F>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response, FetchError>> + Send + 'static,
{
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin((self.0)(request))
    }
}

pub(crate) fn fetcher<F, R>(function: F) -> Arc<dyn Fetcher>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response, FetchError>> + Send + 'static,
{
    Arc::new(Function(function))
}

pub(crate) fn target(fetcher: Arc<dyn Fetcher>) -> Target {
    Target {
        name: "test".into(),
        fetcher,
    }
}

pub(crate) fn options() -> Options {
    Options::new("127.0.0.1:0".parse().unwrap())
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(options: Options, fetcher: Arc<dyn Fetcher>) -> Self {
        let gateway = Gateway::bind(options, target(fetcher)).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        Self {
            address: gateway.address(),
            handle: gateway.handle(),
            stop: Some(stop),
            task: tokio::spawn(gateway.run(async {
                let _ = stopped.await;
            })),
        }
    }

    /// Sends these bytes and reads until the server closes.
    pub(crate) async fn talk(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

pub(crate) fn text(text: impl Into<String>) -> Result<Response, FetchError> {
    Ok(Response::new(Body::full(text.into())))
}

/// Status line and body of an answer.
pub(crate) fn status_and_body(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.lines().next().unwrap_or_default(), body)
}
