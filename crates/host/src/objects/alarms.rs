//! Alarms: rung when they are due, and again when their handlers fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use protocol::{Event, Failure, ObjectId, ToIsolate, id_belongs};
use storage::Alarm;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Arrival, Namespace, Objects, STORAGE_FAILED};
use crate::fetcher::FetchError;
use crate::link::{EventEntry, Link, now_ms};
use crate::tail::Happening;

/// How often a failing handler is tried again (Workers: 6).
const MOST_RETRIES: u32 = 6;
/// How long the first retry waits; each further one waits twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// How often the wait is doubled: what is no fault of the handler's is tried again for ever, at last every 17 minutes.
const MOST_DOUBLINGS: u32 = 9;
/// What callers and logs see of a handler that takes too long.
const TOO_LONG: &str = "Alarm exceeded its allowed execution time";
/// Alarms that are looked at together.
const AT_ONCE: usize = 256;
/// The longest sleep between looks.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

type Key = (storage::Namespace, ObjectId);

/// An alarm that is being rung, or has failed.
#[derive(Debug)]
enum Trial {
    /// Its handler runs.
    Ringing,
    /// Its handler has failed.
    Failed {
        alarm: Alarm,
        tries: Tries,
        next: Instant,
        /// It is a facet's, and only the object that it belongs to could say what to start.
        waits_for_parent: bool,
    },
}

/// How often an alarm has been tried.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tries {
    /// Retries that failures of the handler have caused. They are bounded.
    counted: u32,
    doublings: u32,
    /// The last failure was the handler's.
    last_counted: bool,
}

impl Tries {
    /// It has failed once more. Gives how long to wait before the next try; `None` when there is none.
    fn fail(&mut self, counts: bool) -> Option<Duration> {
        if counts {
            if self.counted >= MOST_RETRIES {
                return None;
            }
            self.counted += 1;
            if !self.last_counted {
                // What the host waited for was something else.
                self.doublings = 0;
            }
        }
        self.last_counted = counts;
        let wait = FIRST_RETRY * 2_u32.pow(self.doublings);
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        Some(wait)
    }
}

type Trials = Arc<Mutex<HashMap<Key, Trial>>>;

