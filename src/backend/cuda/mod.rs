//! NVIDIA cards: memory, kernels of our own, and the model on them.
//!
//! Everything between the prompt and the wave runs in kernels of this crate, which need nothing but the
//! driver: no CUDA toolkit on the user's machine, and no library of matrix products whose choice of algorithm
//! would make a line's sound depend on the lines beside it.
//!
//! Mel and wave are made on the card as well, in a queue of their own beside the steps of other lines, from hidden states
//! that stay there; those of lines that are heard while they grow, or wait when many others do, pass through memory. The
//! same text, seed and type give the same bytes for any batch size and neighbours, on any of several like cards.
//!
//! A step is five kernels a layer and two more: norm, queries, keys, values, their rotation and the cache; attention;
//! its output and the residual; norm, gate, up and SiLU; down and the residual; then norm and heads; then the draw,
//! which lays out the next step, so that eight steps of all texts are asked for at once as one CUDA graph. The prompts
//! of new lines go in between two such graphs. No launch depends on how long the texts are, so there is a graph for
//! each number of texts alone: of many texts a block attends to all pages of a head, of few several share them (which
//! bring what they find to one of them, from compute capability 9.0 on), and the order in which pages are joined is
//! the same. [`Switches`] turn these off, which changes no byte and helps to find a fault.
//!
//! Keys, values and hidden states lie in pages of 128 positions, 7.9 MiB each with the published model in f16. A line
//! gets them as it grows and gives them back when it ends, and the card's memory is taken in chunks of 32 as they are
//! needed. Where no page is left, the line that came last gives its own back; they are computed again, to the same
//! bytes, once there are enough. So many lines of ten seconds (five pages) fit at once, counted as `plan.rs` does, with
//! half a GiB for the driver and a tenth that stays free:
//!
//! | card's memory | lines in f16 | in f16-kv8 |
//! |--:|--:|--:|
//! | 8 GB | 153 | 262 |
//! | 12 GB | 243 | 416 |
//! | 16 GB | 339 | 569 |
//! | 24 GB | 518 | 883 |
//! | 80 GB | 1798 | 3046 |
//!
//! In f16-kv8 keys and values are whole numbers of 8 bits, each eight of which have a scale of 8 bits: nine bits a value.
//!
//! Unless a number is asked for, at most 256 are worked on together.
//!
//! The tests run the kernels' source on an emulated card, token by token against the Python program:
//! `CHATTTS_RS_EMULATED_CARDS=1 CHATTTS_RS_TEST_DEVICE=cuda cargo test --release --features cuda-emulator --test
//! parity`.

mod cache;
mod card;
mod check;
mod driver;
#[cfg(feature = "cuda-emulator")]
mod emulated;
mod floor;
mod kernels;
mod layout;
mod llama;
mod lookahead;
mod matrix;
mod measure;
mod plan;
mod products;
mod profile;
mod render_kernels;
mod render_layers;
mod render_networks;
mod renderer;
mod sampler;
mod shared;
mod states;
mod step;
mod switches;
mod trust;

use std::sync::Arc;

pub use check::Finding;
pub(crate) use driver::Driver;
pub use driver::Memory;
#[cfg(feature = "cuda-emulator")]
pub use emulated::{emulate, taken as emulated_bytes};
pub(crate) use floor::{ONCE_A_STEP, StepShape, part_of, work};
pub use floor::{Part, Work};
pub(crate) use kernels::{Dtype, EightBits, Kernels};
pub use measure::Ceilings;
pub(crate) use profile::{Profiler, Times};
pub use switches::Switches;
pub use trust::{Trust, remember_in};

use self::layout::CardLayout;
use self::llama::CardLlama;
use self::plan::Slots;
use self::renderer::CardRenderer;
use self::step::CardStep;
use super::weights::Checkpoint;
use super::{Backend, MemoryProbe, Parts};
use crate::device::{BackendChoice, DeviceChoice, LoadOptions, Precision};
use crate::error::{Error, Result};

