//! A server at work for a long time, with deploys, kills and strangers' code among it: what it keeps has to level off.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::{Message, connect};

use crate::ledger::{Answer, ask};
use crate::process::{exists, signal, tree};
use crate::server::{Project, Server};
use crate::storm::expected;

const WRITERS: u64 = 3;
/// What strangers' code does, and what has to be said about it. Nothing is asked of a worker's own words.
const STRANGERS: [(&str, &str); 5] = [
    ("fine", "3"),
    ("loop", "CPU time limit"),
    ("bomb", "memory"),
    ("flood", "subrequest"),
    ("crash", "on purpose"),
];
const SLEEPERS: u64 = 200;
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// Nothing takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a server has at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    processes: u64,
    descriptors: u64,
    memory_kb: u64,
    disk_kb: u64,
}

impl Sample {
    fn of(server: u32, state: &Path) -> Self {
        let processes = tree(server);
        let descriptors = fs::read_dir(format!("/proc/{server}/fd")).map_or(0, Iterator::count);
        Self {
            processes: processes.len() as u64,
            descriptors: descriptors as u64,
            memory_kb: processes.iter().copied().map(memory_kb).sum(),
            disk_kb: disk_bytes(state) / 1024,
        }
    }

    /// What is more than a quarter and a little above an earlier sample.
    fn beyond(&self, before: Self) -> Vec<String> {
        let figures = [
            ("processes", before.processes, self.processes, 6),
            ("descriptors", before.descriptors, self.descriptors, 32),
            ("memory", before.memory_kb, self.memory_kb, 64 * 1024),
            ("disk", before.disk_kb, self.disk_kb, 64 * 1024),
        ];
        let grown = figures
            .into_iter()
            .filter(|(_, before, after, room)| *after > before + before / 4 + room);
        grown
            .map(|(what, before, after, _)| format!("{what}: {before}, then {after}"))
            .collect()
    }

    /// The median of each figure.
    fn median(samples: &[Self]) -> Self {
        let middle = |figure: fn(&Self) -> u64| {
            let mut all: Vec<u64> = samples.iter().map(figure).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        Self {
            processes: middle(|sample| sample.processes),
            descriptors: middle(|sample| sample.descriptors),
            memory_kb: middle(|sample| sample.memory_kb),
            disk_kb: middle(|sample| sample.disk_kb),
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} processes, {} descriptors, {} MB of memory, {} MB on the disk",
            self.processes,
            self.descriptors,
            self.memory_kb / 1024,
            self.disk_kb / 1024
        )
    }
}

/// Memory that a process has in use; pages that it shares with others count for each.
fn memory_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    kilobytes.map_or(0, |number| number.parse().unwrap())
}

fn disk_bytes(path: &Path) -> u64 {
    // Files go while they are counted.
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => disk_bytes(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// What clients share.
struct Soak<'a> {
    address: &'a str,
    over: AtomicBool,
    acknowledged: [AtomicU64; WRITERS as usize],
    asked: AtomicU64,
    /// From when on sockets stay, as in a server that leaks what it has for them.
    leaks_from: Option<Instant>,
    violations: Mutex<Vec<String>>,
}

impl Soak<'_> {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed) && self.violations.lock().unwrap().is_empty()
    }

    fn check(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.lock().unwrap().push(otherwise());
        }
    }

    /// What came, unless it is what a kill may look like.
    fn ask(&self, path: &str) -> Option<String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match ask(self.address, path) {
            Answer::Done(value) => Some(value.to_string()),
            Answer::Unknown(reason) => {
                self.check(expected(&reason).is_ok(), || format!("{path}: {reason}"));
                None
            }
            Answer::Silence => {
                self.check(false, || format!("{path}: no answer, and no error"));
                None
            }
        }
    }

    /// Numbers grow, and none that was acknowledged is ever missing.
    fn write(&self, client: u64) {
        let acknowledged = &self.acknowledged[usize::try_from(client).unwrap()];
        for number in 1.. {
            if !self.goes_on() {
                return;
            }
            if self
                .ask(&format!("/add/{client}/{client}/{number}"))
                .is_some()
            {
                acknowledged.store(number, Ordering::Relaxed);
            }
            if number % 16 == 0 {
                self.look(client);
            }
        }
    }

    fn look(&self, client: u64) -> bool {
        let floor = self.acknowledged[usize::try_from(client).unwrap()].load(Ordering::Relaxed);
        let Some(newest) = self.ask(&format!("/newest/{client}/{client}")) else {
            return false;
        };
        self.check(
            newest.parse().is_ok_and(|newest: u64| newest >= floor),
            || format!("writer {client}: {floor} was acknowledged, the newest is {newest}"),
        );
        true
    }

    fn run_strangers(&self) {
        for (what, says) in STRANGERS.iter().cycle() {
            if !self.goes_on() {
                return;
            }
            if let Some(said) = self.ask(&format!("/{what}")) {
                let is_lost = said.contains("Network connection lost");
                self.check(is_lost || said.contains(says), || {
                    format!("/{what}: {said}")
                });
            }
        }
    }

    fn wake_sleepers(&self) {
        for number in (0..SLEEPERS).cycle() {
            if !self.goes_on() {
                return;
            }
            self.ask(&format!("/add/sleeper-{number}/0/{number}"));
        }
    }

    /// Sockets come, say something, and go: half of them without a word.
    fn come_and_go(&self) {
        let mut leaked = Vec::new();
        for number in 0_u64.. {
            if !self.goes_on() {
                return;
            }
            let Ok((mut socket, _)) = connect(format!("ws://{}/socket/room", self.address)) else {
                continue;
            };
            // A kill may take the answer away.
            let _ = socket.send(Message::text("here"));
            if self.leaks_from.is_some_and(|from| from <= Instant::now()) {
                leaked.push(socket);
                continue;
            }
            if number % 2 == 0 && socket.read().is_ok() {
                let _ = socket.close(None);
                while socket.read().is_ok() {}
            }
        }
    }
}

