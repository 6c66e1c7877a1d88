//! What those are told who follow a worker.

use protocol::{LogLevel, Outcome, Trace, TraceEvent, TraceLog, TraceSocket};

use crate::Parts;

impl Parts {
    pub(crate) fn trace(&self) -> Trace<'_> {
        Trace {
            script: self.flag.then_some(self.text.as_str()),
            entrypoint: self.flag.then_some(self.more.as_str()),
            object: self.flag.then(|| self.text.clone()),
            event: match self.choice % 7 {
                0 => TraceEvent::Fetch {
                    method: &self.text,
                    url: &self.more,
                    headers: self.headers(),
                    cf: self.flag.then_some(self.text.as_str()),
                    status: self.flag.then_some(self.id as u16),
                },
                1 => TraceEvent::Rpc { method: &self.text },
                2 => TraceEvent::Alarm {
                    scheduled_ms: self.number,
                },
                3 => TraceEvent::Scheduled {
                    cron: &self.text,
                    scheduled_ms: self.number,
                },
                4 => TraceEvent::Socket(TraceSocket::Close(self.id as u16)),
                5 => TraceEvent::Email {
                    from: &self.text,
                    to: &self.more,
                    size: self.id.into(),
                },
                _ => TraceEvent::Tail {
                    script: self.flag.then_some(self.more.as_str()),
                },
            },
            at_ms: self.number,
            outcome: [Outcome::Ok, Outcome::Canceled, Outcome::ExceededWallTime]
                [usize::from(self.body % 3)],
            logs: vec![TraceLog {
                at_ms: self.number,
                level: LogLevel::Error,
                message: &self.more,
            }],
            exceptions: vec![(self.number, self.failure())],
            cpu_ms: self.id,
            wall_ms: self.other,
            truncated: self.flag,
        }
    }
}
