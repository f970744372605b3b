//! A wave handed out as it grows is the wave of the file, to the sample.

mod common;

use chattts_rs::backend::{Checkpoint, NOISE_SEED};
use chattts_rs::hub::NoiseSize;
use chattts_rs::{
    Decoder, DeviceChoice, Engine, EngineOptions, Error, LoadOptions, LoadedModel, Precision, SpeechRequest,
};
use common::{Program, wav};

/// Fourteen sentences, more than are spoken at once.
const LONG: &str = "今天天气很好。我们去公园散步。孩子们在草地上踢球。老人在树下下棋。\
    We had lunch by the lake. The wind was warm. 下午下起了小雨。我们回家喝茶。晚上看了一部老电影。\
    It was about a sailor. 他一个人去了海边。海很大。他很高兴。故事就这样结束了。";
const SSML: &str = "<speak>你好，<break time=\"900ms\"/><voice name=\"7869\">我是另一个人。\
    <prosody rate=\"fast\">说得很快。</prosody></voice><p>Hello again.</p><break time=\"1.2s\"/>再见。</speak>";

fn engine(precision: Precision) -> Engine {
    let mut options = EngineOptions::new("noise");
    options.precision = precision;
    Engine::open(options).unwrap()
}

fn request(text: &str, seed: u64) -> SpeechRequest {
    let mut request = SpeechRequest::new(text);
    request.overrides.sampling.seed = Some(seed);
    request.overrides.sampling.max_tokens = Some(300);
    request
}

#[test]
fn streamed_samples_are_those_of_the_whole() {
    for precision in [Precision::Q8, Precision::F32] {
        let engine = engine(precision);
        let mut parts = 0;
        for seed in 0..6 {
            for decoder in [Decoder::HiddenStates, Decoder::Codes] {
                let mut line = engine.compose(&request("你好，世界。hello", seed)).unwrap();
                line.request.decoder = decoder;
                let mut whole = line.clone();
                whole.streams = false;
                let whole = engine.speak_line(whole).unwrap().collect_wave().unwrap();
                let mut samples: Vec<f32> = Vec::new();
                for event in engine.speak_line(line).unwrap() {
                    let event = event.unwrap();
                    parts += usize::from(!event.samples().is_empty());
                    samples.extend(event.samples());
                }
                assert!(samples == whole.samples, "seed {seed}, {decoder:?}, {precision:?}");
            }
        }
        assert!(parts > 20, "{parts} parts: nothing was streamed");
    }
}

#[test]
fn codes_rendered_in_groups_are_the_wave_and_the_mel_of_the_whole() {
    let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap();
    let options =
        LoadOptions { device: DeviceChoice::Cpu, precision: Precision::F32, ..LoadOptions::default() };
    let loaded = LoadedModel::open(checkpoint, options).unwrap();
    let renderer = loaded.renderer();
    let code = |book: usize, step: usize| ((step * step + 31 * book) % 625) as u16;
    let codes: Vec<Vec<u16>> = (0..4).map(|book| (0..700).map(|step| code(book, step)).collect()).collect();
    let whole = renderer.from_codes(&[&codes]).unwrap().swap_remove(0);
    for group in [1, 7, 64, 349, 350, 700] {
        assert!(renderer.from_long_codes(&codes, group).unwrap() == whole, "in groups of {group}");
    }
    // What is wrong with codes is said as it is for short ones.
    let mut bad = codes.clone();
    bad[2].pop();
    assert!(renderer.from_long_codes(&bad, 64).is_err());
    assert!(renderer.from_long_codes(&codes[..3], 64).is_err());
    bad.clone_from(&codes);
    bad[1][600] = 60_000;
    assert!(renderer.from_long_codes(&bad, 64).is_err());
}

#[test]
fn a_reader_may_cancel() {
    let engine = engine(Precision::Auto);
    let speech = engine.speak(request("你好，世界。", 1)).unwrap();
    speech.canceller().cancel();
    assert!(matches!(speech.collect_wave(), Err(Error::Interrupted)));
    assert!(engine.speak(request("你好，世界。", 1)).unwrap().collect_wave().is_ok());
}

