//! A server in a container whose memory is not enough. Only where this machine lets the test make a control group.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::ledger::{Answer, ask};
use crate::process::signal;
use crate::server::{Project, Server};

/// What the group may use: a server needs a fifth of it.
const LIMIT: &str = "400M";
/// Workers that fill 16 MB each: more than there is room for, and each less than the host has.
const GREEDY: usize = 40;

/// How long it may take until there are workers again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A control group of its own, which goes with the test.
struct Group {
    folder: PathBuf,
    /// Has a line `oom_kill N`.
    kills: &'static str,
}

impl Group {
    fn new(who: Who) -> Option<Self> {
        let versions = [
            ("/sys/fs/cgroup", "memory.max", "memory.events"),
            (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.oom_control",
            ),
        ];
        versions.into_iter().find_map(|(root, limit, kills)| {
            let name = format!("atoll-test-{}-{who:?}", std::process::id());
            let group = Self {
                folder: Path::new(root).join(name),
                kills,
            };
            fs::create_dir(&group.folder).ok()?;
            // Otherwise it has no say over memory.
            let limit = group.folder.join(limit);
            let _ = fs::write(group.folder.join("memory.swap.max"), "0");
            (limit.exists() && fs::write(limit, LIMIT).is_ok()).then_some(group)
        })
    }

    fn serve(&self, project: &Project, who: Who) -> Server {
        let mut command = Command::new("sh");
        let script = r#"echo $$ > "$0" && exec "$@""#;
        command.args(["-c", script]);
        command.arg(self.folder.join("cgroup.procs"));
        let mut program = PathBuf::from(env!("CARGO_BIN_EXE_atoll"));
        if let Who::Nobody = who {
            // Which may be where only its owner looks.
            let reachable = project.path().join("atoll");
            fs::copy(program, &reachable).unwrap();
            program = reachable;
            let everybody = fs::Permissions::from_mode(0o777);
            fs::set_permissions(project.path(), everybody).unwrap();
            command.args(["setpriv", "--reuid=65534", "--regid=65534"]);
            command.args(["--clear-groups", "--"]);
        }
        command.arg(program);
        command.args(["serve", "--port", "0"]);
        command.current_dir(project.path());
        Server::start(command).unwrap()
    }

    /// What is in it, for who reads of a failure.
    fn processes(&self) -> String {
        let ids = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        let mut text = String::new();
        for id in ids.lines() {
            let of =
                |name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
            let waits = of("wchan");
            let _ = write!(text, "\n{id} waits in {waits}: {}", of("stat"));
        }
        text
    }

    fn kills(&self) -> u64 {
        let text = fs::read_to_string(self.folder.join(self.kills)).unwrap();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.unwrap().parse().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Who has ended may still be leaving.
        for _ in 0..1000 {
            let processes = fs::read_to_string(self.folder.join("cgroup.procs"));
            for process in processes.unwrap_or_default().lines() {
                signal("-KILL", process.parse().unwrap());
            }
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// Whose process the server is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Who {
    Tester,
    /// A user who may do nothing that others may not.
    Nobody,
}

/// The kernel ends isolates. The host goes on, what it acknowledged is there, and new code runs.
pub(crate) fn a_server_outlives_it(who: Who) {
    let Some(group) = Group::new(who) else {
        println!("skipped: no control group can be made here");
        return;
    };
    if who == Who::Nobody && fs::metadata("/proc/self").unwrap().uid() != 0 {
        println!("skipped: only root can become somebody else");
        return;
    }
    let project = Project::for_soak();
    let mut server = group.serve(&project, who);
    let done = |path: &str| match ask(&server.address, path) {
        Answer::Done(value) => value.to_string(),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(done("/add/kept/1/7"), "7");
    std::thread::scope(|scope| {
        for _ in 0..GREEDY {
            // Some are done, others are ended.
            scope.spawn(|| match ask(&server.address, "/greedy") {
                Answer::Done(_) => {}
                // What was loaded, or who loaded it.
                Answer::Unknown(reason) => assert!(
                    reason.contains("Network connection lost")
                        || reason.contains("the worker was lost while it answered"),
                    "{reason}"
                ),
                Answer::Silence => panic!("no answer, and no error"),
            });
        }
    });
    assert!(
        group.kills() > 0,
        "there was enough memory: nothing is shown"
    );
    // Who was ended is replaced as soon as there is memory again.
    let began = Instant::now();
    loop {
        let answer = ask(&server.address, "/newest/kept/1");
        if matches!(answer, Answer::Done(_)) {
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "it does not recover: {answer:?}; what runs: {}",
            group.processes()
        );
    }
    assert_eq!(done("/newest/kept/1"), "7");
    assert!(done("/fine").contains('3'));
    server.kill();
}
