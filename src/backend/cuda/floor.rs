//! What a step must at least move and compute, and the time that takes at what a card does at most.
//!
//! Counted is what has to come from memory once a step, however the kernels are made: weights, keys and values,
//! states that are kept. What one kernel hands to the next can stay in a card's cache and counts as nothing.

use serde::Serialize;

use super::kernels::{Dtype, EightBits, position_bytes};
use super::measure::Ceilings;
use crate::backend::networks::GptConfig;

/// Names the parts of a step that a kernel may belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Products of the layers.
    Products,
    /// Attention, and the keys and values it stores.
    Attention,
    /// Norms of states.
    Norms,
    /// From the last states to logits.
    Heads,
    /// From logits to tokens.
    Draw,
    /// Inputs, the states that are kept, and counters.
    Rest,
}

impl Part {
    /// All of them, in the order of a table.
    pub const ALL: [Part; 6] =
        [Part::Products, Part::Attention, Part::Norms, Part::Heads, Part::Draw, Part::Rest];

    /// Returns its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Part::Products => "products",
            Part::Attention => "attention",
            Part::Norms => "norms",
            Part::Heads => "heads",
            Part::Draw => "draw",
            Part::Rest => "rest",
        }
    }
}

/// The first letters of the kernels' names, by part; the first that fits counts. A kernel that does the work
/// of several parts belongs to the one that takes most of its time.
const KERNELS: [(&str, Part); 5] = [
    ("product", Part::Products),
    ("attend", Part::Attention),
    ("rms_norm", Part::Norms),
    ("heads", Part::Heads),
    ("draw", Part::Draw),
];
/// The kernel that every step launches once.
pub const ONCE_A_STEP: &str = "draw_ahead";

/// Returns the part to which a kernel of a model's step belongs.
pub fn part_of(kernel: &str) -> Part {
    KERNELS.iter().find(|(name, _)| kernel.starts_with(name)).map_or(Part::Rest, |(_, part)| *part)
}

/// Counts the work that a part of a step must do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Work {
    /// Bytes to and from memory.
    pub bytes: f64,
    /// Multiplications and additions of matrices.
    pub matrix_operations: f64,
    /// Multiplications and additions of f32 numbers.
    pub single_operations: f64,
}

impl Work {
    fn and(self, other: Work) -> Work {
        Work {
            bytes: self.bytes + other.bytes,
            matrix_operations: self.matrix_operations + other.matrix_operations,
            single_operations: self.single_operations + other.single_operations,
        }
    }

    /// Seconds it takes at least: memory and both kinds of arithmetic can all be busy at once.
    pub fn floor(&self, ceilings: &Ceilings) -> f64 {
        let matrices = self.matrix_operations / ceilings.matrix_operations_per_s;
        let singles = self.single_operations / ceilings.single_operations_per_s;
        (self.bytes / ceilings.bytes_per_s).max(matrices).max(singles)
    }

    /// Adds up the work of several parts.
    pub fn sum(all: impl IntoIterator<Item = Work>) -> Work {
        all.into_iter().fold(Work::default(), Work::and)
    }
}

/// Describes a step's shape.
#[derive(Clone, Copy, Debug)]
pub struct StepShape {
    /// The type of the layers' products, and of weights, keys and values.
    pub kind: Dtype,
    /// What of that is of 8 bits.
    pub eight_bits: EightBits,
    /// Sequences that go on.
    pub rows: usize,
    /// Positions that a row attends to, its own among them, on average.
    pub length: f64,
    /// Codebooks.
    pub codebooks: usize,
    /// Tokens of a codebook.
    pub code_tokens: usize,
}

