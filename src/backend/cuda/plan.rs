//! How much of a card's memory goes to what, once the weights are there.

use super::cache::PageSizes;
use super::kernels::{Dtype, EightBits, position_bytes};
use super::llama::CardLlama;
use super::sampler::{DeviceSampler, Shape};
use super::shared::PAGE;
use crate::engine::Head;
use crate::error::{Error, Result};

/// Pages that there must be for each text that is worked on: 640 positions, a prompt of 170 and ten seconds of speech.
const PAGES_EACH: usize = 640 / PAGE as usize;

/// Says how many sequences a card works on.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    /// The number that is asked for.
    pub wanted: usize,
    /// Fewer will do if the memory holds no more.
    pub fewer: bool,
    /// The share of the free memory that may be taken, 0 to 1.
    pub memory_fraction: f64,
}

/// Counts the bytes that sequences take.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Whatever their number.
    pub once: u64,
    /// Each, without its pages.
    pub slot: u64,
    /// Their pages.
    pub pages: PageSizes,
}

impl Needs {
    /// Returns those of a model.
    pub fn of(model: &CardLlama) -> Self {
        let (config, sizes) = (model.config(), &model.embed().sizes);
        let [codes, text] = [codes_shape(model), text_shape(model)];
        let (kind, eight_bits) = model.types();
        let pages = PageSizes::of(config, position_bytes(kind, eight_bits, config.head_size()));
        // What refining takes is taken when it is first asked for, and must be there then.
        let outputs = 4 * (2 * config.hidden + codes.width() + text.width());
        let table = pages.of_slot * size_of::<super::shared::PageOffset>();
        let slot = outputs + table + DeviceSampler::slot_bytes(codes) + DeviceSampler::slot_bytes(text);
        let once = 4 * sizes.width(Head::Text) * config.hidden + pages.lent(0) * pages.states;
        Needs { once: once as u64, slot: (slot + pages.states / 2) as u64, pages }
    }

    /// Bytes that a text of so many pages takes.
    fn text(&self, pages: usize) -> u64 {
        self.slot + (pages * self.pages.page()) as u64
    }
}

/// Says what a card's memory is divided into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Sequences that are worked on together; 0 if not even one fits.
    pub slots: usize,
    /// Chunks of pages that they may take, as long as they need them.
    pub chunks: usize,
}

impl MemoryPlan {
    /// Divides so many bytes among at most so many sequences.
    pub fn of(needs: &Needs, bytes: u64, wanted: usize) -> Self {
        let bytes = bytes.saturating_sub(needs.once);
        let chunk = needs.pages.chunk() as u64;
        let chunks = |slots: usize| {
            let left = bytes.saturating_sub(slots as u64 * needs.slot);
            // More than all could use are of no use.
            usize::try_from(left / chunk).unwrap_or(usize::MAX).min(slots)
        };
        let each = PAGES_EACH.min(needs.pages.of_slot);
        let fits = |slots: &usize| {
            let pages = chunks(*slots).saturating_mul(needs.pages.of_slot);
            pages >= slots.saturating_mul(each).max(needs.pages.of_slot)
        };
        let most = usize::try_from(bytes / needs.slot.max(1)).unwrap_or(usize::MAX);
        let slots = (1..=wanted.min(most)).rev().find(fits).unwrap_or(0);
        MemoryPlan { slots, chunks: chunks(slots) }
    }

    /// Divides what a card has free once a model lies there.
    ///
    /// # Errors
    /// [`Error::Device`] if that does not hold the sequences that are wanted, or not even one.
    pub fn on_card(model: &CardLlama, slots: Slots) -> Result<Self> {
        let needs = Needs::of(model);
        let driver = model.kernels().driver();
        let memory = driver.memory()?;
        let allowed = (memory.free as f64 * slots.memory_fraction) as u64;
        let plan = MemoryPlan::of(&needs, allowed, slots.wanted.max(1));
        let mebibytes = |bytes: u64| format!("{:.0} MiB", bytes as f64 / 1_048_576.0);
        let state = || {
            let each = PAGES_EACH.min(needs.pages.of_slot);
            let (least, most) = (needs.text(each), needs.text(needs.pages.of_slot));
            format!(
                "a text of {} positions takes {} and the longest {} in {}, and of the {} that {} has free ({} in \
                 all) {} may be taken",
                each * PAGE as usize,
                mebibytes(least),
                mebibytes(most),
                types_name(model.types()),
                mebibytes(memory.free),
                driver.name(),
                mebibytes(memory.total),
                mebibytes(allowed.saturating_sub(needs.once)),
            )
        };
        match plan.slots {
            0 => Err(Error::Device(format!(
                "not even one text fits: {}; free some memory, allow a larger share of it, or use another device",
                state()
            ))),
            fitting if fitting < slots.wanted && !slots.fewer => Err(Error::Device(format!(
                "{} texts at once do not fit: {}; a batch size of {fitting} fits",
                slots.wanted,
                state()
            ))),
            _ => Ok(plan),
        }
    }
}

/// Returns the shape of the logits of codes.
pub fn codes_shape(model: &CardLlama) -> Shape {
    Shape { heads: model.embed().sizes.codebooks, vocab: model.embed().sizes.code_tokens }
}

/// Returns the shape of the logits of text.
pub fn text_shape(model: &CardLlama) -> Shape {
    Shape { heads: 1, vocab: model.embed().sizes.text_tokens }
}

