//! `atoll:native/random`: every random number comes from the seed in the isolate's first frame.

use std::cell::RefCell;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

thread_local! {
    static GENERATOR: RefCell<Option<ChaCha20Rng>> = const { RefCell::new(None) };
}

/// What Workers say when randomness, time or I/O is asked for while a module is evaluated.
pub(crate) const GLOBAL_SCOPE: &str = "Disallowed operation called within global scope. Asynchronous I/O \
(ex: fetch() or connect()), setting a timeout, and generating random values are not allowed within global scope. \
To fix this error, perform this operation within a handler. https://developers.cloudflare.com/workers/runtime-apis/handlers/";

/// Starts a new sequence.
pub(crate) fn reseed(seed: [u8; 32]) {
    GENERATOR.set(Some(ChaCha20Rng::from_seed(seed)));
}

/// Fills `bytes` with random ones.
///
/// # Errors
/// Throws Workers' error in the global scope, where there is no seed.
pub(crate) fn fill(ctx: &Ctx<'_>, bytes: &mut [u8]) -> Result<()> {
    GENERATOR.with_borrow_mut(|generator| match generator {
        Some(generator) => {
            generator.fill_bytes(bytes);
            Ok(())
        }
        None => Err(Exception::throw_message(ctx, GLOBAL_SCOPE)),
    })
}

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("float", Function::new(ctx.clone(), float)?)?;
    exports.set("bytes", Function::new(ctx.clone(), bytes)?)?;
    Ok(exports)
}

/// A number from 0 up to 1 with 53 random bits.
fn float(ctx: Ctx<'_>) -> Result<f64> {
    let mut bytes = [0; 8];
    fill(&ctx, &mut bytes)?;
    Ok((u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64)
}

/// That many random bytes.
fn bytes<'js>(ctx: Ctx<'js>, count: usize) -> Result<TypedArray<'js, u8>> {
    if count > 64 * 1024 * 1024 {
        return Err(Exception::throw_range(
            &ctx,
            "too many random bytes at once",
        ));
    }
    let mut bytes = vec![0; count];
    fill(&ctx, &mut bytes)?;
    TypedArray::new(ctx, bytes)
}
