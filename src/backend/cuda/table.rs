// What the kernels and the host share, said once: the crate reads it as Rust (`shared.rs`), and the build script writes
// the kernels' header of it. An address of type T on a card is `(*const T)` or `(*mut T)` here.

kernels! {
    embed: 128,
    rms_norm_f32: 128,
    rms_norm_f16: 128,
    rms_norm_bf16: 128,
    attend_f32: 128,
    attend_f16: 128,
    attend_bf16: 128,
    attend_cluster_f32: 128,
    attend_cluster_f16: 128,
    attend_cluster_bf16: 128,
    attend_small: 128,
    attend_cluster_small: 128,
    heads: 256,
    widen: 256,
    product_few_f32: 256,
    product_few_f16: 128,
    product_few_bf16: 128,
    product_few_q8: 128,
    product_normed_f16: 128,
    product_normed_bf16: 128,
    product_normed_q8: 128,
    product_deep_f16: 512,
    product_deep_bf16: 512,
    product_deep_q8: 512,
    product_many_f32: 256,
    product_many_f16: 128,
    product_many_bf16: 128,
    draw_tokens: 1024,
    draw_ahead: 1024,
    unfold: 128,
    depthwise_norm_f32: 128,
    depthwise_norm_f16: 128,
    depthwise_norm_bf16: 128,
    layer_norm_f32: 128,
    inverse_fourier: 128,
    overlap_add: 128,
    read_words: 128,
    multiply_matrices: 128,
    multiply_singles: 128,
    hold: 32,
}