/// Samples of 16 bits.
fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

fn compare(p: &Program, flags: &[&str]) {
    for rate in ["24000", "8000"] {
        let common = [&["synth", "-m", "noise", "--seed", "5", "--sample-rate", rate], flags].concat();
        // A speech that is cut off by its limit ends with 1 where it has a file of its own, and here with 0.
        p.ok(&[&common[..], &["-o", "a.wav"]].concat());
        let file = wav(&std::fs::read(p.path("a.wav")).unwrap()).1;
        let raw = p.ok(&[&common[..], &["--stream", "--format", "raw"]].concat()).stdout;
        assert!(samples(&raw) == file, "raw at {rate}: {flags:?}");
        let stream = p.ok(&[&common[..], &["--stream", "-o", "-"]].concat()).stdout;
        assert_eq!((&stream[..8], &stream[40..44]), (&b"RIFF\xff\xff\xff\xff"[..], &b"\xff\xff\xff\xff"[..]));
        assert!(samples(&stream[44..]) == file, "wav at {rate}: {flags:?}");
    }
}

#[test]
fn a_stream_on_standard_output_holds_the_samples_of_the_file() {
    let p = Program::new();
    compare(&p, &["-t", "你好，世界。"]);
    compare(&p, &["-t", "你好，世界。", "--speed", "1.5"]);
    for bad in [&["--trim"][..], &["--out-dir", "d"], &["--normalize-loudness", "-16"], &["--format", "flac"]]
    {
        let ran = p.run(&[&["synth", "-m", "noise", "-t", "x", "--stream"], bad].concat());
        assert_eq!(ran.code, Some(2), "{bad:?}: {ran:?}");
    }
}

#[test]
fn a_coded_stream_on_standard_output_holds_the_bytes_of_the_file() {
    let p = Program::new();
    let common = ["synth", "-m", "noise", "--seed", "5", "-t", "你好，世界。"];
    let of = |format: &str| {
        let name = format!("a.{format}");
        p.ok(&[&common[..], &["-o", &name]].concat());
        let stream = p.ok(&[&common[..], &["--stream", "--format", format]].concat()).stdout;
        (std::fs::read(p.path(&name)).unwrap(), stream)
    };
    let (file, stream) = of("opus");
    assert!(stream == file);
    // The tag of a file says how long it is.
    let (file, stream) = of("mp3");
    assert!(stream.len() > 1_000 && file.ends_with(&stream) && file.len() < stream.len() + 300);
}

#[test]
fn a_stream_of_many_pieces_holds_the_samples_of_the_file() {
    let p = Program::new();
    compare(&p, &["-t", LONG, "--split", "--max-tokens", "60"]);
    // Long enough to be cut without being asked for.
    compare(&p, &["-t", &LONG.repeat(3), "--max-tokens", "40", "--no-decoder"]);
}

#[test]
fn a_stream_of_several_voices_holds_the_samples_of_the_file() {
    compare(&Program::new(), &["-t", SSML, "--ssml", "--max-tokens", "80"]);
}

#[cfg(feature = "cuda-emulator")]
#[test]
fn a_stream_of_an_emulated_card_holds_the_samples_of_the_file() {
    let p = Program::new().env("CHATTTS_RS_EMULATED_CARDS", "1");
    let common = ["synth", "-m", "noise", "-t", SSML, "--ssml", "--seed", "5", "--device", "cuda"];
    let common = [&common[..], &["--max-tokens", "20", "--min-tokens", "20"]].concat();
    p.ok(&[&common[..], &["-o", "a.wav"]].concat());
    let file = wav(&std::fs::read(p.path("a.wav")).unwrap()).1;
    let raw = p.ok(&[&common[..], &["--stream", "--format", "raw"]].concat()).stdout;
    assert!(samples(&raw) == file);
}
