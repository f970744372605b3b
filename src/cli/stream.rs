//! `synth --stream`: audio on standard output as it is made.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::Instant;

use chattts_rs::audio::{Encoding, Format, WaveResampler, encode_samples, is_silent, stream_header};
use chattts_rs::engine::FinishReason;
use chattts_rs::model::SAMPLE_RATE;
use chattts_rs::{ChatTts, Error, Request};

use super::args::SynthArgs;
use super::plan::{Failed, Todo};
use super::{Context, SomeFailed, Usage};

/// How many seeds are tried for a text that ends at its first token.
const SEEDS: u64 = 8;

/// Refuses what a stream cannot have.
pub fn check(args: &SynthArgs, encoding: &Encoding) -> anyhow::Result<()> {
    let refuse = |what: &str| Err(Usage(format!("--stream: {what}")).into());
    if args.output.out.as_deref().is_some_and(|out| out.as_os_str() != "-") {
        return refuse("it goes to standard output; leave --out away");
    }
    if args.output.trim || args.output.normalize_loudness.is_some() || args.output.subtitles.is_some() {
        return refuse("--trim, --normalize-loudness and --subtitles need the whole audio");
    }
    if encoding.format() == Format::Flac {
        return refuse("flac needs the whole audio; wav and the others do not");
    }
    if io::stdout().is_terminal() {
        return refuse("standard output is a terminal; redirect it");
    }
    Ok(())
}

/// Speaks texts one after another.
pub fn run(context: &Context, tts: &mut ChatTts, todo: &[Todo], failed: &[Failed]) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    interrupt.watch();
    let total = todo.len() + failed.len();
    let mut bad = failed.len();
    for failed in failed {
        report.error(&format!("{}: {:#}", failed.label, failed.error));
    }
    let Some(encoding) = todo.first().map(|line| line.encoding) else {
        return Err(SomeFailed { failed: bad, truncated: 0, total }.into());
    };
    let mut out = Stream::begin(encoding)?;
    let start = Instant::now();
    for line in todo {
        match speak(context, tts, line, &mut out, start) {
            Ok(()) => {}
            Err(e) if e.is::<io::Error>() || matches!(e.downcast_ref(), Some(Error::Interrupted)) => {
                return Err(e);
            }
            Err(e) => {
                report.error(&format!("{}: {e:#}", line.label));
                bad += 1;
            }
        }
        report.clear();
    }
    if bad > 0 { Err(SomeFailed { failed: bad, truncated: 0, total }.into()) } else { Ok(()) }
}

fn speak(
    context: &Context,
    tts: &mut ChatTts,
    line: &Todo,
    out: &mut Stream,
    start: Instant,
) -> anyhow::Result<()> {
    context.report.utterance(&line.label, 0, 1);
    for piece in &line.pieces {
        let mut request = line.request.clone();
        request.text.clone_from(&piece.spoken.text);
        if let Some(speed) = &piece.spoken.speed {
            request.speed.clone_from(speed);
        }
        if let Some(voice) = piece.spoken.voice.checked_sub(1).and_then(|i| line.voices.get(i)) {
            request.voice.clone_from(voice);
        }
        speak_piece(context, tts, &line.label, request, out, start)?;
        out.silence(piece.silence)?;
    }
    Ok(())
}

fn speak_piece(
    context: &Context,
    tts: &mut ChatTts,
    label: &str,
    mut request: Request,
    out: &mut Stream,
    start: Instant,
) -> anyhow::Result<()> {
    let Context { report, interrupt } = context;
    for attempt in 1.. {
        let mut steps = 0;
        let mut piece = out.piece()?;
        let mut broken = None;
        let streamed = tts.stream(&request, |samples| {
            steps += 1;
            report.tokens(steps);
            let written = piece.push(samples).and_then(|bytes| out.write(&bytes));
            if let Err(error) = written {
                broken = Some(error);
                return ControlFlow::Break(());
            }
            if out.bytes > 0 && !out.has_spoken {
                out.has_spoken = true;
                report.detail(&format!("first sound after {:.0} ms", start.elapsed().as_secs_f64() * 1e3));
            }
            interrupt.check()
        });
        if let Some(error) = broken {
            return Err(error);
        }
        match streamed {
            Err(Error::EndedAtOnce { seed }) if attempt < SEEDS => {
                request.seed = seed.wrapping_add(1);
                report.note(&format!("{label}: seed {seed} ends at once; trying seed {}", request.seed));
            }
            Err(error) => return Err(error.into()),
            Ok(codes) => {
                out.write(&piece.finish()?)?;
                if codes.finish != FinishReason::End {
                    report.warn(&format!("{label}: the model did not end by itself; the speech is cut off"));
                }
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Standard output with a header in front.
struct Stream {
    encoding: Encoding,
    /// Of samples.
    bytes: usize,
    has_spoken: bool,
}

impl Stream {
    fn begin(encoding: Encoding) -> anyhow::Result<Self> {
        let mut stream = Stream { encoding, bytes: 0, has_spoken: false };
        stream.write(&stream_header(&encoding)?)?;
        stream.bytes = 0;
        Ok(stream)
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()?;
        self.bytes += bytes.len();
        Ok(())
    }

    fn silence(&mut self, seconds: f64) -> anyhow::Result<()> {
        let samples = (seconds * f64::from(self.encoding.sample_rate())) as usize;
        let bytes = encode_samples(&vec![0.0; samples], &self.encoding)?;
        self.write(&bytes)
    }

    fn piece(&self) -> anyhow::Result<Piece> {
        let resampler = WaveResampler::new(SAMPLE_RATE, self.encoding.sample_rate())?;
        Ok(Piece { encoding: self.encoding, resampler, has_begun: false, silence: Vec::new() })
    }
}

/// One text's samples on their way: without silence at the ends, at their rate, as bytes.
struct Piece {
    encoding: Encoding,
    resampler: WaveResampler,
    has_begun: bool,
    /// Silent samples that are given out only if sound follows.
    silence: Vec<f32>,
}

impl Piece {
    fn push(&mut self, samples: &[f32]) -> anyhow::Result<Vec<u8>> {
        let mut ready = Vec::with_capacity(samples.len());
        for sample in samples {
            if !is_silent(*sample) {
                ready.append(&mut self.silence);
                ready.push(*sample);
                self.has_begun = true;
            } else if self.has_begun {
                self.silence.push(*sample);
            }
        }
        Ok(encode_samples(&self.resampler.push(&ready)?, &self.encoding)?)
    }

    fn finish(self) -> anyhow::Result<Vec<u8>> {
        Ok(encode_samples(&self.resampler.finish()?, &self.encoding)?)
    }
}
