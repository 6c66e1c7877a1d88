//! Putting up the jail: once for the zygote (`seal`), and for each child (`confine`).

use std::fs;
use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};

use crate::filter;
use crate::limits::Role;
use crate::namespaces;
use crate::protection::Protection;
use crate::shortage::Precedence;
use crate::system::{self, Resource, limit_unprivileged as limit};
use crate::users::{self, Users};
use crate::wire::Ceilings;

/// A step of putting up a jail, as it travels to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Step {
    SingleThread = 1,
    Privileges = 2,
    Capabilities = 3,
    Landlock = 4,
    Seccomp = 5,
    User = 6,
    Memory = 7,
    Parent = 8,
    Limits = 9,
    Signals = 10,
    Fork = 11,
}

impl Step {
    /// Words for a step number that came over the wire.
    pub(crate) fn describe(number: u32) -> &'static str {
        match number {
            1 => "it has more than one thread",
            2 => "no_new_privs",
            3 => "capabilities",
            4 => "landlock",
            5 => "seccomp",
            6 => "user id",
            7 => "memory protection",
            8 => "ending with its parent",
            9 => "resource limits",
            10 => "signals",
            11 => "fork",
            _ => "unknown step",
        }
    }
}

/// A step that failed, and how.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) errno: i32,
}

pub(crate) trait At<T> {
    /// Says in which step an error happened.
    fn at(self, step: Step) -> Result<T, Failure>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: Step) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            step,
            errno: error.raw_os_error().unwrap_or(libc::EINVAL),
        })
    }
}

/// What a zygote keeps for its children when it has given up all else.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) users: Users,
    pub(crate) protection: Protection,
    pub(crate) precedence: Option<Precedence>,
}

/// How one child comes to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    /// The forker, by its number in the child's process table, unless it is in another one.
    pub(crate) parent: Option<u32>,
    /// Whether the forker still has powers that the child must give up.
    pub(crate) zygote: bool,
    /// The user that the child becomes.
    pub(crate) user: Option<u32>,
}

/// Gives up everything that no child needs. What is given up here is inherited by all children, so
/// that forking stays quick. [`close`] is to follow.
pub(crate) fn seal(first_user: u32, users: u32, ranks: bool) -> Result<Sealed, Failure> {
    let status = fs::read_to_string("/proc/self/status").at(Step::SingleThread)?;
    if !status.lines().any(|line| line == "Threads:\t1") {
        return Err(io::Error::from_raw_os_error(libc::EBUSY)).at(Step::SingleThread);
    }
    let user_map = fs::read_to_string("/proc/self/uid_map").at(Step::User)?;
    let group_map = fs::read_to_string("/proc/self/gid_map").at(Step::User)?;
    let capabilities = users::capabilities(&status);
    let (own, _) = system::own_ids();
    let maps = [user_map.as_str(), group_map.as_str()];
    let users = Users::choose(first_user, users, capabilities, own, maps);
    let process_namespace = namespaces::can_make_process_tables();
    system::load_time_zone();
    let precedence = match ranks {
        true => None,
        false => Precedence::establish(),
    };

    system::forbid_new_privileges().at(Step::Privileges)?;
    system::drop_bounding_set();
    let mut kept = 0;
    if users != Users::Keep {
        // The kernel checks the zygote's right to kill its children when its own end does so.
        kept |= system::CAP_SETUID | system::CAP_SETGID | system::CAP_KILL;
    }
    if process_namespace {
        kept |= system::CAP_SYS_ADMIN;
    }
    system::keep_capabilities(kept & capabilities).at(Step::Capabilities)?;
    system::hide_memory().at(Step::Memory)?;
    let landlock = restrict_files().at(Step::Landlock)?;
    for resource in NEVER_USED {
        system::limit(resource, 0, 0).at(Step::Limits)?;
    }
    filter::refuse_probes().at(Step::Seccomp)?;
    filter::prepare().at(Step::Seccomp)?;

    let protection = Protection {
        landlock,
        separate_users: matches!(users, Users::Range { count, .. } if count > 1),
        unprivileged_user: users != Users::Keep || !system::is_root(),
        process_namespace,
        ..Protection::default()
    };
    Ok(Sealed {
        users,
        protection,
        precedence,
    })
}

