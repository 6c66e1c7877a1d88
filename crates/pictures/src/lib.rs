//! PNG files as points, and points as PNG files (<https://www.w3.org/TR/png-3/>).
//!
//! What comes from outside may be anything, so the bounds come first. No interlacing, no colour spaces, no animation.

mod read;
mod write;

pub use read::Error;

/// The most points of a picture that is read: 4K, 3840 by 2160, is just below.
pub const MAX_POINTS: usize = 8 << 20;

/// How a PNG begins.
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Points in rows, from the top left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picture {
    /// Points across.
    pub width: usize,
    /// Each point as red, green, blue, and how opaque it is.
    pub points: Vec<[u8; 4]>,
}

impl Picture {
    /// The points of a PNG.
    ///
    /// # Errors
    /// It is none, it is broken, or nobody here reads its like.
    pub fn read(png: &[u8]) -> Result<Self, Error> {
        read::picture(png)
    }

    /// A PNG, with a text in it if there is one. It tells how opaque points are if one of them is not.
    ///
    /// # Panics
    /// If it has no points, more than [`MAX_POINTS`], or no whole rows.
    #[must_use]
    pub fn write(&self, text: Option<&str>) -> Vec<u8> {
        write::png(self, text)
    }

    /// Points down.
    #[must_use]
    pub fn height(&self) -> usize {
        self.points.len() / self.width
    }

    /// Whether every point is wholly opaque.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        self.points.iter().all(|point| point[3] == u8::MAX)
    }
}
