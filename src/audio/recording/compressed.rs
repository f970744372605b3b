//! FLAC and MP3 files, decoded by symphonia.

use std::io::ErrorKind;
use std::path::Path;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error as Failure;
use symphonia::core::formats::TrackType;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::{MediaSource, MediaSourceStream};

use super::{Mono, Recording};
use crate::error::{Error, Result};

/// The share of packets that may be undecodable: one in so many.
const LOST_OF: usize = 10;
/// The number of errors in a row after which the rest of a file is given up.
const GIVE_UP: usize = 100;

/// Reads a file of the kind that `name` says.
pub(super) fn read(file: Box<dyn MediaSource>, name: &str, path: &Path) -> Result<Recording> {
    let bad = |reason: String| Error::bad_file(path, reason);
    let unusable = |e: Failure| match e {
        Failure::IoError(e) if is_real(&e) => Error::io("read", path)(e),
        e => Error::bad_file(path, format!("is a damaged {name} file ({e}); copy or export it again")),
    };
    let source = MediaSourceStream::new(file, Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), source, Default::default(), Default::default())
        .map_err(unusable)?;
    // An ID3 tag may hide which it is.
    let name = if format.format_info().short_name == "flac" { "FLAC" } else { name };
    let track = format.default_track(TrackType::Audio);
    let Some((track, Some(CodecParameters::Audio(codec)))) = track.map(|t| (t, t.codec_params.as_ref()))
    else {
        return Err(bad(format!("is a {name} file without sound")));
    };
    // Without its encoder's tag, the length of an MP3 is a guess.
    let promised = track.num_frames.filter(|_| name == "FLAC" || track.delay.is_some());
    let id = track.id;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(codec, &AudioDecoderOptions::default().verify(true))
        .map_err(unusable)?;

    let mut mono: Option<Mono> = None;
    let mut interleaved = Vec::new();
    let (mut decoded, mut lost, mut lost_in_a_row) = (0, 0, 0);
    while lost_in_a_row < GIVE_UP {
        let packet = match format.next_packet() {
            Ok(Some(packet)) if packet.track_id == id => Ok(packet),
            Ok(Some(_)) => continue,
            Ok(None) | Err(Failure::ResetRequired) => break,
            Err(Failure::IoError(e)) if e.kind() == ErrorKind::UnexpectedEof => break,
            Err(e) => Err(e),
        };
        let buffer = match packet.and_then(|packet| decoder.decode(&packet)) {
            Ok(buffer) => buffer,
            Err(Failure::IoError(e)) if is_real(&e) => return Err(Error::io("read", path)(e)),
            Err(_) => {
                (lost, lost_in_a_row) = (lost + 1, lost_in_a_row + 1);
                continue;
            }
        };
        let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        let mono = match &mut mono {
            Some(mono) => mono,
            None => mono.insert(Mono::new(path, rate, channels)?),
        };
        if (rate, channels) != (mono.sample_rate, mono.channels) {
            (lost, lost_in_a_row) = (lost + 1, lost_in_a_row + 1);
            continue;
        }
        (decoded, lost_in_a_row) = (decoded + 1, 0);
        buffer.copy_to_vec_interleaved(&mut interleaved);
        mono.push(interleaved.iter().copied())?;
    }
    let count = decoded + lost;
    let Some(mono) = mono.filter(|_| lost * LOST_OF <= count) else {
        let what =
            if count == 0 { "nothing in it".into() } else { format!("{lost} of its {count} frames not") };
        return Err(bad(format!("is a damaged {name} file: {what} can be decoded; copy or export it again")));
    };
    let damage = (lost > 0).then(|| format!("{lost} of its {count} frames are damaged and left out"));
    let mut recording = mono.finish(promised, damage);
    // FLAC alone has a checksum of its samples.
    if decoder.finalize().verify_ok == Some(false) {
        let unlike =
            || "a part of it is damaged: its samples are not those that its checksum was taken of".into();
        recording.damage.get_or_insert_with(unlike);
    }
    Ok(recording)
}

/// Tells whether the error is the system's rather than the decoder's, which also reports the end of its data by
/// such errors.
fn is_real(e: &std::io::Error) -> bool {
    e.raw_os_error().is_some()
}
