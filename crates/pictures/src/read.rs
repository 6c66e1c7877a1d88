use std::io::Read as _;

use flate2::read::ZlibDecoder;

use crate::{MAX_POINTS, Picture, SIGNATURE};

/// Why a picture cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// It does not begin like a PNG.
    #[error("it is no PNG")]
    Other,
    /// It begins like one.
    #[error("it is a PNG that is broken")]
    Broken,
    /// Its rows come in seven passes.
    #[error("it is interlaced, which is not supported")]
    Interlaced,
    /// It has more than [`MAX_POINTS`].
    #[error("it has more than {MAX_POINTS} points")]
    TooLarge,
}

/// What the samples of a point are.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Colours {
    Grey,
    Rgb,
    Palette,
    GreyAlpha,
    RgbAlpha,
}

impl Colours {
    fn of(kind: u8, depth: u8) -> Result<Self, Error> {
        let (colours, depths): (_, &[u8]) = match kind {
            0 => (Self::Grey, &[1, 2, 4, 8, 16]),
            2 => (Self::Rgb, &[8, 16]),
            3 => (Self::Palette, &[1, 2, 4, 8]),
            4 => (Self::GreyAlpha, &[8, 16]),
            6 => (Self::RgbAlpha, &[8, 16]),
            _ => return Err(Error::Broken),
        };
        depths
            .contains(&depth)
            .then_some(colours)
            .ok_or(Error::Broken)
    }

    const fn samples(self) -> usize {
        match self {
            Self::Grey | Self::Palette => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::RgbAlpha => 4,
        }
    }
}

/// Everything but the points.
struct Head<'a> {
    width: usize,
    height: usize,
    depth: u8,
    colours: Colours,
    palette: &'a [u8],
    /// What `tRNS` says: of a palette how opaque each entry is, else the one colour that is transparent.
    transparent: Option<&'a [u8]>,
}

pub(crate) fn picture(png: &[u8]) -> Result<Picture, Error> {
    let mut rest = png.strip_prefix(&SIGNATURE).ok_or(Error::Other)?;
    let mut head = None;
    let mut packed = Vec::new();
    loop {
        let (kind, bytes, after) = chunk(rest).ok_or(Error::Broken)?;
        rest = after;
        match (kind, &mut head) {
            (b"IHDR", None) => head = Some(header(bytes)?),
            (b"PLTE", Some(head)) => head.palette = bytes,
            (b"tRNS", Some(head)) => head.transparent = Some(bytes),
            (b"IDAT", Some(_)) => packed.extend_from_slice(bytes),
            (b"IEND", Some(_)) => break,
            (b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" | b"IEND", _) => return Err(Error::Broken),
            _ => {}
        }
    }
    let head = head.ok_or(Error::Broken)?;
    let bits = head.colours.samples() * usize::from(head.depth);
    let row_bytes = (head.width * bits).div_ceil(8);
    let wanted = (row_bytes + 1) * head.height;
    let mut rows = Vec::with_capacity(wanted);
    let limit = u64::try_from(wanted).expect("a picture has at most MAX_POINTS");
    let unpacked = ZlibDecoder::new(&*packed)
        .take(limit)
        .read_to_end(&mut rows);
    if unpacked.is_err() || rows.len() < wanted {
        return Err(Error::Broken);
    }
    unfilter(&mut rows, row_bytes, bits.div_ceil(8))?;
    let mut points = Vec::with_capacity(head.width * head.height);
    for row in rows.chunks(row_bytes + 1) {
        for column in 0..head.width {
            points.push(head.point(&row[1..], column)?);
        }
    }
    Ok(Picture {
        width: head.width,
        points,
    })
}

/// A chunk, and what follows it. Its checksum is not looked at: what it says is checked anyway.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    Some((kind, content, rest.get(4..)?))
}

fn header<'a>(bytes: &[u8]) -> Result<Head<'a>, Error> {
    let Ok(
        [
            w0,
            w1,
            w2,
            w3,
            h0,
            h1,
            h2,
            h3,
            depth,
            kind,
            0,
            0,
            interlaced,
        ],
    ) = <[u8; 13]>::try_from(bytes)
    else {
        return Err(Error::Broken);
    };
    let side = |bytes| usize::try_from(u32::from_be_bytes(bytes)).map_err(|_| Error::TooLarge);
    let (width, height) = (side([w0, w1, w2, w3])?, side([h0, h1, h2, h3])?);
    let colours = Colours::of(kind, depth)?;
    match width.checked_mul(height) {
        Some(0) => return Err(Error::Broken),
        Some(1..=MAX_POINTS) => {}
        _ => return Err(Error::TooLarge),
    }
    match interlaced {
        0 => {}
        1 => return Err(Error::Interlaced),
        _ => return Err(Error::Broken),
    }
    Ok(Head {
        width,
        height,
        depth,
        colours,
        palette: &[],
        transparent: None,
    })
}

