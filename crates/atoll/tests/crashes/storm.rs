//! Clients that never stop, and kills among them.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::checker::Object;
use crate::ledger::{Answer, PATIENCE, ask};
use crate::process::signal;
use crate::server::Server;

const CLIENTS: u64 = 6;
const OBJECTS: usize = 4;
/// The most violations that are told.
const MOST_VIOLATIONS: usize = 10;

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kill {
    /// The server.
    Host,
    /// One isolate.
    Isolate,
    /// All isolates.
    Isolates,
    /// Isolates, and the server while it learns of that.
    Everything,
}

/// What is to be done.
pub(crate) struct Storm<'a> {
    pub(crate) start: &'a dyn Fn() -> Result<Server, String>,
    pub(crate) kills: usize,
    pub(crate) of: &'a [Kill],
    pub(crate) seed: u64,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    kills: [usize; 4],
    acknowledged: u64,
    unknown: u64,
    slowest: Duration,
    elapsed: Duration,
    pub(crate) violations: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [host, isolate, isolates, everything] = self.kills;
        write!(
            formatter,
            "{} kills (host {host}, isolate {isolate}, all isolates {isolates}, everything {everything}) in {:.1?}: {} \
             entries acknowledged, {} unknown, slowest start {:.1?}, {} violations",
            self.kills.iter().sum::<usize>(),
            self.elapsed,
            self.acknowledged,
            self.unknown,
            self.slowest,
            self.violations.len(),
        )?;
        for violation in &self.violations {
            write!(formatter, "\n  {violation}")?;
        }
        Ok(())
    }
}

/// What clients share.
#[derive(Default)]
struct Shared {
    objects: [Object; OBJECTS],
    /// Where the server is; nowhere while there is none.
    address: Mutex<Option<String>>,
    moved: Condvar,
    over: AtomicBool,
    acknowledged: AtomicU64,
    unknown: AtomicU64,
    violations: Mutex<Vec<String>>,
}

impl Shared {
    fn address(&self) -> String {
        let address = self.address.lock().unwrap();
        let there = self.moved.wait_while(address, |address| address.is_none());
        there.unwrap().clone().unwrap()
    }

    fn move_to(&self, address: Option<&str>) {
        *self.address.lock().unwrap() = address.map(str::to_owned);
        self.moved.notify_all();
    }

    fn check(&self, object: usize, outcome: Result<(), String>) {
        if let Err(violation) = outcome {
            self.violation(format!("object {object}: {violation}"));
        }
    }

    fn violation(&self, violation: String) {
        let mut violations = self.violations.lock().unwrap();
        if violations.len() < MOST_VIOLATIONS {
            violations.push(violation);
        }
    }

    /// Adds entries until it is over, and looks now and then.
    fn client(&self, client: u64, done: &mpsc::Sender<()>) {
        for number in 1.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let index = usize::try_from(number + client).unwrap() % OBJECTS;
            let object = &self.objects[index];
            let address = self.address();
            let floor = object.floor();
            match ask(&address, &format!("/add/{index}/{client}/{number}")) {
                Answer::Done(sum) => {
                    self.acknowledged.fetch_add(1, Ordering::Relaxed);
                    self.check(index, object.added((client, number), floor, &sum));
                    // Nobody listens when it is over.
                    let _ = done.send(());
                }
                Answer::Unknown(reason) => {
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                    object.lost_sight_of((client, number));
                    self.check(index, expected(&reason));
                }
                Answer::Silence => {
                    object.lost_sight_of((client, number));
                    self.check(index, Err("no answer, and no error".to_owned()));
                }
            }
            if number % 4 == 0 {
                let floor = object.floor();
                if let Answer::Done(look) = ask(&address, &format!("/look/{index}")) {
                    self.check(index, object.looked(floor, &look));
                }
            }
        }
    }

    /// Compares everything that is there with everything that was heard.
    fn compare(&self) {
        for (index, object) in self.objects.iter().enumerate() {
            let floor = object.floor();
            let outcome = match ask(&self.address(), &format!("/all/{index}")) {
                Answer::Done(all) => object.everything(floor, &all),
                Answer::Unknown(reason) => Err(format!("it cannot be read: {reason}")),
                Answer::Silence => Err("an alarm does not go off".to_owned()),
            };
            self.check(index, outcome);
        }
    }
}

/// What the death of the server or an isolate may look like.
pub(crate) fn expected(reason: &str) -> Result<(), String> {
    const DEATHS: [&str; 7] = [
        // There is no server any more.
        "invalid socket address",
        "Network connection lost.",
        "the worker was lost while it answered",
        "half an answer: \"\"",
        "Connection refused",
        "Connection reset by peer",
        "Broken pipe",
    ];
    if DEATHS.iter().any(|death| reason.contains(death)) {
        return Ok(());
    }
    Err(format!("an unexpected error: {reason}"))
}

impl Storm<'_> {
    pub(crate) fn run(&self) -> Report {
        let began = Instant::now();
        let shared = Shared::default();
        let mut report = Report::default();
        let (done, acknowledged) = mpsc::channel();
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (shared, done) = (&shared, done.clone());
                scope.spawn(move || shared.client(client, &done));
            }
            let mut random = Random(self.seed);
            let mut server = (self.start)();
            for _ in 0..self.kills {
                let Ok(running) = &mut server else { break };
                shared.move_to(Some(&running.address));
                for _ in 0..random.below(150) {
                    if acknowledged.recv_timeout(PATIENCE).is_err() {
                        shared.violation("nothing is acknowledged any more".to_owned());
                        break;
                    }
                }
                let until = Instant::now() + Duration::from_micros(random.below(3000));
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                let kill = self.of[usize::try_from(random.below(self.of.len() as u64)).unwrap()];
                report.kills[kill as usize] += 1;
                let isolates = running.isolates();
                match kill {
                    Kill::Host => {}
                    Kill::Isolate => {
                        if let Some(index) = random.next().checked_rem(isolates.len() as u64) {
                            signal("-KILL", isolates[usize::try_from(index).unwrap()]);
                        }
                    }
                    Kill::Isolates | Kill::Everything => {
                        for isolate in isolates {
                            signal("-KILL", isolate);
                        }
                    }
                }
                if matches!(kill, Kill::Host | Kill::Everything) {
                    shared.move_to(None);
                    running.kill();
                    let begins = Instant::now();
                    server = (self.start)();
                    report.slowest = report.slowest.max(begins.elapsed());
                }
                if !shared.violations.lock().unwrap().is_empty() {
                    break;
                }
            }
            shared.over.store(true, Ordering::Relaxed);
            shared.move_to(Some(server.as_ref().map_or("", |server| &server.address)));
            drop(done);
            // All clients have ended when nothing can come any more.
            while acknowledged.recv().is_ok() {}
            // Twice: as it is after a crash, and after an orderly end.
            for _ in 0..2 {
                match server {
                    Ok(running) => {
                        shared.move_to(Some(&running.address));
                        shared.compare();
                        running.stop();
                    }
                    Err(said) => return shared.violation(format!("it does not start: {said}")),
                }
                server = (self.start)();
            }
        });
        report.acknowledged = shared.acknowledged.load(Ordering::Relaxed);
        report.unknown = shared.unknown.load(Ordering::Relaxed);
        report.elapsed = began.elapsed();
        report.violations = shared.violations.into_inner().unwrap();
        report
    }
}

/// A small generator: the same seed gives the same numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