/// An opened card, with our kernels on it.
pub(crate) struct CardBackend {
    /// The card.
    pub driver: Arc<dyn Driver>,
    /// Its number, as in `cuda:N`.
    pub number: usize,
    /// What had to be switched off.
    without: Vec<&'static str>,
    /// Why.
    failures: Vec<String>,
}

impl CardBackend {
    /// Takes an opened card as it is.
    pub fn of(driver: Arc<dyn Driver>, number: usize) -> Self {
        CardBackend { driver, number, without: Vec::new(), failures: Vec::new() }
    }

    /// Opens a card and, unless it is taken as it is, tries whether it computes what it should.
    ///
    /// # Errors
    /// An error of the driver; [`Error::Device`] with what was found wrong.
    pub fn open(number: usize, as_it_is: bool) -> Result<Self> {
        let driver = open(number)?;
        if as_it_is {
            return Ok(CardBackend::of(driver, number));
        }
        let trust = trust::of(&driver, number)?;
        let switches =
            trust.switches(driver.switches()).ok_or_else(|| distrusted(&driver, number, &trust))?;
        let driver = driver.another(switches, true)?;
        Ok(CardBackend { driver, number, without: trust.without(), failures: trust.failures().to_vec() })
    }
}

fn distrusted(driver: &Arc<dyn Driver>, number: usize, trust: &Trust) -> Error {
    let (name, why) = (driver.name(), trust.failures().join("; "));
    Error::Device(format!("{name} (cuda:{number}) does not compute what it should: {why}"))
}

#[cfg(all(test, feature = "cuda-emulator"))]
impl CardBackend {
    /// Returns an emulated card with so many bytes of memory, of which nobody else knows.
    pub fn emulated(memory: u64) -> Self {
        let driver = Arc::new(emulated::Emulated::new(0, memory));
        CardBackend::of(driver, 0)
    }
}

impl Backend for CardBackend {
    fn name(&self) -> String {
        let name = format!("cuda:{} ({})", self.number, self.driver.name());
        match self.without.as_slice() {
            [] => name,
            without => format!("{name}, without {}", without.join(", ")),
        }
    }

    fn doubts(&self) -> Vec<String> {
        self.failures.clone()
    }

    fn memory(&self) -> Option<MemoryProbe> {
        let driver = Arc::clone(&self.driver);
        Some(Arc::new(move || driver.memory().ok().map(|memory| (memory.free, memory.total))))
    }

    fn precision(&self, asked: Precision) -> Result<Precision> {
        BackendChoice::Native.precision(DeviceChoice::Cuda(self.number), asked)
    }

    fn load(&self, checkpoint: &Checkpoint, precision: Precision, options: &LoadOptions) -> Result<Parts> {
        let (kind, eight_bits) = types(precision);
        let kernels = Kernels::new(Arc::clone(&self.driver));
        let layout = CardLayout { kernels: kernels.clone(), kind, eight_bits };
        let llama = CardLlama::load(checkpoint, layout)?;
        // Before the texts, which take what is left.
        // For the largest group, two frames a step, so that its memory is there when it is needed.
        let frames = 2 * (super::GROUP_STEPS + checkpoint.config.max_positions);
        let renderer = CardRenderer::load(checkpoint, &kernels, kind, frames)?;
        let slots = Slots {
            wanted: options.batch_size.max(1),
            fewer: options.fewer,
            memory_fraction: options.memory_fraction,
        };
        let step = CardStep::new(llama, slots)?;
        let (slots, pages) = (step.slots(), Some(step.pages()));
        Ok(Parts { step: Box::new(step), renderer: Box::new(renderer), slots, pages })
    }
}

/// Returns the type of a card's products, and what it holds in 8 bits.
pub(crate) fn types(precision: Precision) -> (Dtype, EightBits) {
    match precision {
        Precision::F32 => (Dtype::F32, EightBits::Nothing),
        Precision::Bf16 => (Dtype::Bf16, EightBits::Nothing),
        Precision::F16 | Precision::Auto => (Dtype::F16, EightBits::Nothing),
        Precision::Q8 => (Dtype::F16, EightBits::Weights),
        Precision::F16Kv8 => (Dtype::F16, EightBits::Cache),
    }
}

