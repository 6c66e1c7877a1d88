//! Whom the kernel ends when memory is short.

use std::fs::{self, File};
use std::io::{self, Write};

use crate::system;

/// In thousandths of all memory: by how much more than it is a child of the zygote counts.
const FIRST_TO_GO: i32 = 500;
const PATH: &str = "/proc/self/oom_score_adj";

fn own_score() -> Option<i32> {
    fs::read_to_string(PATH).ok()?.trim().parse().ok()
}

fn set_score(process: u32, score: i32) -> io::Result<()> {
    fs::write(format!("/proc/{process}/oom_score_adj"), score.to_string())
}

/// A zygote, and a template that is done, count for no more than the host: what they forked goes with them, and all that they
/// do is to fork. Says whether that could be had, which only root can. Then each child of it [`goes_first`].
pub(crate) fn spare(forker: u32) -> bool {
    // A zygote that is not sealed would let others as well.
    system::is_root()
        && own_score().is_some_and(|own| own < FIRST_TO_GO && set_score(forker, own).is_ok())
}

/// A child of who is spared.
pub(crate) fn goes_first(child: u32) {
    // If not, it is as hard to end as its forker.
    let _ = set_score(child, FIRST_TO_GO);
}

/// When the machine or the container is out of memory, the kernel ends one process. That must not be the host, which often is
/// the largest, nor the zygote, with which all isolates go and without which there can be no others: what the zygote forks
/// counts for as much more than it is. Where the host is not root, the zygote sees to that, and counts for more itself for as
/// long as it forks.
#[derive(Debug)]
pub(crate) struct Precedence {
    /// The zygote's own score, which each child begins with.
    file: File,
    own: String,
}

impl Precedence {
    /// `None` when the kernel does not let the zygote say so for its children alone. It then counts for more itself, or the
    /// kernel chooses. To be called while there are files.
    pub(crate) fn establish() -> Option<Self> {
        let score = own_score()?;
        if score >= FIRST_TO_GO {
            return None;
        }
        let file = File::options().write(true).open(PATH).ok()?;
        let precedence = Self {
            file,
            own: score.to_string(),
        };
        precedence.raise().ok()?;
        // Not everybody may go back.
        precedence.lower().ok()?;
        Some(precedence)
    }

    /// What is forked from now on goes first.
    pub(crate) fn raise(&self) -> io::Result<()> {
        (&self.file).write_all(FIRST_TO_GO.to_string().as_bytes())
    }

    /// This process does not, any more.
    pub(crate) fn lower(&self) -> io::Result<()> {
        (&self.file).write_all(self.own.as_bytes())
    }
}
