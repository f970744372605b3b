//! Tags: what players show of a file.

use std::io::Cursor;

use ogg::writing::PacketWriteEndInfo as End;
use ogg::{PacketReader, PacketWriter};

use super::Format;
use crate::error::{Error, Result};

/// The title of a file and its place in an album. What is empty is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The title.
    pub title: String,
    /// The album.
    pub album: String,
    /// The number in the album, from 1; 0 for none.
    pub track: u32,
}

/// Puts tags into a whole file: ID3 into MP3, Vorbis comments into FLAC and Opus. Other formats stay as they are. The
/// sound is not touched.
///
/// # Errors
/// [`Error::Audio`] if the file is not of its format.
pub fn tagged(file: Vec<u8>, format: Format, tags: &Tags) -> Result<Vec<u8>> {
    match format {
        Format::Mp3 => Ok([id3(tags), file].concat()),
        Format::Flac => flac(&file, tags),
        Format::Opus => opus(file, tags),
        Format::Wav | Format::Raw | Format::Ulaw | Format::Alaw => Ok(file),
    }
}

/// Returns a tag of ID3v2.3, which every player reads: text in UTF-16.
fn id3(tags: &Tags) -> Vec<u8> {
    const UTF_16: u8 = 1;
    let track = tags.track.to_string();
    let mut frames = Vec::new();
    for (id, text) in [(b"TIT2", &tags.title), (b"TALB", &tags.album), (b"TRCK", &track)] {
        if text.is_empty() || id == b"TRCK" && tags.track == 0 {
            continue;
        }
        let mut body = vec![UTF_16, 0xff, 0xfe];
        body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        frames.extend_from_slice(id);
        frames.extend((body.len() as u32).to_be_bytes());
        frames.extend([0, 0]);
        frames.extend(body);
    }
    let size = frames.len() as u32;
    // Seven bits a byte, so that no decoder takes it for sound.
    let size = [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8);
    [b"ID3\x03\x00\x00".as_slice(), &size, &frames].concat()
}

/// Returns Vorbis comments.
fn comments(tags: &Tags) -> Vec<u8> {
    let number = |number: u32| if number == 0 { String::new() } else { number.to_string() };
    let fields =
        [("TITLE", tags.title.clone()), ("ALBUM", tags.album.clone()), ("TRACKNUMBER", number(tags.track))];
    let fields: Vec<String> = fields
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name}={text}"))
        .collect();
    let counted = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let mut bytes = counted(env!("CARGO_PKG_NAME"));
    bytes.extend((fields.len() as u32).to_le_bytes());
    fields.iter().for_each(|field| bytes.extend(counted(field)));
    bytes
}

fn flac(file: &[u8], tags: &Tags) -> Result<Vec<u8>> {
    const COMMENTS: u8 = 4;
    const LAST: u8 = 0x80;
    const HEAD: usize = 4;
    let torn = || Error::Audio("no FLAC file, so it cannot have tags".into());
    let mut rest = file.strip_prefix(b"fLaC").ok_or_else(torn)?;
    let mut blocks: Vec<(u8, Vec<u8>)> = Vec::new();
    loop {
        let (head, body) = rest.split_at_checked(HEAD).ok_or_else(torn)?;
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let (body, behind) = body.split_at_checked(length).ok_or_else(torn)?;
        rest = behind;
        if head[0] & !LAST != COMMENTS {
            blocks.push((head[0] & !LAST, body.to_vec()));
        }
        if head[0] & LAST != 0 {
            break;
        }
    }
    // Behind the stream's own block, which comes first.
    blocks.insert(blocks.len().min(1), (COMMENTS, comments(tags)));
    let mut out = b"fLaC".to_vec();
    let count = blocks.len();
    for (at, (kind, body)) in blocks.into_iter().enumerate() {
        out.push(kind | if at + 1 == count { LAST } else { 0 });
        out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
        out.extend(body);
    }
    out.extend_from_slice(rest);
    Ok(out)
}

