//! `synth`.

use std::time::{Duration, Instant};

use chattts_rs::engine::{Event, Finish, Voice, VoiceSample};
use chattts_rs::model::SAMPLE_RATE;
use chattts_rs::speaker::read_codes;
use chattts_rs::text::ControlTags;
use chattts_rs::{ChatTts, Decoder, Error, Refine, Request, SamplingParams, Speech};

use super::args::{DEFAULT_ROLE, SynthArgs};
use super::dump::Dump;
use super::input::{Utterance, gather};
use super::options::{self, CODEBOOKS, Seed};
use super::output::{Target, encode};
use super::role::Role;
use super::{Context, SomeFailed, Usage};

/// How many drawn seeds that end at once are tried in place of each other.
const MAX_REDRAWS: usize = 8;

pub fn run(context: &Context, args: SynthArgs) -> anyhow::Result<()> {
    // All that can be wrong is found before the model is loaded, let alone downloaded.
    let tags = ControlTags::parse(args.prompt.as_deref().unwrap_or_default())?;
    if args.no_refine && !tags.refining.is_empty() {
        return Err(Usage(format!("--no-refine contradicts {} in --prompt", tags.refining)).into());
    }
    let sampling = options::sampling(&args.sampling, SamplingParams::speech(), CODEBOOKS)?;
    let compute = options::compute(&args.compute)?;
    let role = match (&args.role, &args.voice) {
        (Some(role), _) => Role::parse(role)?,
        (None, Some(_)) => Role::None,
        (None, None) => Role::parse(DEFAULT_ROLE)?,
    };
    let sample = match (&args.voice, &args.voice_text) {
        (Some(path), Some(text)) => Some(VoiceSample { codes: read_codes(path)?, text: text.clone() }),
        _ => None,
    };
    // The rate is checked as it will be used.
    encode(&[], args.output.sample_rate)?;
    let target = Target::new(args.output.out.as_deref(), args.output.out_dir.as_deref())?;
    let dump = args.output.dump.as_deref().map(Dump::new).transpose()?;
    let utterances = gather(&args.texts)?;
    if utterances.is_empty() {
        return nothing(context, &target);
    }

    let mut tts = options::load(&args.model, compute, context)?;
    let mut template = Request::new("");
    let speaker = match (&args.role, role) {
        (None, Role::Seed(..)) if !tts.has_voices() => {
            context.report.warn(
                "this model brings no statistics of voices, so there is no default voice; it chooses one",
            );
            None
        }
        (_, role) => role.speaker(&tts)?,
    };
    template.voice = Voice { speaker, sample };
    template.sampling = sampling;
    template.noise = args.sampling.rng.into();
    if let Some(speed) = tags.speech {
        template.speed = speed;
    }
    if args.refine || !tags.refining.is_empty() {
        template.refine = Some(Refine { tags: tags.refining, ..Refine::default() });
    }
    if args.no_decoder {
        template.decoder = Decoder::Codes;
    }
    let job = Job {
        context,
        clean: !args.no_normalize,
        sample_rate: args.output.sample_rate,
        target,
        dump,
        total: utterances.len(),
    };
    job.run(&mut tts, template, Seed::choose(args.sampling.seed, context), &utterances)
}

/// An empty list is done at once; a file that was asked for cannot be made from it.
fn nothing(context: &Context, target: &Target) -> anyhow::Result<()> {
    match target {
        Target::Folder(_) => {
            context.report.note("no text: nothing to do");
            Ok(())
        }
        _ => Err(Error::EmptyText("the input holds no text".into()).into()),
    }
}

struct Job<'a> {
    context: &'a Context,
    clean: bool,
    sample_rate: u32,
    target: Target,
    dump: Option<Dump>,
    total: usize,
}