/// Counts what a part of a step must at least move and compute.
pub fn work(config: &GptConfig, shape: StepShape, part: Part) -> Work {
    /// A value in single precision, and a sampler's number.
    const SINGLE: f64 = 4.0;
    const NOISE: f64 = 8.0;
    let StepShape { kind, eight_bits, rows, length, codebooks, code_tokens } = shape;
    let (hidden, inner, layers) = (config.hidden as f64, config.intermediate as f64, config.layers as f64);
    let (rows, size) = (rows as f64, kind.size() as f64);
    let position = position_bytes(kind, eight_bits, config.head_size()) as f64;
    let logits = (codebooks * code_tokens) as f64;
    // Queries, keys, values and output; gate, up and down.
    let weights = layers * (4.0 * hidden * hidden + 3.0 * hidden * inner);
    let arithmetic = |operations: f64| match kind {
        Dtype::F32 => [0.0, operations],
        Dtype::F16 | Dtype::Bf16 => [operations, 0.0],
    };
    match part {
        Part::Products => {
            let [matrix_operations, single_operations] = arithmetic(2.0 * rows * weights);
            // With a scale of two bytes for each 32.
            let each = if eight_bits == EightBits::Weights { 1.0 + 2.0 / 32.0 } else { size };
            Work { bytes: weights * each, matrix_operations, single_operations }
        }
        Part::Attention => Work {
            // All that was stored before is read, and one position written.
            bytes: rows * length * 2.0 * layers * config.heads as f64 * position,
            // Scores and weighted values.
            single_operations: rows * length * 4.0 * hidden * layers,
            ..Work::default()
        },
        Part::Norms => Work {
            bytes: (2.0 * layers + 1.0) * hidden * SINGLE,
            // Squares, and what they are scaled by.
            single_operations: rows * (2.0 * layers + 1.0) * 4.0 * hidden,
            ..Work::default()
        },
        // In f32 whatever the layers compute in.
        Part::Heads => Work {
            bytes: logits * hidden * SINGLE,
            single_operations: 2.0 * rows * logits * hidden,
            ..Work::default()
        },
        Part::Draw => Work { bytes: rows * logits * NOISE, ..Work::default() },
        // Embeddings of what goes in, and the state that is kept.
        Part::Rest => Work { bytes: rows * (codebooks as f64 + 1.0) * hidden * SINGLE, ..Work::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared::KERNELS as ALL_KERNELS;
    use super::*;

    fn config() -> GptConfig {
        GptConfig {
            hidden: 8,
            intermediate: 16,
            layers: 2,
            heads: 2,
            norm_eps: 1e-5,
            rope_theta: 1e4,
            max_positions: 64,
            refines: true,
        }
    }

    #[test]
    fn a_small_step_is_counted_by_hand() {
        let shape = StepShape {
            kind: Dtype::F16,
            eight_bits: EightBits::Nothing,
            rows: 3,
            length: 10.0,
            codebooks: 4,
            code_tokens: 5,
        };
        let of = |part| work(&config(), shape, part);
        // A layer has 3 · 8 · 8 + 8 · 8 + 3 · 8 · 16 = 640 weights.
        let products = Work { bytes: 2560.0, matrix_operations: 7680.0, single_operations: 0.0 };
        assert_eq!(of(Part::Products), products);
        // 30 positions of 2 layers with 16 values of two bytes each.
        assert_eq!(of(Part::Attention).bytes, 1920.0);
        // Each of them by 8 queries, and 8 values added, in 2 layers.
        assert_eq!(of(Part::Attention).single_operations, 1920.0);
        assert_eq!(of(Part::Norms).bytes, 160.0);
        assert_eq!(of(Part::Heads), Work { bytes: 640.0, matrix_operations: 0.0, single_operations: 960.0 });
        assert_eq!(of(Part::Draw).bytes, 480.0);
        assert_eq!(of(Part::Rest).bytes, 480.0);

        let single = StepShape { kind: Dtype::F32, ..shape };
        let products = work(&config(), single, Part::Products);
        assert_eq!((products.bytes, products.matrix_operations), (5120.0, 0.0));
        assert_eq!(products.single_operations, 7680.0);
        assert_eq!(work(&config(), single, Part::Heads), of(Part::Heads));

        let weights = StepShape { eight_bits: EightBits::Weights, ..shape };
        // A byte a weight, and 40 scales.
        assert_eq!(work(&config(), weights, Part::Products).bytes, 1280.0 + 80.0);
        // The two heads have 4 values each, with room for eight scales.
        let cache = StepShape { eight_bits: EightBits::Cache, ..shape };
        assert_eq!(work(&config(), cache, Part::Attention).bytes, 30.0 * 2.0 * 2.0 * 2.0 * 12.0);
    }

    #[test]
    fn the_published_model_is_what_its_size_says() {
        let config = GptConfig { hidden: 768, intermediate: 3072, layers: 20, heads: 12, ..config() };
        let shape = StepShape {
            kind: Dtype::F16,
            eight_bits: EightBits::Nothing,
            rows: 1,
            length: 1.0,
            codebooks: 4,
            code_tokens: 626,
        };
        assert_eq!(work(&config, shape, Part::Products).bytes, 377_487_360.0);
        assert_eq!(work(&config, shape, Part::Attention).bytes, 61_440.0);
        assert_eq!(work(&config, shape, Part::Heads).bytes, 7_692_288.0);
    }

    #[test]
    fn what_is_busy_longest_is_the_floor() {
        let ceilings = Ceilings {
            bytes_per_s: 100.0,
            bytes_read: 1,
            matrix_operations_per_s: 1000.0,
            single_operations_per_s: 10.0,
            launch_s: 0.0,
        };
        let work = |bytes, matrix_operations, single_operations| {
            Work { bytes, matrix_operations, single_operations }.floor(&ceilings)
        };
        assert_eq!(work(200.0, 1000.0, 10.0), 2.0);
        assert_eq!(work(200.0, 3000.0, 10.0), 3.0);
        assert_eq!(work(200.0, 3000.0, 40.0), 4.0);
    }

    #[test]
    fn kernels_of_a_step_belong_to_parts() {
        assert!(ALL_KERNELS.iter().any(|kernel| kernel.name == ONCE_A_STEP));
        // No name stands for a kernel that is gone.
        for (name, _) in KERNELS {
            assert!(ALL_KERNELS.iter().any(|kernel| kernel.name.starts_with(name)), "{name}");
        }
        for (kernel, part) in [
            ("product_few_f16", Part::Products),
            ("product_many_f32", Part::Products),
            ("heads", Part::Heads),
            ("attend_f16", Part::Attention),
            ("rms_norm_f32", Part::Norms),
            ("draw_ahead", Part::Draw),
            ("embed", Part::Rest),
        ] {
            assert_eq!(part_of(kernel), part, "{kernel}");
        }
    }
}
