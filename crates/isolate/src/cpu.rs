//! How much processor time this process has used, and how much of it in a turn.
#![expect(
    unsafe_code,
    reason = "the standard library has no clock for processor time"
)]

use std::cell::Cell;
use std::time::Instant;

/// Processor time of this process in microseconds.
pub(crate) fn used_us() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for writing for the duration of the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "Linux has had this clock since 2.6.12");
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000
}

/// Turns shorter than this, in microseconds, are charged with the time that passed: it is never less than the processor
/// time, and reading it takes no system call.
const SHORT_US: u64 = 1_000;

/// Where the counting of turns stands.
#[derive(Clone, Copy)]
struct Meter {
    /// When processor time was last read, and what it was.
    read_at: Instant,
    read_us: u64,
    /// What turns have been charged with since then.
    charged_us: u64,
    turn_at: Instant,
    /// Processor time when the turn began, and what was charged then.
    turn_us: u64,
    turn_charged_us: u64,
}

impl Meter {
    fn new() -> Self {
        let (now, used_us) = (Instant::now(), used_us());
        Self {
            read_at: now,
            read_us: used_us,
            charged_us: 0,
            turn_at: now,
            turn_us: used_us,
            turn_charged_us: 0,
        }
    }
}

thread_local! {
    static METER: Cell<Meter> = Cell::new(Meter::new());
}

/// Forgets what was used before: this process is a new one, or its thread has just come to this isolate.
pub(crate) fn reset() {
    METER.set(Meter::new());
}

/// Starts counting a turn's processor time. Returns the time at which it begins, in microseconds since the process
/// began, exact to [`SHORT_US`].
pub(crate) fn begin_turn() -> u64 {
    let mut meter = METER.get();
    let now = Instant::now();
    if microseconds(meter.read_at, now) >= SHORT_US {
        meter = Meter::new();
    }
    meter.turn_at = now;
    meter.turn_us = meter.read_us + meter.charged_us;
    meter.turn_charged_us = meter.charged_us;
    METER.set(meter);
    meter.turn_us
}

/// Processor time since the turn began, in microseconds.
pub(crate) fn turn_us() -> u64 {
    let mut meter = METER.get();
    let now = Instant::now();
    let passed_us = microseconds(meter.turn_at, now);
    let turn_us = if passed_us < SHORT_US {
        meter.charged_us = meter.turn_charged_us + passed_us;
        passed_us
    } else {
        meter.read_at = now;
        meter.read_us = used_us();
        meter.charged_us = 0;
        meter.read_us.saturating_sub(meter.turn_us)
    };
    METER.set(meter);
    turn_us
}

fn microseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
