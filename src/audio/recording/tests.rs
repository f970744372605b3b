use super::*;
use crate::audio::{Encoding, Format, SampleFormat, encode};
use flac_codec::encode::{FlacSampleWriter, Options};
use std::f64::consts::PI;
use std::io::Cursor;
use std::path::PathBuf;

const RATE: u32 = 24_000;

/// Makes 1.5 seconds of a sweep from 200 to 2,200 Hz at half of full scale.
fn sweep(rate: u32) -> Vec<f32> {
    let sample = |t: f64| 0.5 * (2.0 * PI * (200.0 * t + 2_000.0 * t * t / 3.0)).sin();
    (0..rate * 3 / 2).map(|i| sample(f64::from(i) / f64::from(rate)) as f32).collect()
}

/// Reads `tests/fixtures/audio/sweep.mp3`: the sweep at 44.1 kHz, at half its amplitude in the right channel,
/// encoded by LAME 3.100 with 80 kb/s and without its tag.
fn mp3() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/audio/sweep.mp3")).unwrap()
}

fn read_named(bytes: &[u8], name: &str) -> Result<Recording> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Recording::read(&path)
}

fn read(bytes: &[u8]) -> Recording {
    read_named(bytes, "sample").unwrap()
}

fn refused(bytes: &[u8]) -> String {
    let error = read_named(bytes, "sample").unwrap_err();
    assert!(matches!(error, Error::BadFile { .. }), "{error:?}");
    error.to_string()
}

/// Makes a WAV file with such a `fmt ` chunk.
fn riff(tag: u16, channels: u16, rate: u32, bits: u16, extension: &[u8], data: &[u8]) -> Vec<u8> {
    let frame = channels * (bits / 8);
    let format = [
        &tag.to_le_bytes()[..],
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(frame)).to_le_bytes(),
        &frame.to_le_bytes(),
        &bits.to_le_bytes(),
        extension,
    ]
    .concat();
    let chunk = |id: &[u8], body: &[u8]| {
        let padding = vec![0; body.len() % 2];
        [id, &(body.len() as u32).to_le_bytes(), body, &padding].concat()
    };
    let chunks =
        [b"WAVE".to_vec(), chunk(b"LIST", b"INFOx"), chunk(b"fmt ", &format), chunk(b"data", data)].concat();
    chunk(b"RIFF", &chunks)
}

/// Makes the extension of a `fmt ` chunk as an encoder writes it for several channels or odd bits: the bits
/// that count, and a GUID.
fn extensible(tag: u16, bits: u16) -> Vec<u8> {
    let guid_end = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    [&22u16.to_le_bytes()[..], &bits.to_le_bytes(), &[0; 4], &tag.to_le_bytes(), &guid_end].concat()
}

fn pcm16(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|s| ((s * 32_767.0).round() as i16).to_le_bytes()).collect()
}

fn flac(channels: &[Vec<f32>], rate: u32, bits: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let options = Options::default().block_size(2_048).unwrap();
    let mut encoder =
        FlacSampleWriter::new(&mut out, options, rate, bits, channels.len() as u8, None).unwrap();
    let scale = 2f32.powi(bits as i32 - 1) - 1.0;
    let frames = (0..channels[0].len()).flat_map(|i| channels.iter().map(move |c| (c[i] * scale) as i32));
    encoder.write(&frames.collect::<Vec<_>>()).unwrap();
    encoder.finalize().unwrap();
    out.into_inner()
}

/// Asserts that a recording has this rate and these samples, with errors of at most `step`.
#[track_caller]
fn same(recording: &Recording, expected: &[f32], rate: u32, step: f32) {
    assert_eq!((recording.samples.len(), recording.sample_rate), (expected.len(), rate));
    assert_eq!(recording.damage, None);
    let worst = recording.samples.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= step, "{worst}");
}

