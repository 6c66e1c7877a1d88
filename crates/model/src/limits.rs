//! Bounds, each with its name.

use std::time::Duration;

/// The longest request to a model, in bytes.
pub(crate) const MAX_REQUEST_BYTES: usize = 32 * 1024 * 1024;

/// The longest streamed answer that is kept, in bytes. A longer one is an error for who reads it.
pub(crate) const MAX_RUN_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes of all answers that are kept. The oldest that have ended go first.
pub(crate) const MAX_KEPT_BYTES: usize = 128 * 1024 * 1024;

/// The most answers that are kept or under way.
pub(crate) const MAX_RUNS: usize = 1024;

/// For how long an answer can be resumed after its end. AI Gateway keeps them for about five and a half minutes.
pub(crate) const KEEP_AFTER_END: Duration = Duration::from_secs(10 * 60);

/// For how long an answer is read that nobody has come back for.
pub(crate) const MAX_ABANDONED: Duration = Duration::from_secs(10 * 60);

/// What the scripted model remembers of calls.
pub(crate) const MAX_CALLS_REMEMBERED: usize = 1024;
