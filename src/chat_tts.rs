//! The model as one thing: text in, speech out.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::device::{DeviceChoice, OpenDevice};
use crate::engine::{Codes, Decoder, Engine, Event, Goal, Refined, Request, Step};
use crate::error::{Error, Result};
use crate::hub::{self, HubConfig, ModelSource};
use crate::loading::Loaded;
use crate::model::{Checkpoint, DEMO_SEED, Growing, Mel, Renderer, SAMPLE_RATE, WaveStream, WeightType};
use crate::pipeline::render_codes;
use crate::text::Tokenizer;
use crate::voice::{SeedKind, Speaker, SpeakerStats, VoicePrompt};

/// In which type the model computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// What suits the device.
    #[default]
    Auto,
    /// Single precision.
    F32,
    /// Weights in 8 bits, what is cached of past positions in 16: a quarter of the memory, and several times
    /// as fast; the codes differ from those of single precision. What suits a processor. On a card the layers'
    /// weights alone are of 8 bits, and all else is as in f16.
    Q8,
    /// Weights, the inputs of products and what is cached of past positions in half precision, sums in single
    /// precision. For cards, and what suits them.
    F16,
    /// As f16, in bfloat16: a wider range, an eighth of the precision. For cards.
    Bf16,
}

impl Precision {
    /// How a processor holds weights in it.
    pub fn weight_type(self) -> WeightType {
        match self {
            Precision::F32 => WeightType::F32,
            _ => WeightType::Q8,
        }
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Auto => "auto",
            Precision::F32 => "f32",
            Precision::Q8 => "q8",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
        }
    }
}

/// How a model is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Where it runs.
    pub device: DeviceChoice,
    /// In which type it computes.
    pub precision: Precision,
    /// Texts that are worked on together, at least 1.
    pub batch_size: usize,
    /// Fewer than `batch_size` will do where a card's memory holds no more.
    pub fewer: bool,
    /// The share of a card's free memory that texts worked on may take, above 0 and at most 1.
    pub memory_fraction: f64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            device: DeviceChoice::default(),
            precision: Precision::default(),
            batch_size: 1,
            fewer: false,
            memory_fraction: 0.9,
        }
    }
}

/// A spoken text.
#[derive(Clone, Debug)]
pub struct Speech {
    /// Samples at [`SAMPLE_RATE`], about −1 to 1.
    pub wave: Vec<f32>,
    /// The log mel they were made from.
    pub mel: Mel,
    /// The codes that were drawn, their hidden states, why it ended, and the refined text.
    pub codes: Codes,
}

/// What runs the model's steps; which one it is depends on the device.
pub(crate) type AnyStep = Box<dyn Step + Send>;

/// ChatTTS, loaded and ready to speak.
pub struct ChatTts {
    engine: Engine<AnyStep>,
    renderer: Arc<Renderer>,
    stats: Option<SpeakerStats>,
    slots: usize,
    precision: Precision,
    device_name: String,
}

impl ChatTts {
    /// Loads a model; one from the hub is downloaded first if it is not in the cache.
    ///
    /// # Errors
    /// [`Error::ModelNotFound`] and [`Error::Download`] if its files cannot be had, else an error naming
    /// the file and tensor that are not as they should be.
    pub fn load(source: &ModelSource, options: LoadOptions) -> Result<Self> {
        let checkpoint = match source {
            ModelSource::Demo(size) => Checkpoint::demo(*size, DEMO_SEED)?,
            ModelSource::Packed(file) => Checkpoint::open_packed(file)?,
            source => Checkpoint::open(&hub::fetch(source, &HubConfig::from_env(), &mut |_| {})?)?,
        };
        ChatTts::open(checkpoint, options)
    }

    /// Loads an opened checkpoint.
    ///
    /// # Errors
    /// An error naming the file and tensor that are not as they should be; [`Error::Device`] if the device
    /// cannot be had.
    pub fn open(checkpoint: Checkpoint, options: LoadOptions) -> Result<Self> {
        ChatTts::open_with(checkpoint, options, |device| device)
    }

    /// As [`ChatTts::open`], on what `prepare` makes of the device.
    pub(crate) fn open_with(
        mut checkpoint: Checkpoint,
        options: LoadOptions,
        prepare: impl FnOnce(OpenDevice) -> OpenDevice,
    ) -> Result<Self> {
        let stats = checkpoint.stats.take();
        let loaded = Loaded::open(checkpoint, options, prepare)?;
        let Loaded { engine, renderer, slots, precision, device_name } = loaded;
        Ok(ChatTts { engine, renderer: Arc::new(renderer), stats, slots, precision, device_name })
    }

    /// The voice of a seed.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the model is of its own width and has no statistics of voices.
    pub fn speaker(&self, kind: SeedKind, seed: u64) -> Result<Speaker> {
        let stats = self.stats.as_ref().ok_or_else(SpeakerStats::missing)?;
        stats.sample(kind, seed)
    }

    /// Speaks a text.
    ///
    /// # Errors
    /// What is wrong with the request, or [`Error::EndedAtOnce`] if this seed draws the end first.
    pub fn synthesize(&mut self, request: &Request) -> Result<Speech> {
        self.synthesize_with(request, |_| ControlFlow::Continue(()))
    }

