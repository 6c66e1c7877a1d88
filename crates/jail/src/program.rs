//! Filters of system calls, as the kernel runs them.
//!
//! The kernel translates a filter anew for each process that installs it, and tries it on every call that the filters before
//! it allow. Both take as long as the program is, so what is not special about a call takes one instruction.

use std::collections::BTreeMap;
use std::io;

use libc::{c_long, sock_filter};

/// What a filter answers, in the kernel's numbers.
pub(crate) type Verdict = u32;

pub(crate) const ALLOW: Verdict = libc::SECCOMP_RET_ALLOW;
pub(crate) const KILL: Verdict = libc::SECCOMP_RET_KILL_PROCESS;

/// The call fails with this error.
pub(crate) const fn fails_with(errno: libc::c_int) -> Verdict {
    libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()
}

/// What one argument of a call must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) argument: u32,
    /// The bits that are looked at.
    pub(crate) mask: u64,
    pub(crate) value: u64,
}

/// Conditions that a call meets together.
pub(crate) type Way = Vec<Condition>;

/// What is said to one call.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    Always(Verdict),
    /// The first verdict to a call that is made in one of these ways, the second to all others.
    If(Vec<Way>, Verdict, Verdict),
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// Where the kernel's description of a call has what: its number, the architecture that the number belongs to, arguments.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS_AT: u32 = 16;

/// The program that says to each call what is decided of it, and `otherwise` to those of which nothing is.
pub(crate) fn assemble(
    calls: &BTreeMap<c_long, Decision>,
    otherwise: Verdict,
) -> io::Result<Vec<sock_filter>> {
    let mut program = vec![
        load(ARCHITECTURE_AT),
        jump(ARCHITECTURE, 1, 0),
        give(KILL),
        load(NUMBER_AT),
    ];
    let mut always = Vec::new();
    for (call, decision) in calls {
        let call = u32::try_from(*call).map_err(io::Error::other)?;
        match decision {
            Decision::Always(verdict) if *verdict == otherwise => {}
            Decision::Always(verdict) => always.push((call, *verdict)),
            Decision::If(ways, verdict, other) => {
                let block = either_way(ways, *verdict, *other)?;
                program.push(jump(call, 0, distance(block.len())?));
                program.extend(block);
            }
        }
    }
    let mut verdicts: Vec<Verdict> = always.iter().map(|(_, verdict)| *verdict).collect();
    verdicts.sort_unstable();
    verdicts.dedup();
    for (index, (call, verdict)) in always.iter().enumerate() {
        let place = verdicts.partition_point(|earlier| earlier < verdict);
        // Over the calls that come after it, and what is given to those that are none of them.
        let over = always.len() - index + place;
        program.push(jump(*call, distance(over)?, 0));
    }
    program.push(give(otherwise));
    program.extend(verdicts.into_iter().map(give));
    Ok(program)
}

/// Gives a verdict in any case.
fn either_way(ways: &[Way], verdict: Verdict, other: Verdict) -> io::Result<Vec<sock_filter>> {
    let mut block = Vec::new();
    for way in ways {
        let mut tests = Vec::new();
        for condition in way {
            tests.extend(halves(condition).flat_map(|(at, mask, value)| {
                let masked = (mask != u32::MAX).then(|| keep_bits(mask));
                let instructions = [Some(load(at)), masked, Some(jump(value, 0, 0))];
                instructions.into_iter().flatten()
            }));
        }
        tests.push(give(verdict));
        let length = tests.len();
        let jumps = tests.iter_mut().enumerate();
        for (index, test) in jumps.filter(|(_, test)| u32::from(test.code) == EQUAL) {
            test.jf = distance(length - index - 1)?;
        }
        block.extend(tests);
    }
    block.push(give(other));
    Ok(block)
}

/// The halves of an argument of which a condition looks at any bits: where each is, the bits, and what they must be.
fn halves(condition: &Condition) -> impl Iterator<Item = (u32, u32, u32)> {
    let Condition {
        argument,
        mask,
        value,
    } = *condition;
    let at = ARGUMENTS_AT + 8 * argument;
    let (low, high) = match cfg!(target_endian = "little") {
        true => (at, at + 4),
        false => (at + 4, at),
    };
    let upper = |word: u64| (word >> 32) as u32;
    [
        (high, upper(mask), upper(value)),
        (low, mask as u32, value as u32),
    ]
    .into_iter()
    .filter(|(_, mask, _)| *mask != 0)
}

