//! Hidden states or codes → mel → wave, on a card.

use std::any::Any;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::driver::{Buffer, Driver};
use super::kernels::{Dtype, EightBits, Kernels};
use super::layout::CardLayout;
use super::render_layers::{Sizes, Stage};
use super::render_networks::CardVocos;
use super::shared::Bounds;
use super::states::CardStates;
use crate::backend::cpu::{CpuLayout, WeightType};
use crate::backend::networks::{DIGITS, Encoder, HOP, MEL_CHANNELS, MelStack, Quantizer, STRIDE, codes_of};
use crate::backend::render::{Growth, Later, Mel, Render, Rendered, Source, Wanted};
use crate::backend::weights::{Checkpoint, WeightFile};
use crate::engine::{Decoder, Hiddens, OnDevice};
use crate::error::{Error, Result};

/// Frames that are widened at once: enough for a card to be busy, and few enough to stay in its cache.
const PIECE: usize = 4096;
/// Frames of sequences that are taken together.
const TOGETHER: usize = 16_384;
/// Memory is taken for a whole number of these.
const FRAMES_STEP: usize = 1024;

/// Runs the networks after the Llama on a card, in a stream of their own. Shared by threads, which wait for
/// each other.
pub struct CardRenderer {
    layout: CardLayout,
    decoder: MelStack<CardLayout>,
    vocos: CardVocos,
    // Most runs never need them, so they are read when they are first asked for. Codes become features on the
    // processor, a few hundred operations each, and waves become mels there.
    dvae: Later<(Quantizer<CpuLayout>, MelStack<CardLayout>)>,
    encoder: Later<Encoder<CardLayout>>,
    dvae_file: WeightFile,
    workspace: Mutex<Option<Workspace>>,
    piece: usize,
    together: usize,
}

/// Holds the scratch memory between layers. It only grows.
struct Workspace {
    frames: usize,
    piece: usize,
    sizes: Sizes,
    bounds: Buffer<Bounds>,
    mel: Buffer<f32>,
    first: Buffer<f32>,
    second: Buffer<f32>,
    normed: Buffer<u8>,
    scratch: Buffer<u8>,
}

impl Workspace {
    fn new(driver: &Arc<dyn Driver>, frames: usize, piece: usize, sizes: Sizes) -> Result<Self> {
        let singles = |size: usize| Buffer::new(driver, frames * size.div_ceil(size_of::<f32>()));
        Ok(Workspace {
            frames,
            piece,
            sizes,
            bounds: Buffer::new(driver, frames)?,
            mel: Buffer::new(driver, frames * MEL_CHANNELS)?,
            first: singles(sizes.first)?,
            second: singles(sizes.second)?,
            normed: Buffer::new(driver, frames * sizes.normed)?,
            scratch: Buffer::new(driver, piece * sizes.scratch)?,
        })
    }

    fn stage<'a>(&self, kernels: &'a Kernels, frames: usize) -> Stage<'a> {
        Stage {
            kernels,
            bounds: self.bounds.address(),
            frames,
            piece: self.piece,
            normed: self.normed.address(),
            scratch: self.scratch.address(),
        }
    }
}

/// Values of sequences, row by row, and the layers that make mels of them; none if they are mels.
type Values<'a> = (Option<&'a MelStack<CardLayout>>, Vec<Rows<'a>>);

/// Borrows the rows of one sequence.
enum Rows<'a> {
    Memory(Cow<'a, [f32]>),
    /// On this card.
    Card(&'a CardStates),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Rows::Memory(values) => values.len(),
            Rows::Card(states) => states.count(),
        }
    }
}

impl CardRenderer {
    /// Copies the decoder and the vocoder of a checkpoint to a card, the blocks' linear layers in the type asked
    /// for, and takes the memory for so many frames at once.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the card.
    pub fn load(checkpoint: &Checkpoint, kernels: &Kernels, kind: Dtype, frames: usize) -> Result<Self> {
        let kernels = Kernels::new(kernels.driver().another(kernels.switches(), false)?);
        let layout = CardLayout { kernels, kind, eight_bits: EightBits::Nothing };
        let (decoder, vocos) = rayon::join(
            || MelStack::decoder(&checkpoint.decoder, checkpoint.config.hidden, &layout),
            || CardVocos::load(&checkpoint.vocos, &layout),
        );
        let renderer = CardRenderer {
            decoder: decoder?,
            vocos: vocos?,
            dvae: Later::default(),
            encoder: Later::default(),
            dvae_file: checkpoint.dvae.clone(),
            workspace: Mutex::new(None),
            piece: PIECE,
            together: TOGETHER,
            layout,
        };
        renderer.reserve(frames)?;
        Ok(renderer)
    }

