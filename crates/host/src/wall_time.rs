//! Bounds on the time until an answer.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Failure, FailureKind};
use tokio::sync::oneshot;

use crate::fetcher::{FetchError, Response};
use crate::link::{Link, lost};
use crate::parcel::Returns;

/// What callers see of a worker that took too long.
pub(crate) fn over_time(wall_ms: u32) -> Failure {
    Failure {
        kind: FailureKind::Cpu,
        name: "Error".to_owned(),
        message: format!("Worker exceeded wall time limit ({wall_ms} ms)."),
        stack: String::new(),
    }
}

/// Ends the worker unless it answers in time.
pub(crate) fn answer_in_time(
    link: &Arc<Link>,
    wall_ms: u32,
    respond: oneshot::Sender<Result<Response, FetchError>>,
) -> oneshot::Sender<Result<Response, FetchError>> {
    let (sender, receiver) = oneshot::channel();
    let limit = Duration::from_millis(u64::from(wall_ms));
    let link = Arc::downgrade(link);
    tokio::spawn(async move {
        let answer = match tokio::time::timeout(limit, receiver).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(lost())),
            Err(_) => {
                if let Some(link) = link.upgrade() {
                    link.kill_for(over_time(wall_ms));
                }
                Err(FetchError::Worker(over_time(wall_ms)))
            }
        };
        // Who asked may be gone.
        drop(respond.send(answer));
    });
    sender
}

/// Ends the worker unless the call returns in time.
pub(crate) fn in_time(link: &Arc<Link>, wall_ms: u32, returns: Returns) -> Returns {
    let limit = Duration::from_millis(u64::from(wall_ms));
    let link = Arc::downgrade(link);
    let timer = tokio::spawn(async move {
        tokio::time::sleep(limit).await;
        if let Some(link) = link.upgrade() {
            link.kill_for(over_time(wall_ms));
        }
    });
    Returns::new(move |outcome| {
        timer.abort();
        returns.call(outcome);
    })
}
