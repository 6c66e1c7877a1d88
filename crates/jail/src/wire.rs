//! The control messages: fixed size, tagged, strictly one answer to each request.
//!
//! The far end of a template's control socket is hostile, so an answer is nothing but numbers, each
//! checked where it is read.

use crate::limits::Role;
use crate::protection::Protection;

/// Starts every message, so that application bytes left in the socket are never taken for one.
const REQUEST_TAG: u64 = u64::from_le_bytes(*b"jail\0req");
const REPLY_TAG: u64 = u64::from_le_bytes(*b"jail\0rep");

pub(crate) const REQUEST_WORDS: usize = 11;
pub(crate) const REPLY_WORDS: usize = 4;

/// Resource limits as absolute numbers, ready for `setrlimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ceilings {
    pub(crate) data_bytes: u64,
    pub(crate) address_space_bytes: u64,
    pub(crate) stack_bytes: u64,
    /// `u64::MAX` for no limit.
    pub(crate) cpu_seconds: u64,
    pub(crate) descriptors: u64,
    pub(crate) processes: u64,
    pub(crate) niceness: u64,
}

/// Host to forker. A fork's message also carries the child's end of its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Give up every power that children don't need, then answer with the protection in force.
    Seal {
        first_user: u32,
        users: u32,
        /// The host says whom the kernel ends when memory is short. Otherwise the zygote does.
        ranks: bool,
    },
    /// Fork. The answer says that the fork happened; the child's own socket says that its jail is
    /// up.
    Fork { role: Role, ceilings: Ceilings },
    /// Tell how the child forked for request `id` ended.
    Reap { id: u64 },
}

/// Forker to host, or (for [`Reply::Ready`]) child to host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The protection in force.
    Sealed(Protection),
    /// The fork happened. A zygote's reply carries a descriptor of the child as well.
    Forked {
        /// The child, by its number among the forker's own.
        pid: u32,
    },
    /// The jail of the new process is up.
    Ready,
    /// A step failed with this `errno`.
    Failed { step: u32, errno: i32 },
    /// The child has not ended.
    Running,
    /// The child ended with this `wait` status.
    Exited { status: i32 },
    /// There is no such child, or it ended too long ago.
    NoSuchChild,
}

fn to_bytes<const WORDS: usize>(words: [u64; WORDS]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn to_words<const WORDS: usize>(bytes: &[u8]) -> Option<[u64; WORDS]> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return None;
    }
    let mut words = [0; WORDS];
    if chunks.len() != WORDS {
        return None;
    }
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    Some(words)
}

fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

fn layers(protection: Protection) -> u32 {
    u32::from(protection.separate_users)
        | u32::from(protection.unprivileged_user) << 1
        | u32::from(protection.process_namespace) << 2
        | u32::from(protection.network_namespace) << 3
}

impl Request {
    pub(crate) fn encode(self, id: u64) -> Vec<u8> {
        let mut words = [0; REQUEST_WORDS];
        words[0] = REQUEST_TAG;
        words[1] = id;
        match self {
            Self::Seal {
                first_user,
                users,
                ranks,
            } => {
                words[2] = 1;
                words[3] = pair(first_user, users);
                words[4] = u64::from(ranks);
            }
            Self::Fork { role, ceilings } => {
                words[2] = 2;
                words[3] = match role {
                    Role::Template => 1,
                    Role::Isolate => 2,
                    Role::Threaded => 3,
                    Role::ThreadedTemplate => 4,
                };
                words[4] = ceilings.data_bytes;
                words[5] = ceilings.address_space_bytes;
                words[6] = ceilings.stack_bytes;
                words[7] = ceilings.cpu_seconds;
                words[8] = ceilings.descriptors;
                words[9] = ceilings.processes;
                words[10] = ceilings.niceness;
            }
            Self::Reap { id } => {
                words[2] = 3;
                words[3] = id;
            }
        }
        to_bytes(words)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let words = to_words::<REQUEST_WORDS>(bytes)?;
        if words[0] != REQUEST_TAG {
            return None;
        }
        let request = match words[2] {
            1 => {
                let (first_user, users) = halves(words[3]);
                Self::Seal {
                    first_user,
                    users,
                    ranks: words[4] != 0,
                }
            }
            2 => Self::Fork {
                role: match words[3] {
                    1 => Role::Template,
                    2 => Role::Isolate,
                    3 => Role::Threaded,
                    4 => Role::ThreadedTemplate,
                    _ => return None,
                },
                ceilings: Ceilings {
                    data_bytes: words[4],
                    address_space_bytes: words[5],
                    stack_bytes: words[6],
                    cpu_seconds: words[7],
                    descriptors: words[8],
                    processes: words[9],
                    niceness: words[10],
                },
            },
            3 => Self::Reap { id: words[3] },
            _ => return None,
        };
        Some((words[1], request))
    }
}

