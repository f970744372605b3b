//! The Llama on a card: embeddings, layers and heads over the rows of a pass.

use super::cache::CardCache;
use super::driver::Buffer;
use super::kernels::{Dtype, EightBits, Embedding, Kernels, MAX_HIDDEN, SHARED};
use super::layout::CardLayout;
use super::matrix::Matrix;
use super::products::{INPUTS_MULTIPLE, Scratch};
use super::shared::{Attention, Heads, Kept, PAGE, Row};
use super::shared::{Epilogue, ProductArgument};
use crate::backend::cpu::kernel::RopeTable;
use crate::backend::networks::{Embed, GptConfig, Llama};
use crate::backend::weights::Checkpoint;
use crate::engine::Head;
use crate::error::{Error, Result};

/// Holds a model's weights on a card. Products of the layers are in its type; norms, embeddings and heads in
/// f32.
pub struct CardLlama {
    layout: CardLayout,
    weights: Llama<CardLayout>,
    rotations: Buffer<f32>,
    text: Buffer<f32>,
    codes: Buffer<f32>,
    head_codes: Matrix,
    /// Most runs never refine a text, so its head is copied when it is first asked for.
    head_text: Option<Matrix>,
    embed: Embed,
}

/// Holds the scratch memory for the rows of a pass.
pub struct Space {
    capacity: usize,
    rows: Buffer<Row>,
    /// (rows, hidden).
    speakers: Buffer<f32>,
    x: Buffer<f32>,
    /// (rows, hidden), in the weights' type.
    normed: Buffer<u8>,
    queries: Buffer<f32>,
    attended: Buffer<u8>,
    /// (rows, intermediate, padded).
    gated: Buffer<u8>,
    /// Sums of blocks that share a row's head, and a count of those that have arrived.
    partials: Buffer<f32>,
    arrived: Buffer<u32>,
    scratch: Scratch,
}

impl Space {
    /// Returns the input of rows, which becomes what the layers leave of them, (rows, hidden).
    pub fn x(&self) -> &Buffer<f32> {
        &self.x
    }
}

impl CardLlama {
    /// Copies a checkpoint's weights to a card.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; [`Error::Device`] if the card has no memory for them, or
    /// the model's sizes are not what the kernels take.
    pub fn load(checkpoint: &Checkpoint, layout: CardLayout) -> Result<Self> {
        let config = &checkpoint.config;
        let embed = Embed::load(&checkpoint.embed, config.hidden)?;
        let size = config.head_size();
        if !(size.is_power_of_two() && (8..=256).contains(&size)) {
            return Err(Error::Device(format!(
                "attention heads of {size} values; cards take 8, 16, 32, 64, 128 and 256"
            )));
        }
        if !config.hidden.is_multiple_of(INPUTS_MULTIPLE) {
            return Err(Error::Device(format!(
                "hidden states of {} values; cards take a multiple of {INPUTS_MULTIPLE}",
                config.hidden
            )));
        }
        if config.hidden > MAX_HIDDEN {
            return Err(Error::Device(format!(
                "hidden states of {} values; cards take at most {MAX_HIDDEN}",
                config.hidden
            )));
        }
        let pages = Kernels::pages(config.max_positions as u32);
        if Kernels::attend_memory(size as u32, pages) > SHARED {
            return Err(Error::Device(format!(
                "{} positions of attention heads of {size} values; cards take at most {}",
                config.max_positions,
                PAGE * (SHARED / (4 * (size as u32 + 2)) - 8)
            )));
        }
        if embed.sizes.codebooks > Row::default().tokens.len() {
            return Err(Error::Device(format!("{} codebooks; cards take at most 8", embed.sizes.codebooks)));
        }
        let driver = layout.kernels.driver();
        let rotations = RopeTable::new(size, config.max_positions, config.rope_theta);
        let (text, codes) = embed.tables();
        Ok(CardLlama {
            weights: Llama::load(&checkpoint.gpt, config, &layout)?,
            rotations: Buffer::from_slice(driver, &rotations.values())?,
            text: Buffer::from_slice(driver, text)?,
            codes: Buffer::from_slice(driver, &codes)?,
            head_codes: embed.head(Head::Codes, &layout)?,
            head_text: None,
            layout,
            embed,
        })
    }

