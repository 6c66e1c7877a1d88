//! What time it is for workers. A development server can move it ahead, so that nobody waits for Friday.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whole milliseconds before the real time.
static AHEAD_MS: AtomicU64 = AtomicU64::new(0);

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> f64 {
    let real = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    real.floor() + AHEAD_MS.load(Ordering::Relaxed) as f64
}

/// Moves it on by so much.
pub(crate) fn move_on(by_ms: u64) {
    AHEAD_MS.fetch_add(by_ms, Ordering::Relaxed);
}