/// What a jump passes over.
fn distance(instructions: usize) -> io::Result<u8> {
    u8::try_from(instructions).map_err(io::Error::other)
}

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    let code = u16::try_from(code).expect("codes of instructions are small");
    sock_filter { code, jt, jf, k }
}

fn load(at: u32) -> sock_filter {
    instruction(LOAD, at, 0, 0)
}

/// Jumps over so many instructions when the last one that was loaded is `value`, and over so many when it is not.
fn jump(value: u32, if_so: u8, if_not: u8) -> sock_filter {
    instruction(EQUAL, value, if_so, if_not)
}

fn keep_bits(mask: u32) -> sock_filter {
    instruction(AND, mask, 0, 0)
}

fn give(verdict: Verdict) -> sock_filter {
    instruction(RETURN, verdict, 0, 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A call as the kernel describes it to a filter.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Call {
        pub(crate) architecture: u32,
        pub(crate) number: u32,
        pub(crate) arguments: [u64; 6],
    }

    impl Call {
        pub(crate) fn new(number: u32, arguments: [u64; 6]) -> Self {
            Self {
                architecture: ARCHITECTURE,
                number,
                arguments,
            }
        }

        fn word(&self, at: u32) -> u32 {
            match at {
                NUMBER_AT => self.number,
                ARCHITECTURE_AT => self.architecture,
                _ => {
                    let bytes = self.arguments.map(u64::to_ne_bytes);
                    let start = (at - ARGUMENTS_AT) as usize;
                    let word = &bytes.as_flattened()[start..start + 4];
                    u32::from_ne_bytes(word.try_into().unwrap())
                }
            }
        }
    }

    /// Runs a program as the kernel would.
    pub(crate) fn verdict(program: &[sock_filter], call: &Call) -> Verdict {
        let (mut accumulator, mut at) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            match u32::from(code) {
                LOAD => accumulator = call.word(k),
                AND => accumulator &= k,
                EQUAL if accumulator == k => at += usize::from(jt),
                EQUAL => at += usize::from(jf),
                RETURN => return k,
                other => panic!("there is no instruction {other}"),
            }
        }
    }

    #[test]
    fn each_call_gets_its_verdict() {
        let condition = |argument, mask, value| Condition {
            argument,
            mask,
            value,
        };
        let long = 0x1_0000_0002;
        let refused = fails_with(libc::EPERM);
        let calls = BTreeMap::from([
            (3, Decision::Always(ALLOW)),
            (5, Decision::Always(refused)),
            (
                7,
                Decision::If(
                    vec![
                        vec![condition(0, u64::MAX, long), condition(2, 0b110, 0b010)],
                        vec![condition(5, u64::from(u32::MAX), 9)],
                    ],
                    ALLOW,
                    refused,
                ),
            ),
            (9, Decision::Always(KILL)),
        ]);
        let program = assemble(&calls, KILL).unwrap();
        let of = |number, arguments| verdict(&program, &Call::new(number, arguments));
        assert_eq!(of(3, [1; 6]), ALLOW);
        assert_eq!(of(5, [0; 6]), refused);
        assert_eq!(of(9, [0; 6]), KILL);
        assert_eq!(of(4, [0; 6]), KILL);
        assert_eq!(of(7, [long, 0, 0b011, 0, 0, 0]), ALLOW);
        assert_eq!(of(7, [long, 0, 0b111, 0, 0, 0]), refused);
        assert_eq!(of(7, [2, 0, 0b010, 0, 0, 0]), refused);
        assert_eq!(of(7, [0, 0, 0, 0, 0, long << 32 | 9]), ALLOW);
        let foreign = Call {
            architecture: 0x4000_0003,
            ..Call::new(3, [0; 6])
        };
        assert_eq!(verdict(&program, &foreign), KILL);
    }
}