    fn dvae(&self) -> Result<&(Quantizer<CpuLayout>, MelStack<CardLayout>)> {
        self.dvae.get(|| {
            let stack = MelStack::load(&self.dvae_file.root(), &self.layout)?;
            let quantizer = Quantizer::load(&self.dvae_file, stack.features(), &CpuLayout(WeightType::F32))?;
            Ok((quantizer, stack))
        })
    }

    /// Takes the memory for so many frames, which is otherwise taken when they come.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has none.
    fn reserve(&self, frames: usize) -> Result<()> {
        self.fit(&mut self.workspace(), frames.min(self.together)).map(drop)
    }

    fn workspace(&self) -> MutexGuard<'_, Option<Workspace>> {
        self.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fit<'a>(&self, own: &'a mut Option<Workspace>, frames: usize) -> Result<&'a Workspace> {
        let mut sizes = self.decoder.sizes().max(self.vocos.sizes());
        if let Some((_, stack)) = self.dvae.loaded() {
            sizes = sizes.max(stack.sizes());
        }
        if let Some(encoder) = self.encoder.loaded() {
            sizes = sizes.max(encoder.sizes());
        }
        let fits = |own: &Workspace| own.frames >= frames && own.sizes == sizes;
        let taken = match own.take() {
            Some(workspace) if fits(&workspace) => workspace,
            smaller => {
                let before = smaller.as_ref().map_or(0, |workspace| workspace.frames);
                // What there was goes first, so that both need not fit.
                drop(smaller);
                let frames = frames.next_multiple_of(FRAMES_STEP).max(before);
                Workspace::new(self.layout.kernels.driver(), frames, self.piece.min(frames), sizes)?
            }
        };
        Ok(own.insert(taken))
    }

    /// Returns hidden states as they are taken from where they lie.
    fn rows<'a>(&self, hiddens: &'a Hiddens) -> Result<Rows<'a>> {
        let driver = &**self.layout.kernels.driver();
        let states = hiddens.device().and_then(|device| (device as &dyn Any).downcast_ref::<CardStates>());
        match states.filter(|states| states.is_on(driver)) {
            Some(states) => Ok(Rows::Card(states)),
            None => hiddens.values().map(Rows::Memory),
        }
    }

    fn run(&self, values: &Values, wanted: Wanted) -> Result<Vec<Rendered>> {
        let frames = |own: &Rows| match values.0 {
            Some(stack) => 2 * own.len() / stack.features(),
            None => own.len() / MEL_CHANNELS,
        };
        let lengths: Vec<usize> = values.1.iter().map(frames).collect();
        let mut workspace = self.workspace();
        let mut made = Vec::with_capacity(lengths.len());
        for group in groups(&lengths, self.together) {
            made.extend(self.run_group(&mut workspace, values, &lengths[group.clone()], group, wanted)?);
        }
        Ok(made)
    }

    /// Renders sequences that go together.
    fn run_group(
        &self,
        workspace: &mut Option<Workspace>,
        (stack, sequences): &Values,
        lengths: &[usize],
        group: Range<usize>,
        wanted: Wanted,
    ) -> Result<Vec<Rendered>> {
        let frames = lengths.iter().sum();
        let own = self.fit(workspace, frames)?;
        let stage = own.stage(&self.layout.kernels, frames);
        own.bounds.upload(0, &Bounds::of(lengths))?;
        let put = |to: &Buffer<f32>, sequences: &[Rows]| {
            let mut start = 0;
            for rows in sequences {
                match rows {
                    Rows::Memory(values) => to.upload(start, values)?,
                    Rows::Card(states) => states.copy_to(&**self.layout.kernels.driver(), to, start)?,
                }
                start += rows.len();
            }
            Ok::<_, Error>(())
        };
        let (mel, first, second) = (own.mel.address(), own.first.address(), own.second.address());
        match stack {
            Some(stack) => {
                put(&own.second, &sequences[group])?;
                stack.run(&stage, first, second, mel)?;
            }
            None => put(&own.mel, &sequences[group])?,
        }
        let (mut mels, mut waves) = (Vec::new(), Vec::new());
        if wanted != Wanted::Mel {
            self.vocos.run(&stage, mel, first, second)?;
            waves = own.first.to_vec(frames * HOP)?;
        }
        if wanted != Wanted::Wave {
            mels = own.mel.to_vec(frames * MEL_CHANNELS)?;
        }
        let mut start = 0;
        let rendered = lengths.iter().map(|length| {
            let frames = start..start + length;
            start = frames.end;
            let of = |values: &[f32], width: usize, frames: Range<usize>| match values.is_empty() {
                true => Vec::new(),
                false => values[frames.start * width..frames.end * width].to_vec(),
            };
            Rendered {
                mel: Mel { values: of(&mels, MEL_CHANNELS, frames.clone()) },
                // The last frame is where the wave ends.
                wave: of(&waves, HOP, frames.start..frames.end.saturating_sub(1).max(frames.start)),
            }
        });
        Ok(rendered.collect())
    }
}