#[test]
fn wav_files_of_all_kinds_are_read() {
    for rate in [8_000, 16_000, 22_050, 44_100, 48_000, 96_000] {
        let wave = sweep(rate);
        for (samples, step) in
            [(SampleFormat::I16, 1e-4), (SampleFormat::I24, 1e-6), (SampleFormat::F32, 0.0)]
        {
            let encoding = Encoding::new(Format::Wav, Some(samples), Some(rate)).unwrap();
            same(&read(&encode(&wave, &encoding).unwrap()), &wave, rate, step);
        }
        for (bits, step) in [(8, 0.02), (16, 1e-4), (24, 1e-6), (32, 1e-6)] {
            let spec = hound::WavSpec {
                channels: 1,
                sample_rate: rate,
                bits_per_sample: bits,
                sample_format: hound::SampleFormat::Int,
            };
            let mut file = Cursor::new(Vec::new());
            let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
            let scale = f64::from(bits - 1).exp2() - 1.0;
            wave.iter().for_each(|s| writer.write_sample((f64::from(*s) * scale) as i32).unwrap());
            writer.finalize().unwrap();
            same(&read(file.get_ref()), &wave, rate, step);
        }
    }
    let wave = sweep(RATE);
    for format in [Format::Ulaw, Format::Alaw] {
        let bytes = encode(&wave, &Encoding::new(format, None, Some(8_000)).unwrap()).unwrap();
        same(&read(&bytes), &wave, 8_000, 0.02);
    }
    let doubles: Vec<u8> = wave.iter().flat_map(|s| f64::from(*s).to_le_bytes()).collect();
    same(&read(&riff(3, 1, RATE, 64, &[], &doubles)), &wave, RATE, 0.0);
    same(&read(&riff(0xfffe, 1, RATE, 64, &extensible(3, 64), &doubles)), &wave, RATE, 0.0);
}

#[test]
fn extensible_files_are_what_their_extension_says() {
    let wave = sweep(RATE);
    same(&read(&riff(0xfffe, 1, RATE, 16, &extensible(1, 16), &pcm16(&wave))), &wave, RATE, 1e-4);
    // 20 bits in the upper ones of 24.
    let upper: Vec<u8> = wave
        .iter()
        .flat_map(|s| (((s * 524_287.0) as i32) << 4).to_le_bytes().into_iter().take(3).collect::<Vec<_>>())
        .collect();
    same(&read(&riff(0xfffe, 1, RATE, 24, &extensible(1, 20), &upper)), &wave, RATE, 1e-5);
    let codes = [0xff, 0x80, 0x00];
    let found = read(&riff(0xfffe, 1, RATE, 8, &extensible(7, 8), &codes)).samples;
    assert_eq!(found, [0.0, 32_124.0 / 32_768.0, -32_124.0 / 32_768.0]);
}

#[test]
fn channels_become_their_mean() {
    for channels in [2u16, 3, 6, 20] {
        let wave = sweep(RATE);
        let frames: Vec<f32> =
            wave.iter().flat_map(|s| (0..channels).map(move |c| if c == 0 { *s } else { 0.0 })).collect();
        let expected: Vec<f32> = wave.iter().map(|s| s / f32::from(channels)).collect();
        same(&read(&riff(1, channels, RATE, 16, &[], &pcm16(&frames))), &expected, RATE, 1e-4);
    }
    let (left, right) = (sweep(RATE), vec![0.25; sweep(RATE).len()]);
    let expected: Vec<f32> = left.iter().map(|l| (l + 0.25) / 2.0).collect();
    same(&read(&flac(&[left, right], RATE, 16)), &expected, RATE, 1e-4);
}

#[test]
fn flac_files_are_read() {
    for rate in [8_000, 22_050, 44_100, 96_000] {
        for (bits, step) in [(16, 1e-4), (24, 1e-6)] {
            same(&read(&flac(&[sweep(rate)], rate, bits)), &sweep(rate), rate, step);
        }
    }
    let tagged = [&b"ID3\x04\0\0\0\0\0\x10"[..], &[0; 16], &flac(&[sweep(RATE)], RATE, 16)].concat();
    same(&read(&tagged), &sweep(RATE), RATE, 1e-4);
}

