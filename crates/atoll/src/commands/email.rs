//! Mail that a developer sends to a worker: `/cdn-cgi/handler/email?from=&to=`, as wrangler has it.

use base64ct::{Base64, Encoding as _};
use host::{Body, FetchError, Request, Response, Worker};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use services::mail::{MAX_MESSAGE_BYTES, Mailbox};

use super::dev::parameter;

/// What a handler did with a message.
#[derive(Deserialize)]
struct Outcome {
    rejected: Option<String>,
    #[serde(default)]
    forwarded: Vec<Forwarded>,
    replied: Option<Reply>,
}

#[derive(Deserialize)]
struct Forwarded {
    to: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Reply {
    from: String,
    to: String,
    lead: String,
    raw: String,
}

fn answer(status: StatusCode, text: impl Into<String>) -> Response {
    let mut response = Response::new(Body::full(text.into()));
    *response.status_mut() = status;
    response
}

fn broken(error: impl std::fmt::Display) -> FetchError {
    FetchError::Refused(format!(
        "what the handler did with the message is lost: {error}"
    ))
}

/// Hands a message to the worker, and writes down what it forwards and replies.
pub(super) async fn receive(
    worker: &Worker,
    mailbox: &Mailbox,
    request: Request,
) -> Result<Response, FetchError> {
    let refused = |text: &str| Ok(answer(StatusCode::BAD_REQUEST, text));
    if request.method() != Method::POST {
        return Ok(answer(
            StatusCode::METHOD_NOT_ALLOWED,
            "A message is sent with POST\n",
        ));
    }
    let query = request.uri().query().unwrap_or_default();
    let (Some(from), Some(to)) = (parameter(query, "from"), parameter(query, "to")) else {
        return refused(
            "Invalid email. Your request must include URL parameters specifying the `from` and `to` addresses\n",
        );
    };
    let body = Limited::new(request.into_body(), MAX_MESSAGE_BYTES);
    let Ok(raw) = body.collect().await else {
        return refused("Invalid email. It is longer than 25 MiB\n");
    };
    let raw = raw.to_bytes();
    if raw.is_empty() {
        return refused("Invalid email. Your request must include a body\n");
    }
    let response = worker.email(&from, &to, &raw).await?;
    let told = response.into_body().collect().await.map_err(broken)?;
    let outcome: Outcome = serde_json::from_slice(&told.to_bytes()).map_err(broken)?;
    for Forwarded { to, headers } in outcome.forwarded {
        let mut message = Vec::new();
        for (name, value) in headers {
            message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        message.extend_from_slice(&raw);
        let kept = mailbox.keep(&from, &[&to], message).await;
        kept.map_err(broken)?;
    }
    if let Some(reply) = outcome.replied {
        let mut message = reply.lead.into_bytes();
        message.extend(Base64::decode_vec(&reply.raw).map_err(broken)?);
        let kept = mailbox.keep(&reply.from, &[&reply.to], message).await;
        kept.map_err(broken)?;
    }
    Ok(match outcome.rejected {
        Some(reason) => answer(
            StatusCode::BAD_REQUEST,
            format!("Worker rejected email with the following reason: {reason}"),
        ),
        None => answer(StatusCode::OK, "Worker successfully processed email"),
    })
}