impl Render for CardRenderer {
    fn render(&self, source: Source, wanted: Wanted) -> Result<Vec<Rendered>> {
        match source {
            Source::Hiddens(sequences) => {
                let rows = sequences.iter().map(|hiddens| self.rows(hiddens)).collect::<Result<_>>()?;
                self.run(&(Some(&self.decoder), rows), wanted)
            }
            Source::Mels(mels) => {
                let rows = mels.iter().map(|mel| Rows::Memory(Cow::Borrowed(mel)));
                self.run(&(None, rows.collect()), wanted)
            }
            Source::Codes(sequences) => {
                let (quantizer, stack) = self.dvae()?;
                let (features, lengths) = quantizer.features(sequences)?;
                let mut rest = features.as_slice();
                let split = lengths.iter().map(|steps| {
                    let (own, others) = rest.split_at(steps * stack.features());
                    rest = others;
                    Rows::Memory(Cow::Borrowed(own))
                });
                self.run(&(Some(stack), split.collect()), wanted)
            }
        }
    }

    fn encode(&self, wave: &[f32]) -> Result<Vec<Vec<u16>>> {
        // In single precision whatever the others are in: a code is the nearest of few.
        let layout = CardLayout { kind: Dtype::F32, eight_bits: EightBits::Nothing, ..self.layout.clone() };
        let encoder = self.encoder.get(|| Encoder::load(&self.dvae_file, &layout))?;
        let mel = encoder.mel_of(wave)?;
        let frames = mel.len() / MEL_CHANNELS;
        let mut workspace = self.workspace();
        let own = self.fit(&mut workspace, encoder.frames(frames))?;
        own.mel.upload(0, &mel)?;
        let stage = own.stage(&self.layout.kernels, frames);
        encoder.run(&stage, &own.mel, [&own.first, &own.second], &own.bounds)?;
        let (groups, codes) = (encoder.finder.groups.len(), frames / STRIDE);
        let scalars = own.second.to_vec(groups * codes * DIGITS)?;
        codes_of(scalars.chunks_exact(codes * DIGITS).map(<[f32]>::to_vec).collect())
    }

    fn growth(&self, decoder: Decoder) -> Result<Growth> {
        let mel_reach = match decoder {
            Decoder::HiddenStates => self.decoder.reach(),
            Decoder::Codes => self.dvae()?.1.reach(),
        };
        Ok(Growth::Repeated { mel_reach, wave_reach: self.vocos.network.reach() })
    }
}

/// Runs of sequences that have at most so many frames together, or are alone.
fn groups(lengths: &[usize], most: usize) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    let mut frames = 0;
    for (i, length) in lengths.iter().enumerate() {
        match all.last_mut() {
            Some(last) if frames + length <= most => {
                last.end = i + 1;
                frames += length;
            }
            _ => {
                all.push(i..i + 1);
                frames = *length;
            }
        }
    }
    all
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests;