fn opus(file: Vec<u8>, tags: &Tags) -> Result<Vec<u8>> {
    const TAGS: &[u8] = b"OpusTags";
    let failed = |e: &dyn std::fmt::Display| Error::Audio(format!("cannot write the tags of Opus: {e}"));
    let mut reader = PacketReader::new(Cursor::new(file));
    let mut writer = PacketWriter::new(Vec::new());
    while let Some(packet) = reader.read_packet().map_err(|e| failed(&e))? {
        let end = match (packet.last_in_stream(), packet.last_in_page()) {
            (true, _) => End::EndStream,
            (false, true) => End::EndPage,
            (false, false) => End::NormalPacket,
        };
        let (serial, position) = (packet.stream_serial(), packet.absgp_page());
        let data = match packet.data.starts_with(TAGS) {
            true => [TAGS, &comments(tags)].concat(),
            false => packet.data,
        };
        writer.write_packet(data, serial, end, position).map_err(|e| failed(&e))?;
    }
    Ok(writer.into_inner())
}

#[cfg(test)]
mod tests {
    use super::super::testing::voice;
    use super::*;
    use crate::audio::{Encoding, Recording, encode};
    use std::path::Path;

    fn tags() -> Tags {
        Tags { title: "第一章 A & B".into(), album: "The Sea".into(), track: 3 }
    }

    fn file(format: Format) -> Vec<u8> {
        let encoding = Encoding::new(format, None, Some(24_000)).unwrap();
        encode(&voice(30_000, 24_000), &encoding).unwrap()
    }

    fn holds(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn the_sound_stays_as_it_was() {
        for format in [Format::Mp3, Format::Flac] {
            let plain = file(format);
            let with = tagged(plain.clone(), format, &tags()).unwrap();
            assert!(with.len() > plain.len(), "{format}");
            let read =
                |bytes| Recording::from_bytes(bytes, Path::new(&format!("a.{format}"))).unwrap().samples;
            assert!(read(with) == read(plain), "{format}");
        }
        let plain = file(Format::Wav);
        assert!(tagged(plain.clone(), Format::Wav, &tags()).unwrap() == plain);
    }

    #[test]
    fn opus_keeps_its_packets_and_their_pages() {
        let packets = |bytes: Vec<u8>| {
            let mut reader = PacketReader::new(Cursor::new(bytes));
            let mut found = Vec::new();
            while let Some(packet) = reader.read_packet().unwrap() {
                found.push((
                    packet.absgp_page(),
                    packet.last_in_page(),
                    packet.last_in_stream(),
                    packet.data,
                ));
            }
            found
        };
        let plain = packets(file(Format::Opus));
        let with = packets(tagged(file(Format::Opus), Format::Opus, &tags()).unwrap());
        assert_eq!((plain.len(), &plain[0], &plain[2..]), (with.len(), &with[0], &with[2..]));
        assert!(holds(&with[1].3, "TITLE=第一章 A & B".as_bytes()) && holds(&with[1].3, b"TRACKNUMBER=3"));
    }

    #[test]
    fn tags_are_where_their_formats_have_them() {
        let flac = tagged(file(Format::Flac), Format::Flac, &tags()).unwrap();
        let again =
            tagged(flac.clone(), Format::Flac, &Tags { title: "B".into(), ..Tags::default() }).unwrap();
        assert!(holds(&flac, b"ALBUM=The Sea") && holds(&flac, b"TRACKNUMBER=3"));
        assert!(holds(&again, b"TITLE=B") && !holds(&again, b"ALBUM=") && !holds(&again, b"TRACKNUMBER"));
        let mp3 = tagged(file(Format::Mp3), Format::Mp3, &tags()).unwrap();
        assert!(
            mp3.starts_with(b"ID3\x03\x00\x00\x00\x00\x00")
                && holds(&mp3, b"T\x00h\x00e\x00 \x00S\x00e\x00a\x00")
        );
        assert_eq!(id3(&Tags::default()).len(), 10);
        for torn in [&b""[..], b"fLaC", b"fLaC\x00\x00\x00\x22"] {
            assert!(tagged(torn.to_vec(), Format::Flac, &tags()).is_err());
        }
    }
}