    /// Returns the model's sizes.
    pub fn config(&self) -> &GptConfig {
        &self.weights.config
    }

    /// Returns the type of its products, and what is held in 8 bits.
    pub fn types(&self) -> (Dtype, EightBits) {
        (self.layout.kind, self.layout.eight_bits)
    }

    /// Returns the embeddings and heads.
    pub fn embed(&self) -> &Embed {
        &self.embed
    }

    /// Returns the embeddings of codes, (codebooks, code tokens, hidden).
    pub fn codes(&self) -> &Buffer<f32> {
        &self.codes
    }

    /// Returns the kernels, in its stream.
    pub fn kernels(&self) -> &Kernels {
        &self.layout.kernels
    }

    /// Returns the weights of the largest matrix of a layer, if they are of 8 bits.
    fn widest(&self) -> usize {
        let matrices = self.weights.layers.iter().flat_map(|l| [&l.qkv, &l.output, &l.gate_up, &l.down]);
        matrices.map(Matrix::quantized_len).max().unwrap_or(0)
    }

    /// Takes scratch memory for passes of so many rows.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has no memory for it.
    pub fn space(&self, capacity: usize) -> Result<Space> {
        let driver = self.layout.kernels.driver();
        let GptConfig { hidden, intermediate, heads, max_positions, .. } = *self.config();
        let of_type = |width: usize| Buffer::new(driver, capacity * width * self.layout.kind.size());
        let pages = Kernels::pages(max_positions as u32) as usize;
        let padded = intermediate.next_multiple_of(INPUTS_MULTIPLE);
        Ok(Space {
            capacity,
            rows: Buffer::new(driver, capacity)?,
            speakers: Buffer::new(driver, capacity * hidden)?,
            x: Buffer::new(driver, capacity * hidden)?,
            normed: of_type(hidden)?,
            queries: Buffer::new(driver, capacity * hidden)?,
            attended: of_type(hidden)?,
            // What pads rows is multiplied by zeros, and must be numbers for that.
            gated: Buffer::zeros(driver, capacity * padded * self.layout.kind.size())?,
            partials: Buffer::new(driver, capacity * heads * pages * (self.config().head_size() + 2))?,
            arrived: Buffer::zeros(driver, capacity * heads)?,
            scratch: Scratch::new(driver, self.widest())?,
        })
    }

    /// Runs rows through the layers; `speakers` are the vectors that their inputs name by number, and `after`
    /// sees what each layer leaves, (rows, hidden).
    ///
    /// # Errors
    /// [`Error::Device`] if a row lies outside the cache, there are more than the space has room for, or the
    /// card has failed.
    pub fn run(
        &self,
        space: &Space,
        rows: &[Row],
        speakers: &[f32],
        cache: &CardCache,
        after: &mut dyn FnMut(&Buffer<f32>) -> Result<()>,
    ) -> Result<()> {
        if let Some(Row { slot, position, .. }) = rows.iter().find(|row| !cache.has(row.slot, row.position)) {
            return Err(Error::Device(format!("slot {slot} has no page for position {position}")));
        }
        if rows.len() > space.capacity {
            return Err(Error::Device(format!("{} rows in a space for {}", rows.len(), space.capacity)));
        }
        space.rows.upload(0, rows)?;
        space.speakers.upload(0, speakers)?;
        self.embed_rows(space, &space.rows, rows.len())?;
        self.launch(space, &space.rows, rows.len(), cache, after)
    }

    /// Launches what goes in of `count` rows that lie on the card.
    ///
    /// # Errors
    /// An error of the card.
    pub fn embed_rows(&self, space: &Space, rows: &Buffer<Row>, count: usize) -> Result<()> {
        self.layout.kernels.embed(Embedding {
            rows: rows.address(),
            count: count as u32,
            text: self.text.address(),
            codes: self.codes.address(),
            speakers: space.speakers.address(),
            x: space.x.address(),
            hidden: self.config().hidden as u32,
            codebooks: self.embed.sizes.codebooks as u32,
            code_tokens: self.embed.sizes.code_tokens as u32,
        })
    }

