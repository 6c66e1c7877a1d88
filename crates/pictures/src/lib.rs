//! PNG files as points, and points as PNG files.
//!
//! What comes from outside may be anything, so the bounds come first. Of an animation, the first picture counts.

mod read;

pub use read::Error;

/// The most points of a picture that is read: 4K, 3840 by 2160, is just below.
pub const MAX_POINTS: usize = 8 << 20;

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
        self.encode(text)
            .expect("memory takes it, and the sides are bounded")
    }

    fn encode(&self, text: Option<&str>) -> Result<Vec<u8>, png::EncodingError> {
        let count = self.points.len();
        assert!((1..=MAX_POINTS).contains(&count) && count.is_multiple_of(self.width));
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width), side(self.height()));
        encoder.set_depth(png::BitDepth::Eight);
        // Squares and masks are small without one, and whoever reads rows finds points.
        encoder.set_filter(png::Filter::NoFilter);
        let (colours, samples) = match self.is_opaque() {
            true => (png::ColorType::Rgb, 3),
            false => (png::ColorType::Rgba, 4),
        };
        encoder.set_color(colours);
        if let Some(text) = text {
            encoder.add_itxt_chunk("Description".to_owned(), text.to_owned())?;
        }
        let samples = self.points.iter().flat_map(|point| &point[..samples]);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&samples.copied().collect::<Vec<_>>())?;
        writer.finish()?;
        Ok(bytes)
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
