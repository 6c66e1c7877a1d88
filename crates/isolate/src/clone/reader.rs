//! Numbers out of hostile bytes.

use rquickjs::Error;

/// Why there is no value.
pub(super) enum Fault {
    /// The engine, or an extension, threw.
    Thrown(Error),
    /// The encoder did not write these bytes.
    Corrupt,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Thrown(error)
    }
}

pub(super) type Decoded<T> = std::result::Result<T, Fault>;

/// The bytes that are left.
pub(super) struct Reader<'b> {
    pub(super) rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(super) fn byte(&mut self) -> Decoded<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::Corrupt)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn take(&mut self, count: u64) -> Decoded<&'b [u8]> {
        let count = usize::try_from(count).map_err(|_| Fault::Corrupt)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Fault::Corrupt)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn varint(&mut self) -> Decoded<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Fault::Corrupt)
    }

    pub(super) fn zigzag(&mut self) -> Decoded<i64> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn float(&mut self) -> Decoded<f64> {
        let bytes = self.take(8)?;
        Ok(f64::from_le_bytes(
            bytes.try_into().map_err(|_| Fault::Corrupt)?,
        ))
    }
}
