//! Speaks a text with the library: `cargo run --release --example speak -- "你好，世界。" hello.wav [MODEL]`.

use chattts_rs::{ChatTts, LoadOptions, ModelSource, Request, SeedKind, audio};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let text = args.next().unwrap_or_else(|| "你好，世界。".into());
    let out = args.next().unwrap_or_else(|| "hello.wav".into());
    let model: ModelSource = args.next().as_deref().unwrap_or("demo").parse()?;

    let mut tts = ChatTts::load(&model, LoadOptions::default())?;
    let mut request = Request::new(text);
    request.voice = tts.speaker(SeedKind::TorchF32, 2222)?.into();
    request.seed = 42;

    let speech = tts.synthesize(&request)?;
    let samples = audio::resample(&speech.wave, tts.sample_rate(), 16_000)?;
    std::fs::write(&out, audio::wav(&samples, 16_000)?)?;
    eprintln!("{out}: {:.2} s, {:?}", samples.len() as f32 / 16_000.0, speech.codes.finish);
    Ok(())
}
