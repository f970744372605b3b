//! Speaks each line of standard input into a file of its own, many at once:
//! `cargo run --release --example batch -- FOLDER [MODEL] < lines.txt`.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::path::PathBuf;

use chattts_rs::audio::wav;
use chattts_rs::{Engine, EngineOptions, Limits, SpeechRequest};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder: PathBuf = args.next().unwrap_or_else(|| "lines".into()).into();
    std::fs::create_dir_all(&folder)?;
    let engine = Engine::open(EngineOptions::from_env(args.next().unwrap_or_else(|| "demo".into())))?;

    // Lines are read and composed as slots come free.
    let lines = std::io::stdin().lock().lines().map_while(Result::ok).enumerate();
    let lines = lines.filter_map(|(index, text)| {
        let mut request = SpeechRequest::new(text);
        request.overrides.sampling.seed = Some(42);
        match engine.compose(&request) {
            Ok(line) => Some((index, line)),
            Err(error) => {
                eprintln!("line {}: {error}", index + 1);
                None
            }
        }
    });
    // Called by several threads, in any order.
    let deliver = |outcome: chattts_rs::Outcome| {
        let path = folder.join(format!("{:05}.wav", outcome.index));
        let written = outcome.result.map_err(anyhow::Error::from).and_then(|spoken| {
            let bytes = wav(&spoken.samples, spoken.summary.sample_rate)?;
            Ok(std::fs::write(&path, bytes)?)
        });
        match written {
            Ok(()) => println!("{}", path.display()),
            Err(error) => eprintln!("line {}: {error}", outcome.index + 1),
        }
    };
    engine.speak_all(lines, Limits::default(), &deliver, || ControlFlow::Continue(()))?;
    Ok(())
}
