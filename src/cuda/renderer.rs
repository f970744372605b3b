//! Hidden states or codes → mel → wave, on a card.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::driver::{Buffer, Driver};
use super::kernels::{Dtype, Kernels};
use super::render_kernels::Bounds;
use super::render_layers::{Loader, Sizes, Stage};
use super::render_networks::{Dvae, MelStack, Vocos};
use crate::error::{Error, Result};
use crate::model::{Checkpoint, HOP, MEL_CHANNELS, Mel, Render, Rendered, WeightFile};

/// Frames that are widened at once: enough for a card to be busy, and few enough to stay in its cache.
const PIECE: usize = 4096;
/// Frames of sequences that are taken together.
const TOGETHER: usize = 16_384;
/// Memory is taken for a whole number of these.
const FRAMES_STEP: usize = 1024;

/// Runs the networks after the Llama on a card, in a stream of their own. Shared by threads, which wait for
/// each other.
pub struct CardRenderer {
    kernels: Kernels,
    kind: Dtype,
    decoder: MelStack,
    vocos: Vocos,
    // Most runs never need it, so it is read when it is first asked for.
    dvae: OnceLock<Dvae>,
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
}

/// Names what a mel is made from.
enum Source<'a> {
    /// Values of tokens, row by row, one slice per sequence.
    Features(&'a MelStack, Vec<&'a [f32]>),
    /// The mel itself.
    Mel(&'a [&'a [f32]]),
}

impl Source<'_> {
    /// Returns the frames of each sequence.
    fn lengths(&self) -> Vec<usize> {
        match self {
            Source::Features(stack, sequences) => {
                sequences.iter().map(|values| 2 * values.len() / stack.features()).collect()
            }
            Source::Mel(mels) => mels.iter().map(|mel| mel.len() / MEL_CHANNELS).collect(),
        }
    }
}

/// Names what a caller wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Mel,
    Wave,
    Both,
}

impl CardRenderer {
    /// Copies the decoder and the vocoder of a checkpoint to a card, the blocks' linear layers in the type asked
    /// for, and takes the memory for so many frames at once.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the card.
    pub fn load(checkpoint: &Checkpoint, kernels: &Kernels, kind: Dtype, frames: usize) -> Result<Self> {
        if checkpoint.packed.is_some() {
            let reason = "its weights are packed for processors; a card needs the model's folder";
            return Err(Error::bad_file(checkpoint.decoder.path(), reason));
        }
        let kernels = Kernels::new(kernels.driver().another()?);
        let loader = Loader { kernels: &kernels, kind };
        let (decoder, vocos) = rayon::join(
            || MelStack::decoder(&loader, &checkpoint.decoder, checkpoint.config.hidden),
            || Vocos::load(&loader, &checkpoint.vocos),
        );
        let renderer = CardRenderer {
            decoder: decoder?,
            vocos: vocos?,
            dvae: OnceLock::new(),
            dvae_file: checkpoint.dvae.clone(),
            workspace: Mutex::new(None),
            piece: PIECE,
            together: TOGETHER,
            kernels,
            kind,
        };
        renderer.reserve(frames)?;
        Ok(renderer)
    }

    fn dvae(&self) -> Result<&Dvae> {
        if let Some(dvae) = self.dvae.get() {
            return Ok(dvae);
        }
        let loader = Loader { kernels: &self.kernels, kind: self.kind };
        let dvae = Dvae::load(&loader, &self.dvae_file)?;
        Ok(self.dvae.get_or_init(|| dvae))
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
        if let Some(dvae) = self.dvae.get() {
            sizes = sizes.max(dvae.stack.sizes());
        }
        let fits = |own: &Workspace| own.frames >= frames && own.sizes == sizes;
        let taken = match own.take() {
            Some(workspace) if fits(&workspace) => workspace,
            smaller => {
                let before = smaller.as_ref().map_or(0, |workspace| workspace.frames);
                // What there was goes first, so that both need not fit.
                drop(smaller);
                let frames = frames.next_multiple_of(FRAMES_STEP).max(before);
                Workspace::new(self.kernels.driver(), frames, self.piece.min(frames), sizes)?
            }
        };
        Ok(own.insert(taken))
    }

