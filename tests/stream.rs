//! A wave handed out as it grows is the wave of the whole, to the sample.

mod common;

use std::ops::ControlFlow;

use chattts_rs::{ChatTts, Decoder, Error, LoadOptions, Request, SeedKind};
use common::{Program, wav};

fn request(tts: &ChatTts, seed: u64, decoder: Decoder) -> Request {
    let mut request = Request::new("你好，世界。hello");
    request.voice = tts.speaker(SeedKind::TorchF32, 2222).unwrap().into();
    request.seed = seed;
    request.decoder = decoder;
    request.sampling.max_tokens = 500;
    request
}

#[test]
fn streamed_samples_are_those_of_the_whole() {
    let mut tts = ChatTts::load(&"demo".parse().unwrap(), LoadOptions::default()).unwrap();
    let mut pieces = 0;
    for seed in 0..12 {
        for decoder in [Decoder::HiddenStates, Decoder::Codes] {
            let request = request(&tts, seed, decoder);
            let whole = match tts.synthesize(&request) {
                Ok(speech) => speech,
                Err(Error::EndedAtOnce { .. }) => continue,
                Err(e) => panic!("{e}"),
            };
            let mut wave: Vec<f32> = Vec::new();
            let codes = tts
                .stream(&request, |samples| {
                    pieces += usize::from(!samples.is_empty());
                    wave.extend_from_slice(samples);
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(codes, whole.codes);
            assert!(wave == whole.wave, "seed {seed}, {decoder:?}: {} of {}", wave.len(), whole.wave.len());
        }
    }
    assert!(pieces > 40, "{pieces} pieces: nothing was streamed");
}

#[test]
fn a_caller_may_break_off() {
    let mut tts = ChatTts::load(&"demo".parse().unwrap(), LoadOptions::default()).unwrap();
    let request = request(&tts, 1, Decoder::HiddenStates);
    assert!(matches!(tts.stream(&request, |_| ControlFlow::Break(())), Err(Error::Interrupted)));
}

#[test]
fn a_stream_on_standard_output_holds_the_samples_of_the_file() {
    let p = Program::new();
    for rate in ["24000", "8000"] {
        let common = ["synth", "-m", "demo", "-t", "你好，世界。", "--seed", "5", "--sample-rate", rate];
        p.ok(&[&common[..], &["-o", "a.wav"]].concat());
        let file = wav(&std::fs::read(p.path("a.wav")).unwrap()).1;
        let samples = |bytes: &[u8]| -> Vec<i16> {
            bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
        };
        let raw = p.ok(&[&common[..], &["--stream", "--format", "raw"]].concat()).stdout;
        assert!(samples(&raw) == file, "raw at {rate}");
        let stream = p.ok(&[&common[..], &["--stream", "-o", "-"]].concat()).stdout;
        assert_eq!((&stream[..8], &stream[40..44]), (&b"RIFF\xff\xff\xff\xff"[..], &b"\xff\xff\xff\xff"[..]));
        assert!(samples(&stream[44..]) == file, "wav at {rate}");
    }
    for bad in [&["--trim"][..], &["--out-dir", "d"], &["--normalize-loudness", "-16"], &["--format", "flac"]]
    {
        let ran = p.run(&[&["synth", "-m", "demo", "-t", "x", "--stream"], bad].concat());
        assert_eq!(ran.code, Some(2), "{bad:?}: {ran:?}");
    }
}
