//! Bounds on the time until an answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::Failure;
use tokio::sync::oneshot;

use crate::fetcher::{FetchError, Response};
use crate::link::{Link, lost};
use crate::parcel::Returns;

/// Ends a worker that took too long. Gives what its callers see.
pub(crate) fn end_late(link: &Link, wall_ms: u32, began: Instant) -> FetchError {
    let failure = Failure::over_wall_time(wall_ms, began.elapsed());
    link.kill_for(failure.clone());
    FetchError::Worker(failure)
}

/// Ends the worker unless it answers in time.
pub(crate) fn answer_in_time(
    link: &Arc<Link>,
    wall_ms: u32,
    respond: oneshot::Sender<Result<Response, FetchError>>,
) -> oneshot::Sender<Result<Response, FetchError>> {
    let (sender, receiver) = oneshot::channel();
    let limit = Duration::from_millis(u64::from(wall_ms));
    let (link, began) = (Arc::downgrade(link), Instant::now());
    tokio::spawn(async move {
        let answer = match tokio::time::timeout(limit, receiver).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(lost())),
            Err(_) => Err(link
                .upgrade()
                .map_or_else(lost, |link| end_late(&link, wall_ms, began))),
        };
        // Who asked may be gone.
        drop(respond.send(answer));
    });
    sender
}

/// Ends the worker unless the call returns in time.
pub(crate) fn in_time(link: &Arc<Link>, wall_ms: u32, returns: Returns) -> Returns {
    let limit = Duration::from_millis(u64::from(wall_ms));
    let (link, began) = (Arc::downgrade(link), Instant::now());
    let timer = tokio::spawn(async move {
        tokio::time::sleep(limit).await;
        if let Some(link) = link.upgrade() {
            end_late(&link, wall_ms, began);
        }
    });
    Returns::new(move |outcome| {
        timer.abort();
        returns.call(outcome);
    })
}