fn types_name(types: (Dtype, EightBits)) -> &'static str {
    match types {
        (_, EightBits::Cache) => "f16-kv8",
        (Dtype::F32, _) => "f32",
        (Dtype::F16, _) => "f16",
        (Dtype::Bf16, _) => "bf16",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    /// What NVIDIA's driver takes of a card for itself and for a process, roughly.
    const DRIVER: u64 = 512 * MIB;
    /// What the published model takes in f16: weights, those that render, and what both work with.
    const MODEL: u64 = 660 * MIB;
    /// The memory of common cards of 8, 12, 16, 24 and 80 GB, in MiB, and the lines of ten seconds that fit in f16 and
    /// in f16-kv8.
    const LINES: [(u64, [usize; 2]); 5] = [
        (8188, [153, 262]),
        (12_282, [243, 416]),
        (16_376, [339, 569]),
        (24_564, [518, 883]),
        (81_559, [1798, 3046]),
    ];

    /// What texts take with the published model in f16, in which it lies on a card as well.
    fn published() -> Needs {
        published_in(EightBits::Nothing)
    }

    fn published_in(eight_bits: EightBits) -> Needs {
        let layer = 128 * 12 * position_bytes(Dtype::F16, eight_bits, 64);
        let pages = PageSizes { layer, layers: 20, states: 128 * 768 * 4, of_slot: 32 };
        let codes = Shape { heads: 4, vocab: 626 };
        let text = Shape { heads: 1, vocab: 21_178 };
        let outputs = 4 * (2 * 768 + codes.width() + text.width());
        let slot = outputs + 32 * 16 + DeviceSampler::slot_bytes(codes) + DeviceSampler::slot_bytes(text);
        let once = 4 * 21_178 * 768 + 32 * pages.states;
        Needs { once: once as u64, slot: (slot + pages.states / 2) as u64, pages }
    }

    #[test]
    fn a_page_is_counted_by_hand() {
        let needs = published();
        // 128 positions of 768 values: keys and values of two bytes in 20 layers, and the state of four.
        assert_eq!(needs.pages.page(), 128 * 768 * (2 * 20 * 2 + 4));
        assert_eq!(needs.pages.page(), 8_257_536);
        assert_eq!(needs.pages.chunk(), 252 << 20);
        // With 64 numbers of 8 bits and their 8 scales for each of 12 heads.
        assert_eq!(published_in(EightBits::Cache).pages.page(), 128 * (2 * 20 * 12 * 72 + 4 * 768));
        assert!((690 << 10..800 << 10).contains(&needs.slot), "{}", needs.slot);
    }

    #[test]
    fn lines_of_ten_seconds_fit_as_the_table_says() {
        let plan = |mebibytes: u64, eight_bits| {
            // A tenth of what is free stays so.
            let free = (mebibytes * MIB - MODEL - DRIVER) as f64 * 0.9;
            MemoryPlan::of(&published_in(eight_bits), free as u64, 1 << 20).slots
        };
        let found = LINES.map(|(mebibytes, _)| {
            (mebibytes, [EightBits::Nothing, EightBits::Cache].map(|eight_bits| plan(mebibytes, eight_bits)))
        });
        assert_eq!(found, LINES);
        assert!(plan(24_564, EightBits::Nothing) >= 256);
    }

    #[test]
    fn memory_is_divided_as_far_as_it_goes() {
        let needs = published();
        let (chunk, once) = (needs.pages.chunk() as u64, needs.once);
        assert_eq!(MemoryPlan::of(&needs, once + chunk, 8), MemoryPlan { slots: 0, chunks: 0 });
        let one = once + chunk + needs.slot;
        assert_eq!(MemoryPlan::of(&needs, one, 8), MemoryPlan { slots: 1, chunks: 1 });
        // Six texts of five pages take one chunk of 32, and none takes more than one of its own.
        assert_eq!(MemoryPlan::of(&needs, one + 5 * needs.slot, 8), MemoryPlan { slots: 6, chunks: 1 });
        assert_eq!(MemoryPlan::of(&needs, u64::MAX, 8), MemoryPlan { slots: 8, chunks: 8 });
    }

    /// Loads the published shapes, of which each page is taken only when it is needed.
    #[cfg(feature = "cuda-emulator")]
    #[test]
    fn a_card_of_24_gigabytes_works_on_256_lines() {
        use crate::backend::cuda::CardBackend;
        use crate::backend::{Backend, Checkpoint, NOISE_SEED};
        use crate::device::{LoadOptions, Precision};
        use crate::hub::NoiseSize;

        let card = CardBackend::emulated(24_564 * MIB - DRIVER);
        let checkpoint = Checkpoint::noise(NoiseSize::Full, NOISE_SEED).unwrap();
        let options = LoadOptions { batch_size: 256, ..LoadOptions::default() };
        let before = card.driver.memory().unwrap();
        let parts = card.load(&checkpoint, Precision::F16, &options).unwrap();
        let taken = before.free - card.driver.memory().unwrap().free;
        let needs = published();
        assert!(parts.slots == 256 && parts.pages >= Some(256 * PAGES_EACH), "{:?}", parts.pages);
        // One chunk of pages, and of the slots what no refining needs.
        let model = taken - needs.pages.chunk() as u64;
        assert!((MODEL - 32 * MIB..MODEL).contains(&model), "{model} bytes");
    }
}