impl Reply {
    pub(crate) fn encode(self, id: u64) -> Vec<u8> {
        let (kind, value) = match self {
            Self::Sealed(protection) => (1, pair(protection.landlock, layers(protection))),
            Self::Forked { pid } => (2, u64::from(pid)),
            Self::Ready => (3, 0),
            Self::Failed { step, errno } => (4, pair(step, errno.cast_unsigned())),
            Self::Running => (5, 0),
            Self::Exited { status } => (6, u64::from(status.cast_unsigned())),
            Self::NoSuchChild => (7, 0),
        };
        to_bytes([REPLY_TAG, id, kind, value])
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let [tag, id, kind, value] = to_words::<REPLY_WORDS>(bytes)?;
        if tag != REPLY_TAG {
            return None;
        }
        let (high, low) = halves(value);
        let reply = match kind {
            1 => Self::Sealed(Protection {
                landlock: high,
                separate_users: low & 1 != 0,
                unprivileged_user: low & 2 != 0,
                process_namespace: low & 4 != 0,
                network_namespace: low & 8 != 0,
            }),
            2 => Self::Forked { pid: low },
            3 => Self::Ready,
            4 => Self::Failed {
                step: high,
                errno: low.cast_signed(),
            },
            5 => Self::Running,
            6 => Self::Exited {
                status: low.cast_signed(),
            },
            7 => Self::NoSuchChild,
            _ => return None,
        };
        Some((id, reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire() {
        let fork = Request::Fork {
            role: Role::Isolate,
            ceilings: Ceilings {
                data_bytes: 1,
                address_space_bytes: 2,
                stack_bytes: 3,
                cpu_seconds: u64::MAX,
                descriptors: 5,
                processes: 6,
                niceness: 7,
            },
        };
        let seal = Request::Seal {
            first_user: 0x7000_0000,
            users: 65_536,
            ranks: true,
        };
        for request in [fork, seal, Request::Reap { id: 9 }] {
            assert_eq!(Request::decode(&request.encode(7)), Some((7, request)));
        }
        let failed = Reply::Failed {
            step: 3,
            errno: libc::EPERM,
        };
        let sealed = Reply::Sealed(Protection {
            landlock: 7,
            unprivileged_user: true,
            network_namespace: true,
            ..Protection::default()
        });
        let forked = Reply::Forked { pid: 70_000 };
        for reply in [
            failed,
            sealed,
            forked,
            Reply::Ready,
            Reply::Exited { status: -1 },
        ] {
            assert_eq!(Reply::decode(&reply.encode(8)), Some((8, reply)));
        }
    }

    #[test]
    fn foreign_bytes_are_no_message() {
        assert_eq!(Request::decode(&[0; REQUEST_WORDS * 8]), None);
        assert_eq!(Reply::decode(&Reply::Ready.encode(1)[1..]), None);
        assert_eq!(Reply::decode(b"GET / HTTP/1.1\r\n\r\n GET / HTTP/1"), None);
    }
}
