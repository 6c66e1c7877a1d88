//! Cron triggers: when each worker's `scheduled` handler is to run.

use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::error::Error;

/// One entry of `triggers.crons`.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    /// As written: the handler gets it.
    pub(crate) text: String,
    cron: Cron,
}

impl Trigger {
    /// Five fields, in UTC. Days of the week count from 1 for Sunday, as Cloudflare's do.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .alternative_weekdays(true)
            .build();
        match parser.parse(text) {
            Ok(cron) => Ok(Self {
                text: text.to_owned(),
                cron,
            }),
            Err(error) => Err(Error::mistake(
                format_args!("`{text}` of triggers.crons is no cron expression: {error}"),
                "minute, hour, day of month, month, day of week: `*/5 * * * *` is every five minutes",
            )),
        }
    }

    fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_next_occurrence(&after, false).ok()
    }

    /// Waits for the next time after `after` and says which it was. Never resolves when there is none.
    pub(crate) async fn wait(&self, after: DateTime<Utc>) -> DateTime<Utc> {
        let Some(next) = self.next(after) else {
            return std::future::pending().await;
        };
        loop {
            // A machine may sleep or its clock be set: look again now and then.
            let Ok(left) = (next - Utc::now()).to_std() else {
                return next;
            };
            tokio::time::sleep(left.min(Duration::from_secs(30))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_week_count_from_sunday() {
        let monday: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        for (text, next) in [
            ("*/15 * * * *", "2026-11-23T12:15:00Z"),
            ("0 9 * * 1", "2026-11-29T09:00:00Z"),
            ("0 9 * * SUN", "2026-11-29T09:00:00Z"),
            ("0 9 * * MON-FRI", "2026-11-24T09:00:00Z"),
            ("0 0 L * *", "2026-11-30T00:00:00Z"),
        ] {
            let trigger = Trigger::parse(text).unwrap();
            let next: DateTime<Utc> = next.parse().unwrap();
            assert_eq!(trigger.next(monday), Some(next), "{text}");
        }
        assert!(Trigger::parse("* * * * * *").is_err());
        assert!(Trigger::parse("never").is_err());
    }
}
