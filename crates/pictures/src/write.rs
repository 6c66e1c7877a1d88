use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::{MAX_POINTS, Picture, SIGNATURE};

pub(crate) fn png(picture: &Picture, text: Option<&str>) -> Vec<u8> {
    let count = picture.points.len();
    assert!((1..=MAX_POINTS).contains(&count) && count.is_multiple_of(picture.width));
    let is_opaque = picture.is_opaque();
    let samples = if is_opaque { 3 } else { 4 };
    let mut rows = Vec::with_capacity(count * samples + picture.height());
    for row in picture.points.chunks(picture.width) {
        // No filter.
        rows.push(0);
        for point in row {
            rows.extend_from_slice(&point[..samples]);
        }
    }
    let side = |side: usize| u32::try_from(side).expect("a side is at most MAX_POINTS");
    let mut header = Vec::new();
    header.extend(side(picture.width).to_be_bytes());
    header.extend(side(picture.height()).to_be_bytes());
    // Eight bits of each sample, which samples there are, and the only compression, filters and no interlacing.
    header.extend([8, if is_opaque { 2 } else { 6 }, 0, 0, 0]);
    let mut png = SIGNATURE.to_vec();
    chunk(&mut png, *b"IHDR", &header);
    if let Some(text) = text {
        let text = [b"Description\0\0\0\0\0", text.as_bytes()].concat();
        chunk(&mut png, *b"iTXt", &text);
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&rows).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    chunk(&mut png, *b"IDAT", &packed);
    chunk(&mut png, *b"IEND", &[]);
    png
}

pub(crate) fn chunk(png: &mut Vec<u8>, kind: [u8; 4], bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a chunk is as small as what it is made of");
    png.extend(length.to_be_bytes());
    let start = png.len();
    png.extend(kind);
    png.extend(bytes);
    let sum = crc32fast::hash(&png[start..]);
    png.extend(sum.to_be_bytes());
}