/// The last step of sealing, after which the process can do nothing any more but fork, and what it does for that.
pub(crate) fn close() -> Result<(), Failure> {
    filter::allow_what_some_role_has().at(Step::Seccomp)
}

/// What neither a zygote nor a child of it may use any of.
const NEVER_USED: [Resource; 4] = [
    Resource::Core,
    Resource::LockedMemory,
    Resource::MessageQueues,
    Resource::RealtimePriority,
];

/// Denies all files, and all TCP, signals and abstract sockets across the border where the kernel
/// can. Returns the kernel's Landlock version, 0 without Landlock.
fn restrict_files() -> io::Result<u32> {
    let version = system::landlock_version();
    if version == 0 {
        return Ok(0);
    }
    let newest = ABI::V7;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(newest)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(io::Error::other)?;
    Ok(if status.ruleset == RulesetStatus::NotEnforced {
        0
    } else {
        version
    })
}

/// Jails a process that was just forked.
pub(crate) fn confine(role: Role, birth: Birth, ceilings: &Ceilings) -> Result<(), Failure> {
    system::reset_handlers().at(Step::Signals)?;
    if role.is_template() {
        system::exit_when_out_of_cpu_time().at(Step::Signals)?;
    }
    if let Some(user) = birth.user {
        system::become_user(user).at(Step::User)?;
    }
    // A template's children inherit a filter that lacks what they no longer need.
    if birth.zygote {
        system::keep_capabilities(0).at(Step::Capabilities)?;
        system::hide_memory().at(Step::Memory)?;
    }
    system::end_with_parent().at(Step::Parent)?;
    // A parent that ended before the line above sends no signal any more. The host checks this once
    // more, for a parent that can't be seen from here.
    if birth
        .parent
        .is_some_and(|parent| parent != system::parent_id())
    {
        return Err(io::Error::from_raw_os_error(libc::ESRCH)).at(Step::Parent);
    }
    if ceilings.niceness > 0 {
        system::stand_back(ceilings.niceness);
    }
    set_limits(role, ceilings).at(Step::Limits)?;
    filter::allow_only(role, birth.zygote).at(Step::Seccomp)
}

fn set_limits(role: Role, ceilings: &Ceilings) -> io::Result<()> {
    // A template's isolates inherit its hard limits, so these leave room for what the isolates add
    // to the memory they inherit, and don't narrow what each isolate may ask for otherwise.
    let (data, space) = (ceilings.data_bytes, ceilings.address_space_bytes);
    let (growth, open) = match role {
        Role::Template | Role::ThreadedTemplate => (2, u64::MAX),
        Role::Isolate | Role::Threaded => (1, 0),
    };
    limit(Resource::Data, data, data.saturating_mul(growth))?;
    limit(Resource::AddressSpace, space, space.saturating_mul(growth))?;
    let stack = ceilings.stack_bytes;
    limit(Resource::Stack, stack, stack.max(open))?;
    let descriptors = ceilings.descriptors;
    limit(Resource::Descriptors, descriptors, descriptors.max(open))?;
    let seconds = ceilings.cpu_seconds;
    limit(
        Resource::CpuSeconds,
        seconds,
        seconds.saturating_add(1).max(open),
    )?;
    let same = |resource, value| limit(resource, value, value);
    match role {
        Role::Isolate => same(Resource::Processes, 0)?,
        _ if ceilings.processes == u64::MAX => {}
        _ => same(Resource::Processes, ceilings.processes)?,
    }
    same(Resource::FileSize, 0)
}