impl Job<'_> {
    fn run(
        &self,
        tts: &mut ChatTts,
        mut template: Request,
        mut seed: Seed,
        utterances: &[Utterance],
    ) -> anyhow::Result<()> {
        let report = &self.context.report;
        self.context.interrupt.watch();
        let (mut joined, mut failed) = (Vec::new(), 0);
        for utterance in utterances {
            template.seed = seed.value;
            let spoken = self.speak(tts, &mut template, &mut seed, utterance);
            report.clear();
            let speech = match spoken {
                Ok(speech) => speech,
                Err(e) if matches!(e.downcast_ref(), Some(Error::Interrupted)) => return Err(e),
                Err(e) => {
                    report.error(&format!("{utterance}: {e:#}"));
                    failed += 1;
                    continue;
                }
            };
            // What follows fails for every utterance alike: a full disk, a closed pipe.
            if let Some(dump) = &self.dump {
                dump.speech(utterance.index, &speech)?;
            }
            match &self.target {
                Target::Folder(_) => {
                    self.target.write(utterance.index, &encode(&speech.wave, self.sample_rate)?)?;
                }
                _ => joined.extend_from_slice(chattts_rs::audio::trim_silence(&speech.wave)),
            }
        }
        if !matches!(self.target, Target::Folder(_)) && failed < self.total {
            self.target.write(0, &encode(&joined, self.sample_rate)?)?;
        }
        if failed > 0 {
            // The one utterance's own error has said it.
            return Err(SomeFailed { failed, total: self.total }.into());
        }
        Ok(())
    }

    fn speak(
        &self,
        tts: &mut ChatTts,
        template: &mut Request,
        seed: &mut Seed,
        utterance: &Utterance,
    ) -> anyhow::Result<Speech> {
        let Context { report, interrupt } = self.context;
        template.text = utterance.prepare(self.clean, self.context)?;
        report.utterance(utterance, utterance.index, self.total);
        let mut clock = Clock::start();
        let mut redraws = 0;
        let speech = loop {
            let spoken = tts.synthesize_with(template, |event| {
                clock.event(event);
                match event {
                    Event::Advanced { tokens, .. } => report.tokens(*tokens),
                    Event::Refined { refined, .. } => {
                        report.detail(&format!("{utterance}: refined: {}", refined.text))
                    }
                    _ => {}
                }
                interrupt.check()
            });
            match spoken {
                Err(Error::EndedAtOnce { .. }) if seed.drawn && redraws < MAX_REDRAWS => {
                    redraws += 1;
                    seed.redraw(self.context);
                    template.seed = seed.value;
                }
                other => break other?,
            }
        };
        let limit = match speech.codes.finish {
            Finish::End => None,
            Finish::MaxTokens => Some(format!("--max-tokens {} were out", template.sampling.max_tokens)),
            Finish::ContextFull => Some("the model's context was full".to_string()),
        };
        if let Some(limit) = limit {
            report.warn(&format!("{utterance}: {limit} before the model ended; the speech is cut off"));
        }
        report.detail(&format!("{utterance}: {}", clock.summary(&speech)));
        Ok(speech)
    }
}

/// How long an utterance takes, for `--verbose`.
struct Clock {
    start: Instant,
    prefill: Option<(Duration, usize)>,
    prompt: usize,
    last: Duration,
}

impl Clock {
    fn start() -> Self {
        Clock { start: Instant::now(), prefill: None, prompt: 0, last: Duration::ZERO }
    }

    fn event(&mut self, event: &Event) {
        self.last = self.start.elapsed();
        match event {
            Event::Started { prompt, .. } => self.prompt = *prompt,
            Event::Advanced { tokens: 1, .. } if self.prefill.is_none() => {
                self.prefill = Some((self.last, self.prompt));
            }
            _ => {}
        }
    }

    fn summary(&self, speech: &Speech) -> String {
        let total = self.start.elapsed().as_secs_f64();
        let (prefill, prompt) = self.prefill.unwrap_or_default();
        let steps = speech.codes.tokens.len();
        let rate = steps.saturating_sub(1) as f64 / (self.last - prefill).as_secs_f64().max(1e-9);
        let audio = speech.wave.len() as f64 / f64::from(SAMPLE_RATE);
        format!(
            "{prompt} tokens of prompt in {:.0} ms, {steps} steps at {rate:.1}/s, {audio:.2} s of audio, {:.0} ms \
             for mel and wave, RTF {:.2}",
            prefill.as_secs_f64() * 1e3,
            (total - self.last.as_secs_f64()) * 1e3,
            total / audio.max(1e-9)
        )
    }
}