/// Returns the signal-to-error ratio in dB.
fn snr(expected: &[f32], found: &[f32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
    let signal = power(&mut expected.iter().copied());
    10.0 * (signal / power(&mut expected.iter().zip(found).map(|(a, b)| a - b))).log10()
}

/// LAME's delay in samples: what its encoder puts in front, and what a decoder adds.
const DELAY: usize = 576;
const DECODER_DELAY: usize = 529;

#[test]
fn an_mp3_is_the_sound_that_was_encoded() {
    let recording = read(&mp3());
    assert_eq!((recording.sample_rate, recording.damage), (44_100, None));
    let expected: Vec<f32> = sweep(44_100).iter().map(|s| 0.75 * s).collect();
    let snr = snr(&expected, &recording.samples[DELAY + DECODER_DELAY..]);
    assert!(snr > 25.0, "{snr:.1} dB");
}

/// Reads the fixture with LAME's tag, which says how many samples are padding.
fn tagged_mp3() -> Vec<u8> {
    let mp3 = mp3();
    let frames = read(&mp3).samples.len() / 1_152;
    let padding = frames * 1_152 - DELAY - sweep(44_100).len();
    // 128 kb/s without padding is 417 bytes; side information of 32.
    let mut tag = vec![0xff, 0xfb, 0x90, mp3[3]];
    tag.extend([0; 32]);
    tag.extend(b"Info\0\0\0\x01");
    tag.extend((frames as u32).to_be_bytes());
    tag.extend(b"LAME3.100\0\0\0\0\0\0\0\0\0\0\0\0");
    tag.extend(((DELAY << 12 | padding) as u32).to_be_bytes().into_iter().skip(1));
    tag.resize(417, 0);
    [tag, mp3].concat()
}

#[test]
fn an_mp3_whose_padding_is_known_has_its_length_and_its_start() {
    let expected: Vec<f32> = sweep(44_100).iter().map(|s| 0.75 * s).collect();
    let id3 = [&b"ID3\x04\0\0\0\0\x02\0"[..], &[0; 256]].concat();
    for bytes in [tagged_mp3(), [id3, tagged_mp3()].concat()] {
        let recording = read(&bytes);
        assert_eq!((recording.samples.len(), recording.damage), (expected.len(), None));
        let snr = snr(&expected, &recording.samples);
        assert!(snr > 25.0, "{snr:.1} dB");
    }
    // Other bytes in front need the name.
    let junk = [vec![0; 700], tagged_mp3()].concat();
    assert!(refused(&junk).contains("is not audio that is known"));
    assert_eq!(read_named(&junk, "a.MP3").unwrap().samples.len(), expected.len());
}

#[test]
fn another_rate_keeps_the_length_in_seconds() {
    let encoding = Encoding::new(Format::Wav, None, Some(44_100)).unwrap();
    let recording = read(&encode(&sweep(44_100), &encoding).unwrap());
    let at = recording.at(RATE).unwrap();
    assert_eq!(at.len(), RATE as usize * 3 / 2);
    let middle = 4_000..30_000;
    assert!(snr(&sweep(RATE)[middle.clone()], &at[middle]) > 60.0);
    assert_eq!(recording.at(44_100).unwrap(), recording.samples);
    assert!(matches!(recording.at(100), Err(Error::Parameter { .. })));
}

#[test]
fn what_is_no_recording_is_refused_with_its_name() {
    for (bytes, says) in [
        (&b""[..], "is empty"),
        (b"OggS\0\x02", "an Ogg file"),
        (b"\0\0\0\x20ftypM4A ", "an MP4 file (M4A"),
        (b"\xff\xf1\x50\x80", "an AAC file"),
        (b"RIFF\x10\0\0\0AVI LIST", "AVI"),
        (b"FORM\0\0\0\x10AIFF", "an AIFF file"),
        (b"Hello, this is a text.", "WAV, FLAC and MP3 files are read"),
        (b"\xff\xfeh\0i\0", "is not audio that is known"),
        (b"fLaC", "is a damaged FLAC file"),
        (b"\xff\xfb\x90\x64", "is a damaged MP3 file"),
        (b"ID3\x04\0\0\0\0\0\0", "is a damaged MP3 file"),
        (b"RIFF\x10\0\0\0WAVE", "ends before its samples"),
        (b"RIFF\x10\0\0\0WAVEdata\x04\0\0\0abcd", "no format before its samples"),
        (b"RIFF\x10\0\0\0WAVEfmt \x04\0\0\0abcd", "incomplete format"),
        (&riff(1, 1, RATE, 16, &[], &[]), "holds no sound"),
        (&riff(1, 0, RATE, 16, &[], &[0; 8]), "0 channels"),
        (&riff(1, 1, 1_000, 16, &[], &[0; 8]), "1000 Hz; 4000 to 384000"),
        (&riff(0x11, 1, RATE, 8, &[], &[0; 8]), "a WAV file of ADPCM"),
        (&riff(3, 1, RATE, 16, &[], &[0; 8]), "a WAV file of float of 16 bits"),
        (&riff(3, 1, RATE, 32, &[], &f32::NAN.to_le_bytes()), "samples that are no sound"),
        (&riff(3, 1, RATE, 32, &[], &1e37f32.to_le_bytes()), "samples that are no sound"),
    ] {
        let message = refused(bytes);
        assert!(message.contains(says), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(Recording::read(folder.path()).unwrap_err().to_string().contains("is not a file"));
    let missing: PathBuf = folder.path().join("missing.wav");
    assert!(matches!(Recording::read(&missing), Err(Error::Io { .. })));
}

#[test]
fn long_and_large_files_are_refused() {
    let long = riff(1, 1, 4_000, 8, &[], &vec![128; 4_000 * 600 + 1]);
    assert!(refused(&long).contains("is longer than 10 minutes"));
    let just = riff(1, 1, 4_000, 8, &[], &vec![128; 4_000 * 600]);
    assert_eq!(read(&just).samples.len(), 2_400_000);
    let silence = flac(&[vec![0.0; 8_000 * 601]], 8_000, 16);
    assert!(refused(&silence).contains("is longer than 10 minutes"));

    // Six minutes, a hundredth of their samples as a file.
    let silence = flac(&[vec![0.0; 48_000 * 360]], 48_000, 16);
    assert!(silence.len() < 200_000, "{}", silence.len());
    assert!(refused(&silence).contains("holds more than 16 million samples"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wav");
    std::fs::File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
    assert!(Recording::read(&path).unwrap_err().to_string().contains("is 200 MB large"));
}

#[test]
fn what_is_left_of_a_cut_file_is_read_and_the_cut_is_told() {
    let wave = sweep(RATE);
    let wav = riff(1, 1, RATE, 16, &[], &pcm16(&wave));
    let cut = read(&wav[..wav.len() - 24_001]);
    assert_eq!(cut.samples.len(), 36_000 - 12_001);
    assert_eq!(cut.damage.unwrap(), "it ends after 1.0 s of 1.5 s: the file is cut off");

    let flac = flac(&[wave], RATE, 16);
    let cut = read(&flac[..flac.len() / 2]);
    assert!((8_000..30_000).contains(&cut.samples.len()), "{}", cut.samples.len());
    assert!(cut.damage.unwrap().contains("the file is cut off"));

    let mp3 = tagged_mp3();
    let cut = read(&mp3[..mp3.len() / 2]);
    assert!((20_000..45_000).contains(&cut.samples.len()), "{}", cut.samples.len());
    assert!(cut.damage.unwrap().contains("of 1.5 s"));
}

#[test]
fn any_changed_bit_of_a_flac_file_that_is_heard_is_told() {
    let clean = flac(&[sweep(RATE)], RATE, 16);
    let samples = read(&clean).samples;
    for at in (200..clean.len()).step_by(199) {
        let mut bytes = clean.clone();
        bytes[at] ^= 0x10;
        let recording = read(&bytes);
        assert!(recording.damage.is_some() || recording.samples == samples, "byte {at}");
    }
}

#[test]
fn a_wav_file_whose_length_was_not_known_is_read_to_its_end() {
    let wave = sweep(RATE);
    let wav = riff(1, 1, RATE, 16, &[], &pcm16(&wave));
    let data = wav.len() - 2 * wave.len() - 4;
    for size in [0u32, u32::MAX] {
        let mut open = wav.clone();
        open[4..8].copy_from_slice(&size.to_le_bytes());
        open[data..data + 4].copy_from_slice(&size.to_le_bytes());
        same(&read(&open), &wave, RATE, 1e-4);
    }
}

#[test]
fn damaged_files_are_read_or_refused() {
    let wave = &sweep(8_000)[..2_000];
    let files = [
        riff(1, 2, RATE, 16, &[], &pcm16(wave)),
        riff(0xfffe, 1, RATE, 24, &extensible(1, 24), &[7; 3_000]),
        encode(wave, &Encoding::new(Format::Alaw, None, Some(8_000)).unwrap()).unwrap(),
        flac(&[wave.to_vec(), wave.to_vec()], RATE, 16),
        tagged_mp3()[..6_000].to_vec(),
        mp3()[..6_000].to_vec(),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.mp3");
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..2_000 {
        let mut bytes = files[round % files.len()].clone();
        // Every second time in the header.
        let within = if round % 2 == 0 { bytes.len() } else { 128 };
        for _ in 0..random(8) {
            bytes[random(within)] = random(256) as u8;
        }
        if round % 3 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        std::fs::write(&path, &bytes).unwrap();
        match Recording::read(&path) {
            Ok(recording) => assert!(!recording.samples.is_empty()),
            Err(error) => assert!(matches!(error, Error::BadFile { .. }), "{round}: {error:?}"),
        }
    }
}