/// Tells whether a card can be used and computes what it should with the kernels.
///
/// # Errors
/// [`Error::Device`] with the reason why not; an error of the driver.
pub(crate) fn holds(number: usize) -> Result<()> {
    let card = CardInfo::of(number)?;
    if !card.is_supported() {
        let name = card.name;
        let reason = format!("{name} (cuda:{number}) is older than what is needed, compute capability 8.0");
        return Err(Error::Device(reason));
    }
    match trust::held_before(&card.name, number) {
        true => Ok(()),
        false => CardBackend::open(number, false).map(drop),
    }
}

/// Describes a card that the driver has.
#[derive(Clone, Debug)]
pub struct CardInfo {
    /// The number, as in `cuda:N`.
    pub number: usize,
    /// The driver's name for it.
    pub name: String,
    /// Compute capability; 8.0 is the oldest that the kernels are made for.
    pub capability: (i32, i32),
    /// Multiprocessors it has, if the driver says.
    pub multiprocessors: Option<u32>,
    /// Bytes a second that its memory moves at most, by its clock and width, if the driver says.
    pub bandwidth: Option<u64>,
}

impl CardInfo {
    /// Describes card `number`.
    ///
    /// # Errors
    /// An error of the driver.
    pub fn of(number: usize) -> Result<Self> {
        #[cfg(feature = "cuda-emulator")]
        if emulated::asked().is_some() {
            let name = emulated::open(number)?.name().into();
            let (capability, multiprocessors, bandwidth) = (card::OLDEST, Some(1), None);
            return Ok(CardInfo { number, name, capability, multiprocessors, bandwidth });
        }
        let (name, capability) = card::properties(number)?;
        let (multiprocessors, bandwidth) = card::limits(number);
        Ok(CardInfo { number, name, capability, multiprocessors, bandwidth })
    }

    /// Returns true if the kernels are made for it.
    pub fn is_supported(&self) -> bool {
        self.capability >= card::OLDEST
    }

    /// Returns its memory, for which it is opened.
    ///
    /// # Errors
    /// An error of the driver.
    pub fn memory(&self) -> Result<Memory> {
        #[cfg(feature = "cuda-emulator")]
        if emulated::asked().is_some() {
            return emulated::open(self.number)?.memory();
        }
        card::memory(self.number)
    }
}

/// Returns how many cards there are.
///
/// # Errors
/// [`crate::Error::Device`] if there is no driver, or what it says.
pub fn count() -> Result<usize> {
    #[cfg(feature = "cuda-emulator")]
    if let Some((count, _)) = emulated::asked() {
        return Ok(count);
    }
    card::count()
}

/// Returns the newest CUDA that the driver knows, such as 12.4; none without a driver.
pub fn driver_version() -> Option<(i32, i32)> {
    card::count().ok()?;
    card::driver_version()
}

/// Opens a card and loads the kernels onto it.
///
/// # Errors
/// An error of the driver.
pub(crate) fn open(number: usize) -> Result<Arc<dyn Driver>> {
    #[cfg(feature = "cuda-emulator")]
    if emulated::asked().is_some() {
        return Ok(Arc::new(emulated::open(number)?));
    }
    Ok(Arc::new(card::Card::open(number)?))
}

/// Tries anew how far a card can be trusted, whatever was found before.
///
/// # Errors
/// An error of the driver.
pub fn examine(number: usize) -> Result<Trust> {
    trust::examine(&open(number)?, number)
}

/// Returns how far a card is trusted; it is tried if that is not known.
///
/// # Errors
/// An error of the driver.
pub fn trust(number: usize) -> Result<Trust> {
    trust::of(&open(number)?, number)
}

/// Runs every kernel on a card beside its twin in plain Rust, on random shapes.
///
/// # Errors
/// An error of the card.
pub fn check(number: usize, seed: u64) -> Result<Vec<Finding>> {
    check::all(&open(number)?, seed)
}
