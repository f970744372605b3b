//! Speaks a text as a sound device takes it, 16-bit samples of 16 kHz in buffers of 20 ms, while it is made; here
//! they go to a file: `cargo run --release --example speak -- "你好，世界。" hello.wav [MODEL]`.

use chattts_rs::audio::{Encoding, Format, Sink};
use chattts_rs::{Engine, EngineOptions, Event, SpeechRequest};

const SAMPLE_RATE: u32 = 16_000;
const BUFFER: usize = SAMPLE_RATE as usize / 50;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let text = args.next().unwrap_or_else(|| "你好，世界。".into());
    let out = args.next().unwrap_or_else(|| "hello.wav".into());
    let model = args.next().unwrap_or_else(|| "demo".into());

    let engine = Engine::open(EngineOptions::from_env(model))?;
    let mut request = SpeechRequest::new(text);
    request.overrides.role = Some("2222".into());
    request.overrides.sampling.seed = Some(42);
    request.overrides.sample_rate = Some(SAMPLE_RATE);

    let encoding = Encoding::new(Format::Wav, None, Some(SAMPLE_RATE))?;
    let mut device = Sink::new(std::fs::File::create(&out)?, &encoding)?;
    let mut waiting: Vec<f32> = Vec::new();
    for event in engine.speak(request)? {
        match event? {
            Event::Samples(samples) => {
                waiting.extend(samples);
                let whole = waiting.len() / BUFFER * BUFFER;
                waiting
                    .drain(..whole)
                    .as_slice()
                    .chunks(BUFFER)
                    .try_for_each(|buffer| device.push(buffer))?;
            }
            Event::Cue { text, start, end, .. } => eprintln!("{start:.2} to {end:.2} s: {text}"),
            Event::Done(summary) => eprintln!("{out}: {:.2} s, {:?}", summary.seconds(), summary.finish),
            _ => {}
        }
    }
    device.push(&waiting)?;
    device.finish()?;
    Ok(())
}