/// Makes bytes of the differences that rows are written as. `step` is how far back the point before begins.
fn unfilter(rows: &mut [u8], row_bytes: usize, step: usize) -> Result<(), Error> {
    let mut above = vec![0; row_bytes];
    for row in rows.chunks_mut(row_bytes + 1) {
        let (filter, row) = row.split_first_mut().expect("a row has its filter");
        for at in 0..row_bytes {
            let back = at.checked_sub(step);
            let left = back.map_or(0, |back| row[back]);
            let (up, corner) = (above[at], back.map_or(0, |back| above[back]));
            let guess = match filter {
                0 => 0,
                1 => left,
                2 => up,
                3 => left.midpoint(up),
                4 => paeth(left, up, corner),
                _ => return Err(Error::Broken),
            };
            row[at] = row[at].wrapping_add(guess);
        }
        above.copy_from_slice(row);
    }
    Ok(())
}

/// Whichever of the three is nearest to what a slope would give.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let slope = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |value: u8| slope.abs_diff(i16::from(value));
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

impl Head<'_> {
    fn point(&self, row: &[u8], column: usize) -> Result<[u8; 4], Error> {
        let samples = self.colours.samples();
        let mut raw = [0_u16; 4];
        for (index, raw) in raw.iter_mut().take(samples).enumerate() {
            *raw = self.sample(row, column * samples + index);
        }
        if self.colours == Colours::Palette {
            return self.entry(usize::from(raw[0])).ok_or(Error::Broken);
        }
        let [one, two, three, four] = raw.map(|sample| self.scaled(sample));
        let is_hole = self.is_hole(&raw[..samples]);
        let alpha = if is_hole { 0 } else { u8::MAX };
        Ok(match self.colours {
            Colours::Rgb => [one, two, three, alpha],
            Colours::GreyAlpha => [one, one, one, two],
            Colours::RgbAlpha => [one, two, three, four],
            Colours::Grey | Colours::Palette => [one, one, one, alpha],
        })
    }

    /// One of a row's samples, as it is.
    fn sample(&self, row: &[u8], index: usize) -> u16 {
        match self.depth {
            16 => u16::from_be_bytes([row[index * 2], row[index * 2 + 1]]),
            8 => u16::from(row[index]),
            depth => {
                let each = 8 / usize::from(depth);
                let place = each - 1 - index % each;
                let shifted = row[index / each] >> (place * usize::from(depth));
                u16::from(shifted) & ((1 << depth) - 1)
            }
        }
    }

    /// A sample in eight bits.
    fn scaled(&self, sample: u16) -> u8 {
        let most = u32::from(u16::MAX) >> (16 - self.depth);
        let scaled = u32::from(sample) * u32::from(u8::MAX) / most;
        u8::try_from(scaled).expect("a sample is at most the most of its depth")
    }

    /// Whether these samples are the one colour that is transparent.
    fn is_hole(&self, raw: &[u16]) -> bool {
        self.transparent.is_some_and(|bytes| {
            bytes.len() == raw.len() * 2
                && raw
                    .iter()
                    .zip(bytes.chunks(2))
                    .all(|(sample, bytes)| sample.to_be_bytes() == *bytes)
        })
    }

    fn entry(&self, index: usize) -> Option<[u8; 4]> {
        let &[red, green, blue] = self.palette.get(index * 3..index * 3 + 3)? else {
            return None;
        };
        let alpha = self.transparent.and_then(|bytes| bytes.get(index));
        Some([red, green, blue, alpha.copied().unwrap_or(u8::MAX)])
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;
    use crate::write::chunk;

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
        assert_eq!(points(&deep), [[254, 127, 0, 255]]);
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
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so() {
        let read = |png: &[u8]| Picture::read(png).unwrap_err();
        assert_eq!(read(b"\xff\xd8\xff"), Error::Other);
        assert_eq!(read(&SIGNATURE), Error::Broken);
        let interlaced = png([8, 0, 0, 0, 1], [1, 1], &[], &[&[0, 1]]);
        assert_eq!(read(&interlaced), Error::Interlaced);
        let outside = png([8, 3, 0, 0, 0], [1, 1], &[], &[&[0, 1]]);
        assert_eq!(read(&outside), Error::Broken);
        let short = png([8, 0, 0, 0, 0], [2, 2], &[], &[&[0, 1, 1]]);
        assert_eq!(read(&short), Error::Broken);
        let mut large = png([8, 0, 0, 0, 0], [1, 1], &[], &[&[0, 1]]);
        large[16..24].fill(0x7f);
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