    /// Launches the layers over `count` rows that lie on the card, from what goes in of them.
    ///
    /// # Errors
    /// An error of the card.
    pub fn launch(
        &self,
        space: &Space,
        rows: &Buffer<Row>,
        count: usize,
        cache: &CardCache,
        after: &mut dyn FnMut(&Buffer<f32>) -> Result<()>,
    ) -> Result<()> {
        let GptConfig { hidden, norm_eps: eps, .. } = *self.config();
        let (kernels, kind, scratch) = (&self.layout.kernels, self.layout.kind, Some(&space.scratch));
        let (row_count, count) = (count, count as u32);
        let width = hidden as u32;
        // Of x, normed by these weights.
        let normed = |norm: &Buffer<f32>, product: ProductArgument| {
            let product = ProductArgument { norm: norm.address(), eps, width, x_stride: width, ..product };
            kernels.normed_product(kind, product, space.normed.address(), scratch)
        };
        let add = |matrix: &Matrix, x: &Buffer<u8>| {
            let product = matrix.product(x.address(), space.x.address(), row_count, Epilogue::Add);
            kernels.product(kind, product, scratch)
        };
        let (x, queries) = (space.x.address(), space.queries.address());
        for (number, layer) in self.weights.layers.iter().enumerate() {
            let cache = cache.layer(number);
            let qkv = ProductArgument {
                y_stride: width,
                places: rows.address(),
                rotations: self.rotations.address(),
                cache,
                ..layer.qkv.product(x, queries, row_count, Epilogue::RotateStore)
            };
            normed(&layer.input_norm, qkv)?;
            let attention = Attention {
                queries,
                rows: rows.address(),
                cache,
                partials: space.partials.address(),
                arrived: space.arrived.address(),
                y: space.attended.address(),
                stride: width,
                scale: 1.0 / (cache.head_size as f32).sqrt(),
            };
            kernels.attend(kind, attention, count, Kernels::attend_blocks(count))?;
            add(&layer.output, &space.attended)?;
            let gate_up = ProductArgument {
                y_stride: layer.down.padded_inputs() as u32,
                ..layer.gate_up.product(x, space.gated.address(), row_count, Epilogue::SiluGate)
            };
            normed(&layer.post_attention_norm, gate_up)?;
            add(&layer.down, &space.gated)?;
            after(&space.x)?;
        }
        Ok(())
    }

    /// Computes the final norm of the rows that `picked` (count) names, and their logits: `hidden` (count,
    /// hidden) and `logits` (count, width of the head). With a cache, the normed states are kept there too, where
    /// `kept` (count) says.
    ///
    /// # Errors
    /// A missing tensor; an error of the card.
    pub fn finish(
        &mut self,
        space: &Space,
        picked: &Buffer<u32>,
        count: usize,
        head: Head,
        [hidden, logits]: [&Buffer<f32>; 2],
        store: Option<(&Buffer<Kept>, &CardCache)>,
    ) -> Result<()> {
        if head == Head::Text && self.head_text.is_none() {
            self.head_text = Some(self.embed.head(head, &self.layout)?);
        }
        let weights = self.head_text.as_ref().filter(|_| head == Head::Text).unwrap_or(&self.head_codes);
        let (width, outputs) = (self.config().hidden, self.embed.sizes.width(head));
        if hidden.len() < count * width || logits.len() < count * outputs || weights.outputs() != outputs {
            return Err(Error::Device(format!("{count} rows in a smaller place")));
        }
        let kept_by =
            |(kept, cache): (&Buffer<Kept>, &CardCache)| (kept.address(), cache.places(), cache.slot_pages());
        let (kept, [base, table], slot_pages) = store.map_or((0, [0, 0], 0), kept_by);
        self.layout.kernels.heads(Heads {
            x: space.x.address(),
            picked: picked.address(),
            norm: self.weights.norm.address(),
            w: weights.address(),
            hidden: hidden.address(),
            kept,
            base,
            table,
            logits: logits.address(),
            rows: count as u32,
            // As the launch finds best.
            group: 0,
            width: width as u32,
            outputs: outputs as u32,
            slot_pages,
            capacity: self.config().max_positions as u32,
            eps: self.config().norm_eps,
        })
    }
}