/// Works for `duration`, the first third of which may warm up. Gives what did not level off.
pub(crate) fn soak(duration: Duration, leaks: bool) -> Vec<String> {
    let project = Project::for_soak();
    let mut server = project.dev().unwrap();
    let address = server.address.clone();
    let soak = Soak {
        address: &address,
        over: AtomicBool::new(false),
        acknowledged: Default::default(),
        asked: AtomicU64::new(0),
        leaks_from: leaks.then(|| Instant::now() + duration / 2),
        violations: Mutex::default(),
    };
    let samples = std::thread::scope(|scope| {
        for client in 0..WRITERS {
            let soak = &soak;
            scope.spawn(move || soak.write(client));
        }
        scope.spawn(|| soak.run_strangers());
        scope.spawn(|| soak.wake_sleepers());
        scope.spawn(|| soak.come_and_go());
        let samples = watch(&soak, &project, &server, duration);
        soak.over.store(true, Ordering::Relaxed);
        samples
    });
    for client in 0..WRITERS {
        let began = Instant::now();
        while !soak.look(client) && began.elapsed() < PATIENCE {}
    }
    let acknowledged = soak.acknowledged.map(AtomicU64::into_inner);
    let violations = soak.violations.into_inner().unwrap();
    assert!(violations.is_empty(), "{violations:#?}");

    let (before, after) = samples.split_at(samples.len() / 2);
    let (before, after) = (Sample::median(before), Sample::median(after));
    println!(
        "{} requests in {duration:.0?}\nfirst: {before}\nthen:  {after}",
        soak.asked.load(Ordering::Relaxed)
    );

    // Nothing outlives the host.
    let family = tree(server.id());
    server.kill();
    let began = Instant::now();
    while family.iter().any(|process| exists(*process)) {
        assert!(began.elapsed() < PATIENCE, "processes outlive the host");
        std::thread::yield_now();
    }
    // What was acknowledged does, and so it does when a server ends in peace after that.
    for _ in 0..2 {
        let server = project.serve().unwrap();
        for (client, floor) in acknowledged.iter().enumerate() {
            let newest = match ask(&server.address, &format!("/newest/{client}/{client}")) {
                Answer::Done(newest) => newest.to_string().parse::<u64>().unwrap(),
                _ => panic!("a server that was started again does not answer"),
            };
            assert!(newest >= *floor, "writer {client}: {floor}, then {newest}");
        }
        server.stop();
    }
    after.beyond(before)
}

/// Deploys and kills, and what the server had meanwhile.
fn watch(soak: &Soak<'_>, project: &Project, server: &Server, duration: Duration) -> Vec<Sample> {
    let began = Instant::now();
    let state = project.state();
    let mut samples = Vec::new();
    for step in 0_u64.. {
        if began.elapsed() >= duration || !soak.goes_on() {
            break;
        }
        match step % 24 {
            0 => {
                project.deploy(step + 1);
                let asked = Instant::now();
                let version = (step + 1).to_string();
                while soak.ask("/version").is_none_or(|found| found != version) {
                    if asked.elapsed() > PATIENCE {
                        soak.check(false, || format!("version {version} does not come"));
                        break;
                    }
                }
            }
            8 | 16 => {
                let isolates = server.isolates();
                let at = usize::try_from(step).unwrap() % isolates.len().max(1);
                if let Some(isolate) = isolates.get(at) {
                    signal("-KILL", *isolate);
                }
            }
            _ => {}
        }
        std::thread::sleep(SAMPLE_EVERY);
        if began.elapsed() > duration / 3 {
            samples.push(Sample::of(server.id(), &state));
        }
    }
    samples
}
