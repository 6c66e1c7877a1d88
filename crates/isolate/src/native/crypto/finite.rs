//! Whole numbers of any size, for Diffie-Hellman and primes. They are bytes, the most significant first.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, NonZero, Odd};
use crypto_primes::Flavor;
use rquickjs::{ArrayBuffer, Ctx, Result};

use super::output::buffer_or_undefined;
use crate::native::bytes::Input;
use crate::native::random;

/// The largest number, as OpenSSL bounds what it calculates with.
const MAX_BITS: u32 = 16_384;

fn number(bytes: &[u8]) -> Option<BoxedUint> {
    let bits = u32::try_from(bytes.len()).ok()?.checked_mul(8)?.max(8);
    (bits <= MAX_BITS).then(|| BoxedUint::from_be_slice(bytes, bits).ok())?
}

fn raise(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Box<[u8]>> {
    let modulus = number(modulus)?;
    let parameters = BoxedMontyParams::new(Option::<Odd<_>>::from(Odd::new(modulus.clone()))?);
    let modulus = Option::<NonZero<_>>::from(NonZero::new(modulus))?;
    let base = number(base)?.rem(&modulus);
    let power = BoxedMontyForm::new(base, &parameters).pow(&number(exponent)?);
    Some(power.retrieve().to_be_bytes())
}

/// `power(base, exponent, modulus)`: what remains of a power; undefined for a modulus that is even or too large.
pub(super) fn power<'js>(
    ctx: Ctx<'js>,
    base: Input<'js>,
    exponent: Input<'js>,
    modulus: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    buffer_or_undefined(&ctx, raise(&base, &exponent, &modulus))
}

/// `isPrime(number)`: undefined when it is too large.
#[expect(clippy::needless_pass_by_value, reason = "the engine gives it away")]
pub(super) fn is_prime(candidate: Input<'_>) -> Option<bool> {
    Some(crypto_primes::is_prime(Flavor::Any, &number(&candidate)?))
}

/// `randomPrime(bits, isSafe)`: undefined when there is none of this size, or it is too large.
pub(super) fn random_prime(
    ctx: Ctx<'_>,
    bits: u32,
    is_safe: bool,
) -> Result<Option<ArrayBuffer<'_>>> {
    let (flavor, smallest) = if is_safe {
        (Flavor::Safe, 3)
    } else {
        (Flavor::Any, 2)
    };
    if !(smallest..=MAX_BITS).contains(&bits) {
        return Ok(None);
    }
    let mut generator = random::generator(&ctx)?;
    let prime: BoxedUint = crypto_primes::random_prime(&mut generator, flavor, bits);
    buffer_or_undefined(&ctx, Some(prime.to_be_bytes()))
}
