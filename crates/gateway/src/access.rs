//! The access log, as values.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

/// Is called once for every answered request, when the last byte of its response was handed to the connection or the
/// client left.
pub type AccessLog = Arc<dyn Fn(AccessRecord) + Send + Sync>;

/// One answered request.
#[derive(Clone, Debug)]
pub struct AccessRecord {
    /// The request's method.
    pub method: Method,
    /// Path and query of the request's URL.
    pub path: String,
    /// The response's status. 499 when the client left before there was one.
    pub status: StatusCode,
    /// Bytes of the response's body.
    pub bytes: u64,
    /// From the request's head to the end of the response.
    pub duration: Duration,
    /// Which worker answered: the name of the [`Target`](crate::Target).
    pub worker: Arc<str>,
}

/// A record under way: it is told when it is dropped.
pub(crate) struct Pending {
    log: AccessLog,
    started: Instant,
    record: Option<AccessRecord>,
}

impl Pending {
    pub(crate) fn new(log: AccessLog, method: Method, path: String, worker: Arc<str>) -> Self {
        Self {
            log,
            started: Instant::now(),
            record: Some(AccessRecord {
                method,
                path,
                status: StatusCode::from_u16(499).expect("499 is within the range of statuses"),
                bytes: 0,
                duration: Duration::ZERO,
                worker,
            }),
        }
    }

    pub(crate) fn set_status(&mut self, status: StatusCode) {
        if let Some(record) = &mut self.record {
            record.status = status;
        }
    }

    pub(crate) fn add_bytes(&mut self, bytes: usize) {
        if let Some(record) = &mut self.record {
            record.bytes += bytes as u64;
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.duration = self.started.elapsed();
            (self.log)(record);
        }
    }
}