    fn of_codes(&self, sequences: &[&[Vec<u16>]], wanted: Wanted) -> Result<Vec<Rendered>> {
        let dvae = self.dvae()?;
        let features = dvae.quantizer.features(sequences, &candle_core::Device::Cpu)?;
        let values = features.rows.flatten_all()?.to_vec1::<f32>()?;
        let mut rest = values.as_slice();
        let split = features.lengths.iter().map(|steps| {
            let (own, others) = rest.split_at(steps * dvae.stack.features());
            rest = others;
            own
        });
        self.run(&Source::Features(&dvae.stack, split.collect()), wanted)
    }

    fn run(&self, source: &Source, wanted: Wanted) -> Result<Vec<Rendered>> {
        let lengths = source.lengths();
        let mut workspace = self.workspace();
        let mut made = Vec::with_capacity(lengths.len());
        for group in groups(&lengths, self.together) {
            made.extend(self.run_group(&mut workspace, source, &lengths[group.clone()], group, wanted)?);
        }
        Ok(made)
    }

    /// Renders sequences that go together.
    fn run_group(
        &self,
        workspace: &mut Option<Workspace>,
        source: &Source,
        lengths: &[usize],
        group: Range<usize>,
        wanted: Wanted,
    ) -> Result<Vec<Rendered>> {
        let frames = lengths.iter().sum();
        let own = self.fit(workspace, frames)?;
        let stage = Stage {
            kernels: &self.kernels,
            bounds: own.bounds.address(),
            frames,
            piece: own.piece,
            normed: own.normed.address(),
            scratch: own.scratch.address(),
        };
        own.bounds.upload(0, &Bounds::of(lengths))?;
        let put = |to: &Buffer<f32>, sequences: &[&[f32]]| {
            let mut start = 0;
            for values in sequences {
                to.upload(start, values)?;
                start += values.len();
            }
            Ok::<_, Error>(())
        };
        let (mel, first, second) = (own.mel.address(), own.first.address(), own.second.address());
        match source {
            Source::Features(stack, sequences) => {
                put(&own.second, &sequences[group])?;
                stack.run(&stage, first, second, mel)?;
            }
            Source::Mel(mels) => put(&own.mel, &mels[group])?,
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
    fn render_hiddens(&self, sequences: &[&[f32]]) -> Result<Vec<Rendered>> {
        self.run(&Source::Features(&self.decoder, sequences.to_vec()), Wanted::Both)
    }

    fn render_codes(&self, sequences: &[&[Vec<u16>]]) -> Result<Vec<Rendered>> {
        self.of_codes(sequences, Wanted::Both)
    }

    fn mel_of_hiddens(&self, hiddens: &[f32]) -> Result<Mel> {
        one(self.run(&Source::Features(&self.decoder, vec![hiddens]), Wanted::Mel)?).map(|made| made.mel)
    }

    fn mel_of_codes(&self, codes: &[Vec<u16>]) -> Result<Mel> {
        one(self.of_codes(&[codes], Wanted::Mel)?).map(|made| made.mel)
    }

    fn wave_of(&self, mel: &[f32]) -> Result<Vec<f32>> {
        one(self.run(&Source::Mel(&[mel]), Wanted::Wave)?).map(|made| made.wave)
    }

    fn reach_of_hiddens(&self) -> usize {
        self.decoder.reach()
    }

    fn reach_of_codes(&self) -> Result<usize> {
        Ok(self.dvae()?.stack.reach())
    }

    fn wave_reach(&self) -> usize {
        self.vocos.reach()
    }
}

fn one(made: Vec<Rendered>) -> Result<Rendered> {
    made.into_iter().next().ok_or_else(|| Error::Device("nothing was rendered".into()))
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