shared! {
    constants {
        /// Positions of a page, over each of which attention is summed before pages are joined.
        const PAGE: u32 = 128;
        /// [`Row::kind`].
        const TEXT: u32 = 0;
        const SPEAKER: u32 = 1;
        const CODES: u32 = 2;
        /// The most rows that a block of the heads' kernel has.
        const HEAD_ROWS: u32 = 16;
        /// Inputs of a chunk, of which a product's inputs are a whole number.
        const CHUNK: u32 = 32;
        /// Chunks of a segment, and segments of a group: an output's order of summation.
        const SEGMENT: u32 = 6;
        const GROUP: u32 = 4;
        /// Rows and outputs of a tile of the kernel for many rows; weights have a whole number of outputs.
        const TILE: u32 = 64;
        /// Heads that a slot may draw for.
        const MOST_HEADS: usize = 8;
        /// Keys that are sorted in shared memory; more are sorted in parts of it.
        const SHARED_KEYS: usize = 4096;
        /// Words that are kept of a generator: its 624, and which comes next.
        const KEPT_WORDS: usize = 640;
        /// Says in place of a token that there was no number to draw by.
        const NO_TOKEN: u32 = u32::MAX;
        /// Bytes that a block reads at once when reading is measured.
        const PIECE: usize = 128 * 16 * 16;
        /// Sums that a warp of [`Ceilings`](super::Ceilings)' products adds to, and numbers that a thread has.
        const MATRICES: usize = 8;
        const SINGLES: usize = 16;
    }
    structures {
        /// A row of a step: which sequence it is of, and what goes in: a text token, a speaker's vector by its number, or a
        /// code per codebook.
        struct Row {
            slot: u32,
            position: u32,
            kind: u32,
            tokens: [u32; MOST_HEADS],
        }

        /// Where a row's hidden state is kept.
        struct Kept {
            slot: u32,
            index: u32,
        }

        /// Where a page of a slot begins, in bytes from the base of all.
        struct PageOffset {
            /// Keys and values of the first layer.
            cache: u64,
            /// Hidden states, ([`PAGE`], hidden), by the number of their draw.
            states: u64,
        }

        /// Keys and values of a layer.
        struct CacheArgument {
            /// What the table's pages lie relative to. As an argument it tells the compiler that they are in a card's
            /// memory.
            base: (*mut c_void),
            /// (slots, pages of a slot); it changes between steps only.
            table: (*const PageOffset),
            /// Bytes from where a page begins to the layer's keys and to its values, (heads, [`PAGE`], bytes of a position)
            /// each.
            keys: u64,
            values: u64,
            slot_pages: u32,
            heads: u32,
            head_size: u32,
            /// Bytes of a head's position.
            position_bytes: u32,
            /// 1 if they are of 8 bits, else 0.
            small: u32,
        }

        /// Arguments of [`Kernels::attend`](super::Kernels::attend).
        struct Attention {
            /// (rows, hidden): queries, turned.
            queries: (*const f32),
            rows: (*const Row),
            cache: CacheArgument,
            /// What the blocks of a row's head found, if there are several: (rows, heads, pages, head size + 2), the largest
            /// score, the sum of weights relative to it, and the values so weighted.
            partials: (*mut f32),
            /// A zero for each head of each row.
            arrived: (*mut u32),
            /// (rows, hidden) with a stride, in the cache's type.
            y: (*mut c_void),
            stride: u32,
            /// Of scores.
            scale: f32,
        }

        /// Arguments of [`Kernels::heads`](super::Kernels::heads): the last norm and the logits of rows, in f32.
        struct Heads {
            /// (…, width), of which `picked` (rows) names those that are wanted.
            x: (*const f32),
            picked: (*const u32),
            /// Weights of the norm.
            norm: (*const f32),
            /// (outputs, width).
            w: (*const f32),
            /// (rows, width): what was normed.
            hidden: (*mut f32),
            /// By which pages each is kept as well, (slots, pages of a slot), unless there are none (0).
            kept: (*const Kept),
            base: (*mut c_void),
            table: (*const PageOffset),
            /// (rows, outputs).
            logits: (*mut f32),
            rows: u32,
            /// Rows of a block.
            group: u32,
            width: u32,
            outputs: u32,
            slot_pages: u32,
            capacity: u32,
            eps: f32,
        }

        /// A product y = x·Wᵀ, and what follows it.
        struct ProductArgument {
            /// (rows, inputs), row by row; `x_stride` values from row to row.
            x: (*const c_void),
            /// (outputs rounded up to [`TILE`], inputs).
            w: (*const c_void),
            /// (outputs), or 0.
            bias: (*const f32),
            scale: (*const f32),
            y: (*mut c_void),
            rows: u32,
            inputs: u32,
            outputs: u32,
            x_stride: u32,
            y_stride: u32,
            /// [`Epilogue`].
            epilogue: u32,
            /// Where x is (rows, `width`) of f32 that are normed first: their weights.
            norm: (*const f32),
            eps: f32,
            width: u32,
            /// For sums that are shared by blocks: how many segments each takes.
            block_segments: u32,
            /// 1 if W was made by the launch before, and so cannot be read before that is done, else 0.
            widened: u32,
            /// For shared sums: scratch for those of each block, and a zero for each tile of y.
            partials: (*mut f32),
            arrived: (*mut u32),
            /// Where W is of whole numbers of 8 bits, which are multiplied as f16: the scale of each 32 of them.
            scales: (*const bf16),
            /// For [`Epilogue::RotateStore`]: the rows, the cosines and then the sines of each position's pairs, the layer's
            /// cache.
            places: (*const Row),
            rotations: (*const f32),
            cache: CacheArgument,
        }

        /// The first frame of a frame's sequence, and the one after its last.
        struct Bounds {
            start: u32,
            end: u32,
        }

        /// Arguments of [`Kernels::depthwise_norm`](super::Kernels::depthwise_norm).
        struct DepthwiseNorm {
            /// (frames, width).
            x: (*const f32),
            bounds: (*const Bounds),
            /// (taps, width) and (width).
            weight: (*const f32),
            bias: (*const f32),
            /// (width) each.
            norm_weight: (*const f32),
            norm_bias: (*const f32),
            /// (frames, stride).
            y: (*mut c_void),
            width: u32,
            stride: u32,
            taps: u32,
            dilation: u32,
            eps: f32,
        }

        /// How a slot draws. All of it is written when a sequence begins; the last three change on the card.
        struct DrawState {
            /// By head.
            temperature: [f32; MOST_HEADS],
            /// By how often a token is in the window.
            penalties: [f32; PENALTY_WINDOW + 1],
            dropped_mass: f32,
            top_k: u32,
            penalised: u32,
            min_tokens: u32,
            end_token: u32,
            heads: u32,
            vocab: u32,
            /// Whether noise runs on from step to step, and what it starts from.
            runs_on: u32,
            seed: u32,
            /// Whether noise starts anew.
            fresh: u32,
            generated: u32,
            /// Steps in which a glance did not suffice.
            sorted: u32,
        }

        /// What a launch draws from, and where to.
        struct Drawing {
            /// (rows, heads, vocab).
            logits: (*const f32),
            /// Whose each row is.
            slots: (*const u32),
            /// By slot, as all that follows: a window, the words of a generator, noise (heads, vocab), and scratch (heads,
            /// vocab as a power of two), which is only used where the keys do not fit into shared memory.
            states: (*mut DrawState),
            windows: (*mut u32),
            generators: (*mut u32),
            noise: (*mut u64),
            scratch: (*mut u64),
            /// (rows, heads).
            drawn: (*mut u32),
        }

        /// Where the next step of rows is laid out.
        struct Following {
            /// Those of this step, which become those of the next.
            rows: (*mut Row),
            kept: (*mut Kept),
            /// The states that are drawn from, (rows, hidden), and by which pages they are kept, (slots, pages of a slot).
            hidden_states: (*const f32),
            base: (*mut c_void),
            table: (*const PageOffset),
            /// Embeddings of codes, (codebooks, code tokens, hidden).
            codes: (*const f32),
            /// The next input, (rows, hidden).
            x: (*mut f32),
            /// The number of steps that each row has logged, and the tokens it drew in them, (steps, rows, codebooks). After
            /// so many steps it is 0 again.
            logged: (*mut u32),
            log: (*mut u32),
            steps: u32,
            hidden: u32,
            codebooks: u32,
            code_tokens: u32,
            slot_pages: u32,
            capacity: u32,
        }
    }
    names {
        /// Names the epilogue of a product, which follows its sums.
        enum Epilogue {
            /// y = (v + bias)·scale, in f32.
            Store,
            /// y = gelu(v + bias), in the weights' type.
            Gelu,
            /// y += v, in f32.
            Add,
            /// y += scale·(v + bias), in f32.
            AddScaled,
            /// y = silu(v[2i])·v[2i + 1], in the weights' type: gate and up rows lie one by one.
            SiluGate,
            /// Queries, keys and values of (3, heads, head size) outputs, of which those that turn together lie one by one in
            /// queries and keys: queries, turned, to y (rows, hidden) in f32; keys, turned, and values to the cache.
            RotateStore,
        }
    }
}