/// Rings all alarms for as long as the objects are there.
pub(super) async fn ring(objects: Weak<Objects>) {
    let Some(changed) = objects.upgrade().map(|objects| Arc::clone(&objects.alarms)) else {
        return;
    };
    let trials = Trials::default();
    loop {
        let Some(objects) = objects.upgrade() else {
            return;
        };
        let next = ring_due(&objects, &trials);
        drop(objects);
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Rings what is due, and says when to look again.
fn ring_due(objects: &Arc<Objects>, trials: &Trials) -> Instant {
    let now = Instant::now();
    let mut next = now + LONGEST_SLEEP;
    let mut after: Option<Alarm> = None;
    loop {
        let alarms = objects.store.alarms(after.as_ref(), AT_ONCE);
        let Some(last) = alarms.last().cloned() else {
            return next;
        };
        for alarm in alarms {
            let wait_ms = alarm.time_ms - now_ms();
            if wait_ms > 0.0 {
                let wait =
                    Duration::from_secs_f64((wait_ms / 1000.0).min(LONGEST_SLEEP.as_secs_f64()));
                return next.min(now + wait);
            }
            let namespace = Namespace::new(objects, alarm.namespace.clone());
            let is_facet = !id_belongs(&namespace.key(), &alarm.id);
            let is_alone = !is_facet || objects.can_start_alone(&namespace, alarm.id);
            if !(is_facet && is_alone) && objects.worker_of(&namespace).is_err() {
                // Its turn comes when the worker is deployed.
                continue;
            }
            let key = (alarm.namespace.clone(), alarm.id);
            let mut trials_now = trials.lock().unwrap_or_else(PoisonError::into_inner);
            let tries = match trials_now.get(&key) {
                Some(Trial::Ringing) => continue,
                Some(Trial::Failed {
                    alarm: failed,
                    tries,
                    next: again,
                    waits_for_parent,
                }) if *failed == alarm => {
                    let may_start_now = *waits_for_parent && is_alone;
                    if *again > now && !may_start_now {
                        next = next.min(*again);
                        continue;
                    }
                    *tries
                }
                Some(Trial::Failed { .. }) | None => Tries::default(),
            };
            trials_now.insert(key, Trial::Ringing);
            drop(trials_now);
            tokio::spawn(ring_one(
                Arc::clone(objects),
                namespace,
                alarm,
                tries,
                Arc::clone(trials),
                !is_alone,
            ));
        }
        after = Some(last);
    }
}

async fn ring_one(
    objects: Arc<Objects>,
    namespace: Namespace,
    alarm: Alarm,
    mut tries: Tries,
    trials: Trials,
    waits_for_parent: bool,
) {
    let key = (alarm.namespace.clone(), alarm.id);
    let again = match run(&namespace, &alarm, tries.counted, objects.alarm_limit).await {
        Ok(()) => None,
        Err(failed) => {
            let counts = failed.is_the_handlers().await;
            let (error, again) = (&failed.error, tries.fail(counts));
            if again.is_none() {
                tracing::warn!(?namespace, %error, "an alarm is given up after {MOST_RETRIES} retries");
            } else {
                let is_first = tries.doublings == 1;
                if waits_for_parent && is_first {
                    tracing::warn!(?namespace, %error, "the alarm of a facet waits");
                }
                tracing::debug!(?namespace, %error, counts, ?tries, "an alarm has failed");
            }
            again
        }
    };
    let set = |trial: Option<Trial>| {
        let mut trials = trials.lock().unwrap_or_else(PoisonError::into_inner);
        match trial {
            Some(trial) => trials.insert(key, trial),
            None => trials.remove(&key),
        };
    };
    match again {
        None => {
            // Only this alarm: the handler may have set another.
            let (store, done) = (Arc::clone(&objects.store), alarm);
            let cleared = tokio::task::spawn_blocking(move || store.clear_alarm(&done)).await;
            if let Ok(Err(error)) = cleared {
                tracing::error!(%error, "an alarm cannot be cleared");
            }
            set(None);
        }
        Some(wait) => set(Some(Trial::Failed {
            alarm,
            tries,
            next: Instant::now() + spread(wait),
            waits_for_parent,
        })),
    }
    objects.alarms.notify_one();
}

/// Up to a quarter more by chance.
fn spread(wait: Duration) -> Duration {
    let mut random = [0; 1];
    // Without randomness it is the plain time.
    let _ = getrandom::fill(&mut random);
    wait + wait.mul_f64(f64::from(random[0]) / 256.0 / 4.0)
}

/// Why a handler did not end well.
struct Failed {
    error: FetchError,
    /// Where it ran, if it began.
    link: Option<Arc<Link>>,
}

impl Failed {
    /// Whether the object's code is the reason, as far as one can tell: what the host does to an object, and what happens
    /// to the machine, is not. An isolate that ends by itself has been ended by code that ran there.
    async fn is_the_handlers(&self) -> bool {
        match &self.error {
            // One that did not begin has done nothing.
            FetchError::Worker(failure) => {
                self.link.is_some() && !failure.message.starts_with(STORAGE_FAILED)
            }
            FetchError::Lost { .. } => match self.link.clone() {
                Some(link) => tokio::task::spawn_blocking(move || link.has_ended_itself())
                    .await
                    .unwrap_or(false),
                None => false,
            },
            FetchError::Overloaded(_) | FetchError::Network(_) | FetchError::Refused(_) => false,
        }
    }
}

/// Runs the handler, and resolves when it is over.
async fn run(
    namespace: &Namespace,
    alarm: &Alarm,
    retry_count: u32,
    limit: Duration,
) -> Result<(), Failed> {
    let (done, over) = oneshot::channel();
    let (arrived, place) = oneshot::channel();
    let scheduled_ms = alarm.time_ms;
    namespace.deliver(alarm.id, alarm.name.as_deref(), move |arrival| {
        let Arrival {
            link,
            number,
            lease,
            limits,
        } = match arrival {
            Ok(arrival) => arrival,
            Err(error) => {
                drop(done.send(Err(error)));
                return;
            }
        };
        // It is asked for below, unless the host is about to end.
        drop(arrived.send((Arc::clone(&link), number)));
        let entry = EventEntry {
            done: Some(done),
            object: Some(number),
            lease: Some(lease),
            subrequest_limit: limits.subrequests,
            following: link.follow(|| Happening::Alarm(scheduled_ms), None, Some(number), 0),
            ..EventEntry::default()
        };
        if let Ok(id) = link.begin(entry) {
            link.send(&ToIsolate::Event {
                id,
                now_ms: now_ms(),
                object: Some(number),
                bounds: limits.bounds(),
                event: Event::Alarm {
                    scheduled_ms,
                    retry_count,
                },
            });
        }
    });
    let place = place.await.ok();
    let outcome = match (tokio::time::timeout(limit, over).await, &place) {
        (Ok(outcome), _) => outcome.unwrap_or_else(|_| Err(crate::link::lost())),
        (Err(_), place) => {
            if let Some((link, number)) = place {
                link.reset_object(*number, TOO_LONG);
            }
            Err(FetchError::Worker(Failure {
                name: "Error".to_owned(),
                message: TOO_LONG.to_owned(),
                ..Failure::default()
            }))
        }
    };
    outcome.map_err(|error| Failed {
        error,
        link: place.map(|(link, _)| link),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tries: &mut Tries, counts: bool) -> Option<u64> {
        tries.fail(counts).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_handler_that_fails_is_tried_again_six_times() {
        let mut tries = Tries::default();
        let waits: Vec<_> = (0..7).map(|_| seconds(&mut tries, true)).collect();
        let expected = [2, 4, 8, 16, 32, 64].map(Some);
        assert_eq!(waits[..6], expected);
        assert_eq!(waits[6], None);
    }

    #[test]
    fn what_is_no_fault_of_the_handler_is_tried_for_ever_and_ever_more_slowly() {
        let mut tries = Tries::default();
        let waits: Vec<_> = (0..12).filter_map(|_| seconds(&mut tries, false)).collect();
        assert_eq!(
            waits,
            [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]
        );
        assert_eq!(tries.counted, 0);
        assert_eq!(seconds(&mut tries, true), Some(2));
        assert_eq!(seconds(&mut tries, true), Some(4));
        assert_eq!(seconds(&mut tries, false), Some(8));
        assert_eq!(tries.counted, 2);
    }
}