    /// Speaks a text and says how it goes; a caller who breaks gets [`Error::Interrupted`].
    ///
    /// # Errors
    /// As [`ChatTts::synthesize`].
    pub fn synthesize_with(
        &mut self,
        request: &Request,
        on_event: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Speech> {
        match self.run(Goal::Speak, request, on_event)? {
            Event::Spoken { codes, .. } => self.render(*codes),
            _ => Err(Error::Interrupted),
        }
    }

    /// Speaks a text and hands out its wave while it grows: what `on_samples` gets, put together, is
    /// [`Speech::wave`] of the same request, to the sample. It is called after every step, mostly with
    /// nothing new; a caller who breaks gets [`Error::Interrupted`].
    ///
    /// A sample is final once the model is about a second past it, which is how far the decoder and the
    /// vocoder see.
    ///
    /// # Errors
    /// As [`ChatTts::synthesize`].
    pub fn stream(
        &mut self,
        request: &Request,
        mut on_samples: impl FnMut(&[f32]) -> ControlFlow<()>,
    ) -> Result<Codes> {
        /// Steps after which new samples are looked for: soon at first, then rarer, since each time what is
        /// within reach is computed again.
        const FIRST: usize = 16;
        const MOST: usize = 192;
        let mut wave = WaveStream::default();
        let (mut every, mut next) = (FIRST, FIRST);
        let renderer = self.renderer();
        let mut step = |samples: &[f32]| match on_samples(samples).is_break() {
            true => Err(Error::Interrupted),
            false => Ok(()),
        };
        self.engine.clear();
        self.engine.submit(0, Goal::Speak, request.clone());
        while !self.engine.is_idle() {
            for event in self.engine.step()? {
                match event {
                    Event::Failed { error, .. } => return Err(error),
                    Event::Spoken { codes, .. } => {
                        step(&wave.take(
                            &renderer,
                            growing(request.decoder, &codes.tokens, &codes.hiddens),
                            true,
                        )?)?;
                        return Ok(*codes);
                    }
                    _ => {}
                }
            }
            let mut samples = Vec::new();
            if let Some((tokens, hiddens)) = self.engine.codes(0)?
                && tokens.len() >= next
            {
                samples = wave.take(&renderer, growing(request.decoder, tokens, hiddens), false)?;
                if !samples.is_empty() {
                    every = (every * 3 / 2).min(MOST);
                }
                next = tokens.len() + every;
            }
            step(&samples)?;
        }
        Err(Error::Interrupted)
    }

    /// Rewrites a text with pauses, laughs and fillers.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub fn refine(&mut self, request: &Request) -> Result<Refined> {
        self.refine_with(request, |_| ControlFlow::Continue(()))
    }

    /// Rewrites a text and says how it goes; a caller who breaks gets [`Error::Interrupted`].
    ///
    /// # Errors
    /// As [`ChatTts::refine`].
    pub fn refine_with(
        &mut self,
        request: &Request,
        on_event: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Refined> {
        match self.run(Goal::Refine, request, on_event)? {
            Event::Refinement { refined, .. } => Ok(refined),
            _ => Err(Error::Interrupted),
        }
    }

    /// Steps until the one request is done; its last event.
    fn run(
        &mut self,
        goal: Goal,
        request: &Request,
        mut on_event: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Event> {
        self.engine.clear();
        self.engine.submit(0, goal, request.clone());
        while !self.engine.is_idle() {
            for event in self.engine.step()? {
                match event {
                    Event::Failed { error, .. } => return Err(error),
                    done @ (Event::Spoken { .. } | Event::Refinement { .. }) => return Ok(done),
                    event => {
                        if on_event(&event).is_break() {
                            self.engine.clear();
                            return Err(Error::Interrupted);
                        }
                    }
                }
            }
        }
        Err(Error::Interrupted)
    }

    fn render(&self, codes: Codes) -> Result<Speech> {
        let rendered = render_codes(&self.renderer, codes.decoder, &[&codes])?;
        let rendered = one(rendered)?;
        Ok(Speech { wave: rendered.wave, mel: rendered.mel, codes })
    }

    /// The wave of given codes, through the DVAE: one row per codebook (4), codes 0 to 624.
    ///
    /// # Errors
    /// [`Error::Speaker`] if rows are missing, of unequal length, or a code is out of range.
    pub fn decode(&self, codes: &[Vec<u16>]) -> Result<crate::model::Rendered> {
        one(self.renderer.from_codes(&[codes])?)
    }

    /// The codes of a spoken sample (24 kHz, mono), one per 512 samples: with its words, a voice to continue.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the sample is too short to hold a code or holds a value that is not a number.
    pub fn encode(&self, wave: &[f32]) -> Result<VoicePrompt> {
        self.renderer.encode(wave)
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.engine.vocabulary().tokenizer
    }

    /// In which type it computes; never [`Precision::Auto`].
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Where it runs, as `--device` names it: `cpu`.
    pub fn device_name(&self) -> &str {
        &self.device_name
    }

    /// Texts that are worked on together.
    pub fn batch_size(&self) -> usize {
        self.slots
    }

    pub(crate) fn engine_mut(&mut self) -> &mut Engine<AnyStep> {
        &mut self.engine
    }

    /// Calls its device something else, so that several of one kind can be told apart.
    #[cfg(test)]
    pub(crate) fn set_device_name(&mut self, name: &str) {
        self.device_name = name.into();
    }

    pub(crate) fn renderer(&self) -> Arc<Renderer> {
        Arc::clone(&self.renderer)
    }

    /// Samples per second of what it speaks.
    pub fn sample_rate(&self) -> u32 {
        SAMPLE_RATE
    }
}

/// What a wave grows from.
fn growing<'a>(decoder: Decoder, tokens: &'a [Vec<u32>], hiddens: &'a [f32]) -> Growing<'a> {
    match decoder {
        Decoder::HiddenStates => Growing::Hiddens(hiddens),
        Decoder::Codes => Growing::Codes(tokens),
    }
}

fn one<T>(values: Vec<T>) -> Result<T> {
    let none = || Error::Device("the model returned nothing for a sequence".into());
    values.into_iter().next().ok_or_else(none)
}
