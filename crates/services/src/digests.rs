//! Checksums of bytes that pass by.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

enum One {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

/// Several at a time.
pub(crate) struct Digests(Vec<One>);

impl Digests {
    /// Those that a list of names asks for. Names that are none are left out.
    pub(crate) fn named(names: &str) -> Self {
        let one = |name: &str| {
            Some(match name.trim() {
                "md5" => One::Md5(Md5::new()),
                "sha1" => One::Sha1(Sha1::new()),
                "sha256" => One::Sha256(Sha256::new()),
                "sha384" => One::Sha384(Sha384::new()),
                "sha512" => One::Sha512(Sha512::new()),
                _ => return None,
            })
        };
        Self(names.split(',').filter_map(one).collect())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for one in &mut self.0 {
            match one {
                One::Md5(state) => state.update(bytes),
                One::Sha1(state) => state.update(bytes),
                One::Sha256(state) => state.update(bytes),
                One::Sha384(state) => state.update(bytes),
                One::Sha512(state) => state.update(bytes),
            }
        }
    }

    /// Each by its name, in hexadecimal.
    pub(crate) fn finish(self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.into_iter().map(|one| match one {
            One::Md5(state) => ("md5", hex(&state.finalize())),
            One::Sha1(state) => ("sha1", hex(&state.finalize())),
            One::Sha256(state) => ("sha256", hex(&state.finalize())),
            One::Sha384(state) => ("sha384", hex(&state.finalize())),
            One::Sha512(state) => ("sha512", hex(&state.finalize())),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_asked_for_are_made() {
        let mut digests = Digests::named("md5, sha1,nothing");
        digests.update(b"a");
        digests.update(b"bc");
        let made: Vec<_> = digests.finish().collect();
        assert_eq!(
            made,
            [
                ("md5", "900150983cd24fb0d6963f7d28e17f72".to_owned()),
                (
                    "sha1",
                    "a9993e364706816aba3e25717850c26c9cd0d89d".to_owned()
                ),
            ]
        );
    }
}
