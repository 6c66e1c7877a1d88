//! Stops what the engine cannot stop by itself: one native call that goes on and on.

use std::time::Duration;

use protocol::Failure;

use crate::link::Link;

/// How often a busy isolate's processor time is looked at.
const INTERVAL: Duration = Duration::from_millis(100);
/// What an isolate may use beyond its own limit before it is stopped from outside: its own limit gives the better error.
const GRACE_MS: u64 = 500;

/// Watches an isolate until it is gone, and kills it when it works too long without a word.
pub(crate) async fn watch(link: &Link, cpu_ms: u32) {
    let allowed = Duration::from_millis(u64::from(cpu_ms) + GRACE_MS);
    let mut last_frames = 0;
    let mut last_cpu = Duration::ZERO;
    loop {
        if tokio::time::timeout(INTERVAL, link.wait_closed())
            .await
            .is_ok()
        {
            return;
        }
        let (frames, busy) = link.progress();
        if !busy && frames == last_frames {
            continue;
        }
        // An isolate that has ended is noticed through its socket.
        let Ok(cpu) = link.process().cpu_time() else {
            continue;
        };
        if frames != last_frames {
            last_frames = frames;
            last_cpu = cpu;
        } else if cpu.saturating_sub(last_cpu) > allowed {
            let used = cpu.saturating_sub(last_cpu).as_micros();
            let used_us = u64::try_from(used).unwrap_or(u64::MAX);
            link.kill_for(Failure::over_cpu(cpu_ms, used_us));
        }
    }
}
