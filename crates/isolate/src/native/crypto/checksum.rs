//! The checksums that `DigestStream` computes beside hashes, all reflected.

use rquickjs::{ArrayBuffer, Class, Ctx, Exception, Result};

use super::output::buffer;
use crate::native::bytes::Input;
use crate::native::handle::Handle;

/// A checksum by its reflected polynomial; narrow ones use the low bits.
pub(super) struct Checksum {
    table: &'static [u64; 256],
    register: u64,
    bytes: usize,
}

static CRC32: [u64; 256] = table(0xedb8_8320);
static CRC32C: [u64; 256] = table(0x82f6_3b78);
static CRC64_NVME: [u64; 256] = table(0x9a6c_9329_ac4b_c9b5);

const fn table(polynomial: u64) -> [u64; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ polynomial
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// `checksumStart(name)`.
pub(super) fn start<'js>(ctx: Ctx<'js>, name: String) -> Result<Class<'js, Handle<Checksum>>> {
    let (table, bytes) = match name.as_str() {
        "crc32" => (&CRC32, 4),
        "crc32c" => (&CRC32C, 4),
        "crc64nvme" => (&CRC64_NVME, 8),
        _ => {
            return Err(Exception::throw_type(
                &ctx,
                &format!("no such checksum: {name}"),
            ));
        }
    };
    let register = u64::MAX >> (64 - 8 * bytes);
    Handle::give(
        &ctx,
        Checksum {
            table,
            register,
            bytes,
        },
    )
}

/// `checksumUpdate(state, data)`.
pub(super) fn update<'js>(state: Class<'js, Handle<Checksum>>, data: Input<'js>) -> Result<()> {
    let state = &mut state.try_borrow_mut()?.0;
    for byte in data.iter() {
        let index = (state.register as u8) ^ byte;
        state.register = (state.register >> 8) ^ state.table[usize::from(index)];
    }
    Ok(())
}

/// `checksumFinish(state)`: big-endian.
pub(super) fn finish<'js>(
    ctx: Ctx<'js>,
    state: Class<'js, Handle<Checksum>>,
) -> Result<ArrayBuffer<'js>> {
    let state = &state.try_borrow()?.0;
    let value = (!state.register).to_be_bytes();
    buffer(&ctx, &value[8 - state.bytes..])
}
