//! `atoll:native/random`: all randomness of an isolate, from the seed in its first frame.

use std::cell::RefCell;
use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use rquickjs::{Ctx, Exception, Function, Object, Result};

use super::bytes::Output;

thread_local! {
    /// Empty in a template, so that the isolates forked from it share nothing random.
    static GENERATOR: RefCell<Option<ChaCha20Rng>> = const { RefCell::new(None) };
    /// `Math.random` answers in the global scope too, with the same numbers in every fork.
    static GLOBAL_SCOPE_GENERATOR: RefCell<ChaCha20Rng> =
        RefCell::new(ChaCha20Rng::from_seed([0; 32]));
}

/// What Workers say when randomness, time or I/O is asked for while a module is evaluated.
pub(crate) const GLOBAL_SCOPE: &str = "Disallowed operation called within global scope. Asynchronous I/O \
(ex: fetch() or connect()), setting a timeout, and generating random values are not allowed within global scope. \
To fix this error, perform this operation within a handler. https://developers.cloudflare.com/workers/runtime-apis/handlers/";

/// Starts a new sequence.
pub(crate) fn reseed(seed: [u8; 32]) {
    GENERATOR.set(Some(ChaCha20Rng::from_seed(seed)));
}

/// Makes numbers once, for which the machine is asked what it can do. On virtual ones that takes long, and forks know then.
pub(crate) fn warm_up() {
    ChaCha20Rng::from_seed([0; 32]).next_u32();
}

/// The isolate's generator, for crates that take one. It exists only where there is a seed.
pub(crate) struct Generator(());

/// Gives the isolate's generator.
///
/// # Errors
/// Throws Workers' error in the global scope, where there is no seed.
pub(crate) fn generator(ctx: &Ctx<'_>) -> Result<Generator> {
    if GENERATOR.with_borrow(Option::is_some) {
        Ok(Generator(()))
    } else {
        Err(Exception::throw_message(ctx, GLOBAL_SCOPE))
    }
}

fn with<R>(work: impl FnOnce(&mut ChaCha20Rng) -> R) -> R {
    GENERATOR.with_borrow_mut(|generator| {
        work(
            generator
                .as_mut()
                .expect("a Generator is only made after a seed"),
        )
    })
}

/// Random bytes for SQLite, which has no way to fail: it only runs where there is a seed.
pub(crate) fn fill_for_sqlite(out: &mut [u8]) {
    GENERATOR.with_borrow_mut(|generator| match generator {
        Some(generator) => generator.fill_bytes(out),
        None => out.fill(0),
    });
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(with(Rng::next_u32))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(with(Rng::next_u64))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        with(|generator| generator.fill_bytes(bytes));
        Ok(())
    }
}

impl TryCryptoRng for Generator {}

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("float", Function::new(ctx.clone(), float)?)?;
    exports.set("fill", Function::new(ctx.clone(), fill)?)?;
    exports.set("uuid", Function::new(ctx.clone(), uuid)?)?;
    Ok(exports)
}

/// A number from 0 up to 1 with 53 random bits.
fn float() -> f64 {
    let bits = GENERATOR.with_borrow_mut(|generator| match generator {
        Some(generator) => generator.next_u64(),
        None => GLOBAL_SCOPE_GENERATOR.with_borrow_mut(Rng::next_u64),
    });
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// `fill(bytes)`: random ones.
fn fill(ctx: Ctx<'_>, mut bytes: Output<'_>) -> Result<()> {
    generator(&ctx)?.fill_bytes(bytes.as_mut());
    Ok(())
}

/// A version 4 UUID, RFC 9562.
fn uuid(ctx: Ctx<'_>) -> Result<String> {
    let mut bytes = [0; 16];
    generator(&ctx)?.fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            text.push(char::from_digit(u32::from(digit), 16).expect("a nibble is a digit"));
        }
    }
    Ok(text)
}
