//! Alarms: rung when they are due, and again when their handlers fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use protocol::{Event, ObjectId, ToIsolate};
use storage::Alarm;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Arrival, Namespace, Objects};
use crate::fetcher::FetchError;
use crate::link::{EventEntry, now_ms};

/// How often a failing handler is tried again (Workers: 6).
const MOST_RETRIES: u32 = 6;
/// How long the first retry waits; each further one waits twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(2);
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
        retries: u32,
        next: Instant,
    },
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
            if objects.worker_of(&namespace).is_err() {
                // Its turn comes when the worker is deployed.
                continue;
            }
            let key = (alarm.namespace.clone(), alarm.id);
            let mut trials_now = trials.lock().unwrap_or_else(PoisonError::into_inner);
            let retries = match trials_now.get(&key) {
                Some(Trial::Ringing) => continue,
                Some(Trial::Failed {
                    alarm: failed,
                    retries,
                    next: again,
                }) if *failed == alarm => {
                    if *again > now {
                        next = next.min(*again);
                        continue;
                    }
                    *retries
                }
                Some(Trial::Failed { .. }) | None => 0,
            };
            trials_now.insert(key, Trial::Ringing);
            drop(trials_now);
            tokio::spawn(ring_one(
                Arc::clone(objects),
                namespace,
                alarm,
                retries,
                Arc::clone(trials),
            ));
        }
        after = Some(last);
    }
}

async fn ring_one(
    objects: Arc<Objects>,
    namespace: Namespace,
    alarm: Alarm,
    retries: u32,
    trials: Trials,
) {
    let key = (alarm.namespace.clone(), alarm.id);
    let trial = match run(&namespace, &alarm, retries).await {
        Ok(()) => None,
        // Its isolate ended, and the handler may have nothing to do with that.
        Err(FetchError::Lost { .. }) => Some((retries, FIRST_RETRY)),
        Err(error) if retries >= MOST_RETRIES => {
            tracing::warn!(?namespace, %error, "an alarm is given up after {MOST_RETRIES} retries");
            None
        }
        Err(error) => {
            tracing::debug!(?namespace, %error, retries, "an alarm has failed");
            Some((retries + 1, backoff(retries)))
        }
    };
    let set = |trial: Option<Trial>| {
        let mut trials = trials.lock().unwrap_or_else(PoisonError::into_inner);
        match trial {
            Some(trial) => trials.insert(key, trial),
            None => trials.remove(&key),
        };
    };
    match trial {
        None => {
            // Only this alarm: the handler may have set another.
            let (store, done) = (Arc::clone(&objects.store), alarm);
            let cleared = tokio::task::spawn_blocking(move || store.clear_alarm(&done)).await;
            if let Ok(Err(error)) = cleared {
                tracing::error!(%error, "an alarm cannot be cleared");
            }
            set(None);
        }
        Some((retries, wait)) => set(Some(Trial::Failed {
            alarm,
            retries,
            next: Instant::now() + wait,
        })),
    }
    objects.alarms.notify_one();
}

/// Twice as long each time, and up to a quarter more by chance.
fn backoff(retries: u32) -> Duration {
    let mut random = [0; 1];
    // Without randomness it is the plain time.
    let _ = getrandom::fill(&mut random);
    let wait = FIRST_RETRY * 2_u32.pow(retries.min(MOST_RETRIES));
    wait + wait.mul_f64(f64::from(random[0]) / 256.0 / 4.0)
}

/// Runs the handler, and resolves when it is over.
async fn run(namespace: &Namespace, alarm: &Alarm, retry_count: u32) -> Result<(), FetchError> {
    let (done, over) = oneshot::channel();
    let scheduled_ms = alarm.time_ms;
    namespace.deliver(alarm.id, alarm.name.as_deref(), move |arrival| {
        let Arrival {
            link,
            number,
            lease,
        } = match arrival {
            Ok(arrival) => arrival,
            Err(error) => {
                drop(done.send(Err(error)));
                return;
            }
        };
        let entry = EventEntry {
            done: Some(done),
            object: Some(number),
            lease: Some(lease),
            ..EventEntry::default()
        };
        if let Ok(id) = link.begin(entry) {
            link.send(&ToIsolate::Event {
                id,
                now_ms: now_ms(),
                object: Some(number),
                cpu_ms: None,
                event: Event::Alarm {
                    scheduled_ms,
                    retry_count,
                },
            });
        }
    });
    over.await.unwrap_or_else(|_| Err(crate::link::lost()))
}
