use std::io::Cursor;

use png::{ColorType, Decoder, DecodingError, Limits, Transformations};

use crate::{MAX_POINTS, Picture};

/// How a PNG begins.
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Why a picture cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// It does not begin like a PNG.
    #[error("it is no PNG")]
    Other,
    /// It begins like one.
    #[error("it is a PNG that is broken")]
    Broken,
    /// It has more than [`MAX_POINTS`].
    #[error("it has more than {MAX_POINTS} points")]
    TooLarge,
}

impl From<DecodingError> for Error {
    fn from(error: DecodingError) -> Self {
        match error {
            DecodingError::LimitsExceeded => Self::TooLarge,
            _ => Self::Broken,
        }
    }
}

pub(crate) fn picture(file: &[u8]) -> Result<Picture, Error> {
    if !file.starts_with(&SIGNATURE) {
        return Err(Error::Other);
    }
    // Room for two rows of the widest, of four samples of two bytes.
    let limits = Limits {
        bytes: 16 * MAX_POINTS,
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info()?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width.saturating_mul(height) > MAX_POINTS {
        return Err(Error::TooLarge);
    }
    let mut bytes = vec![0; reader.output_buffer_size().ok_or(Error::TooLarge)?];
    let frame = reader.next_frame(&mut bytes)?;
    // What follows the first picture has to be a PNG's as well.
    reader.finish()?;
    let bytes = &bytes[..frame.buffer_size()];
    let points = match frame.color_type {
        ColorType::Rgba => bytes.as_chunks().0.to_vec(),
        ColorType::GrayscaleAlpha => {
            let pairs = bytes.as_chunks().0.iter();
            pairs
                .map(|&[grey, alpha]| [grey, grey, grey, alpha])
                .collect()
        }
        _ => return Err(Error::Broken),
    };
    Ok(Picture { width, points })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;

    fn chunk(png: &mut Vec<u8>, kind: [u8; 4], bytes: &[u8]) {
        png.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        let start = png.len();
        png.extend(kind);
        png.extend(bytes);
        png.extend(crc32fast::hash(&png[start..]).to_be_bytes());
    }

    /// A PNG of these rows, which begin with their filter.
    fn png(header: [u8; 5], side: [u8; 2], before: &[([u8; 4], &[u8])], rows: &[&[u8]]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        let sides = [0, 0, 0, side[0], 0, 0, 0, side[1]];
        chunk(&mut bytes, *b"IHDR", &[&sides[..], &header].concat());
        for (kind, content) in before {
            chunk(&mut bytes, *kind, content);
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&rows.concat()).unwrap();
        let packed = packed.finish().unwrap();
        // In two pieces, as large ones are.
        let (first, second) = packed.split_at(packed.len() / 2);
        chunk(&mut bytes, *b"IDAT", first);
        chunk(&mut bytes, *b"IDAT", second);
        chunk(&mut bytes, *b"IEND", &[]);
        bytes
    }

    fn points(png: &[u8]) -> Vec<[u8; 4]> {
        Picture::read(png).unwrap().points
    }

    #[test]
    fn each_filter_gives_the_bytes_back() {
        let rows: [&[u8]; 5] = [
            &[0, 10, 20, 30],
            &[1, 10, 10, 10],
            &[2, 5, 5, 5],
            &[3, 8, 8, 8],
            &[4, 1, 1, 1],
        ];
        let read = points(&png([8, 0, 0, 0, 0], [3, 5], &[], &rows));
        let greys: Vec<u8> = read.iter().map(|[grey, ..]| *grey).collect();
        let expected = [10, 20, 30, 10, 20, 30, 15, 25, 35, 15, 28, 39, 16, 29, 40];
        assert_eq!(greys, expected);
    }

    #[test]
    fn each_kind_of_colour_becomes_red_green_blue_and_alpha() {
        let bits = png([1, 0, 0, 0, 0], [3, 1], &[], &[&[0, 0b0100_0000]]);
        let (black, white) = ([0, 0, 0, 255], [255, 255, 255, 255]);
        assert_eq!(points(&bits), [black, white, black]);
        let deep = png([16, 2, 0, 0, 0], [1, 1], &[], &[&[0, 255, 0, 128, 9, 0, 9]]);
        assert_eq!(points(&deep), [[255, 128, 0, 255]]);
        let hole: &[([u8; 4], &[u8])] = &[(*b"tRNS", &[0, 7])];
        let grey = png([8, 0, 0, 0, 0], [2, 1], hole, &[&[0, 7, 8]]);
        assert_eq!(points(&grey), [[7, 7, 7, 0], [8, 8, 8, 255]]);
        let palette: &[([u8; 4], &[u8])] = &[(*b"PLTE", &[1, 2, 3, 4, 5, 6]), (*b"tRNS", &[128])];
        let mapped = png([4, 3, 0, 0, 0], [2, 1], palette, &[&[0, 0x01]]);
        assert_eq!(points(&mapped), [[1, 2, 3, 128], [4, 5, 6, 255]]);
        let both = png([8, 4, 0, 0, 0], [1, 1], &[], &[&[0, 9, 4]]);
        assert_eq!(points(&both), [[9, 9, 9, 4]]);
        let all = png([8, 6, 0, 0, 0], [1, 1], &[], &[&[0, 1, 2, 3, 4]]);
        assert_eq!(points(&all), [[1, 2, 3, 4]]);
        let interlaced = png([8, 0, 0, 0, 1], [2, 1], &[], &[&[0, 1], &[0, 2]]);
        assert_eq!(points(&interlaced), [[1, 1, 1, 255], [2, 2, 2, 255]]);
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so() {
        let read = |png: &[u8]| Picture::read(png).unwrap_err();
        assert_eq!(read(b"\xff\xd8\xff"), Error::Other);
        assert_eq!(read(&SIGNATURE), Error::Broken);
        let outside = png([8, 3, 0, 0, 0], [1, 1], &[], &[&[0, 1]]);
        assert_eq!(read(&outside), Error::Broken);
        let short = png([8, 0, 0, 0, 0], [2, 2], &[], &[&[0, 1, 1]]);
        assert_eq!(read(&short), Error::Broken);
        let mut large = png([8, 0, 0, 0, 0], [1, 1], &[], &[&[0, 1]]);
        large[16..24].fill(0x7f);
        let sum = crc32fast::hash(&large[12..29]);
        large[29..33].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(read(&large), Error::TooLarge);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(width in 1..9_usize, height in 1..9_usize, seed: Vec<[u8; 4]>) {
            let seed = seed.iter().copied().chain([[1, 2, 3, 255]]).cycle();
            let picture = Picture { width, points: seed.take(width * height).collect() };
            prop_assert_eq!(Picture::read(&picture.write(Some("a"))), Ok(picture));
        }

        #[test]
        fn a_broken_picture_is_an_error_or_another_picture(at: prop::sample::Index, to: u8, cut: prop::sample::Index) {
            let rows: [&[u8]; 2] = [&[4, 1, 2, 3, 4, 5, 6], &[3, 1, 2, 3, 4, 5, 6]];
            let mut bytes = png([8, 2, 0, 0, 0], [2, 2], &[], &rows);
            let index = at.index(bytes.len());
            bytes[index] = to;
            drop(Picture::read(&bytes));
            bytes.truncate(cut.index(bytes.len()));
            drop(Picture::read(&bytes));
        }
    }
}
