//! The Llama on a card: embeddings, layers and heads over the rows of a pass.

use candle_core::Tensor;

use super::driver::{Address, Buffer};
use super::matrix::Matrix;
use super::program::{
    Attention, CacheArgument, Embedding, Finish, INPUTS_MULTIPLE, Norm, Number, Program, Row,
};
use crate::error::{Error, Result};
use crate::model::{Embed, GptConfig, Head, LayerWeights, RopeTable, WeightFile};

struct Layer {
    input_norm: Buffer<f32>,
    qkv: Matrix,
    output: Matrix,
    post_attention_norm: Buffer<f32>,
    /// Rows of the gate and of what it lets through, one by one.
    gate_up: Matrix,
    down: Matrix,
}

/// A model's weights on a card. Products of the layers are in its type; norms, embeddings and heads in f32.
pub struct CardLlama {
    program: Program,
    kind: Number,
    config: GptConfig,
    layers: Vec<Layer>,
    norm: Buffer<f32>,
    rotations: Buffer<f32>,
    text: Buffer<f32>,
    codes: Buffer<f32>,
    head_codes: Matrix,
    /// Most runs never refine a text, so its head is copied when it is first asked for.
    head_text: Option<Matrix>,
    embed: Embed,
}

/// Room for the rows of a pass.
pub struct Space {
    capacity: usize,
    rows: Buffer<Row>,
    /// (rows, hidden).
    speakers: Buffer<f32>,
    x: Buffer<f32>,
    /// (rows, hidden, padded), in the weights' type.
    normed: Buffer<u8>,
    qkv: Buffer<f32>,
    attended: Buffer<u8>,
    gated: Buffer<u8>,
    partials: Buffer<f32>,
}

impl Space {
    /// What goes in of rows, and what the layers leave of them, (rows, hidden).
    pub fn x(&self) -> &Buffer<f32> {
        &self.x
    }
}

/// Keys and values of every layer, for a number of slots.
pub struct CardCache {
    /// (slots, heads, capacity, head size) each.
    layers: Vec<(Buffer<u8>, Buffer<u8>)>,
    slots: usize,
    capacity: usize,
}

impl CardCache {
    /// For so many sequences.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has no memory for it.
    pub fn new(model: &CardLlama, slots: usize) -> Result<Self> {
        let capacity = model.config.max_positions;
        let bytes = slots * capacity * model.config.hidden * model.kind.size();
        let driver = model.program.driver();
        let layer = || Ok((Buffer::new(driver, bytes)?, Buffer::new(driver, bytes)?));
        let layers = (0..model.config.layers).map(|_| layer()).collect::<Result<Vec<_>>>()?;
        Ok(CardCache { layers, slots, capacity })
    }

    /// Bytes that one sequence takes.
    pub fn slot_bytes(config: &GptConfig, kind: Number) -> usize {
        2 * config.layers * config.max_positions * config.hidden * kind.size()
    }
}

impl CardLlama {
    /// Copies a checkpoint's weights to a card.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; [`Error::Device`] if the card has no memory for them, or
    /// the model's sizes are not what the kernels take.
    pub fn load(
        program: &Program,
        kind: Number,
        file: &WeightFile,
        config: &GptConfig,
        embed: Embed,
    ) -> Result<Self> {
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
        if embed.codebooks() > Row::default().tokens.len() {
            return Err(Error::Device(format!("{} codebooks; cards take at most 8", embed.codebooks())));
        }
        let driver = program.driver();
        let layers = (0..config.layers)
            .map(|index| Layer::upload(program, kind, LayerWeights::load(file, config, index)?))
            .collect::<Result<Vec<_>>>()?;
        let rotations = RopeTable::new(size, config.max_positions, config.rope_theta);
        let (text, codes) = embed.tables();
        Ok(CardLlama {
            norm: upload(program, &LayerWeights::final_norm(file, config)?)?,
            rotations: Buffer::from_slice(driver, rotations.values())?,
            text: Buffer::from_slice(driver, text)?,
            codes: Buffer::from_slice(driver, &codes)?,
            head_codes: matrix(program, Number::F32, &embed.head_weight(Head::Codes)?)?,
            head_text: None,
            program: program.clone(),
            kind,
            config: config.clone(),
            layers,
            embed,
        })
    }

    /// Its sizes.
    pub fn config(&self) -> &GptConfig {
        &self.config
    }

    /// The type of its products.
    pub fn kind(&self) -> Number {
        self.kind
    }

    /// What goes in and comes out.
    pub fn embed(&self) -> &Embed {
        &self.embed
    }

    /// What goes in of codes, (codebooks, code tokens, hidden).
    pub fn codes(&self) -> &Buffer<f32> {
        &self.codes
    }

    /// The kernels, in its queue.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Room for passes of so many rows.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has no memory for it.
    pub fn space(&self, capacity: usize) -> Result<Space> {
        let driver = self.program.driver();
        let GptConfig { hidden, intermediate, heads, max_positions, .. } = self.config;
        // What pads rows is multiplied by zeros, and must be numbers for that.
        let padded = |width: usize| {
            let width = width.next_multiple_of(INPUTS_MULTIPLE);
            Buffer::zeros(driver, capacity * width * self.kind.size())
        };
        let spans = Program::spans(max_positions as u32) as usize;
        Ok(Space {
            capacity,
            rows: Buffer::new(driver, capacity)?,
            speakers: Buffer::new(driver, capacity * hidden)?,
            x: Buffer::new(driver, capacity * hidden)?,
            normed: padded(hidden)?,
            qkv: Buffer::new(driver, capacity * 3 * hidden)?,
            attended: padded(hidden)?,
            gated: padded(intermediate)?,
            partials: Buffer::new(driver, capacity * heads * spans * (self.config.head_size() + 2))?,
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
        let outside =
            rows.iter().find(|r| r.slot as usize >= cache.slots || r.position as usize >= cache.capacity);
        if let Some(row) = outside {
            return Err(Error::Device(format!(
                "slot {}, position {} lie outside {} slots of {} positions",
                row.slot, row.position, cache.slots, cache.capacity
            )));
        }
        if rows.len() > space.capacity {
            return Err(Error::Device(format!("{} rows in a space for {}", rows.len(), space.capacity)));
        }
        space.rows.upload(0, rows)?;
        space.speakers.upload(0, speakers)?;
        let longest = rows.iter().map(|row| row.position + 1).max().unwrap_or(0);
        self.embed_rows(space, &space.rows, rows.len())?;
        self.launch(space, &space.rows, rows.len(), Program::spans(longest), cache, after)
    }

    /// Launches what goes in of `count` rows that lie on the card.
    ///
    /// # Errors
    /// What the card says.
    pub fn embed_rows(&self, space: &Space, rows: &Buffer<Row>, count: usize) -> Result<()> {
        self.program.embed(Embedding {
            rows: rows.address(),
            count: count as u32,
            text: self.text.address(),
            codes: self.codes.address(),
            speakers: space.speakers.address(),
            x: space.x.address(),
            hidden: self.config.hidden as u32,
            codebooks: self.embed.codebooks() as u32,
            code_tokens: self.embed.code_tokens() as u32,
        })
    }

    /// Launches the layers over `count` rows that lie on the card, none of which attends to more than `spans`,
    /// from what goes in of them.
    ///
    /// # Errors
    /// What the card says.
    pub fn launch(
        &self,
        space: &Space,
        rows: &Buffer<Row>,
        count: usize,
        spans: u32,
        cache: &CardCache,
        after: &mut dyn FnMut(&Buffer<f32>) -> Result<()>,
    ) -> Result<()> {
        let GptConfig { hidden, heads, norm_eps: eps, .. } = self.config;
        let (program, kind) = (&self.program, self.kind);
        let (row_count, count) = (count, count as u32);
        let stride = hidden.next_multiple_of(INPUTS_MULTIPLE) as u32;
        let norm = |weight: &Buffer<f32>| {
            let (x, weight, y) = (space.x.address(), weight.address(), space.normed.address());
            let width = hidden as u32;
            program.rms_norm(kind, Norm { x, weight, picked: 0, y, rows: count, width, stride, eps })
        };
        let product = |matrix: &Matrix, x: Address, y: Address, finish| {
            program.product(kind, matrix.product(x, y, row_count, finish))
        };
        for (layer, (keys, values)) in self.layers.iter().zip(&cache.layers) {
            let cache = CacheArgument {
                keys: keys.address(),
                values: values.address(),
                capacity: cache.capacity as u32,
                heads: heads as u32,
                head_size: self.config.head_size() as u32,
            };
            norm(&layer.input_norm)?;
            let qkv = space.qkv.address();
            product(&layer.qkv, space.normed.address(), qkv, Finish::Store)?;
            program.rotate_store(kind, qkv, rows.address(), count, self.rotations.address(), cache)?;
            program.attend(
                kind,
                Attention {
                    qkv,
                    rows: rows.address(),
                    count,
                    cache,
                    partials: space.partials.address(),
                    y: space.attended.address(),
                    stride,
                    spans,
                },
            )?;
            product(&layer.output, space.attended.address(), space.x.address(), Finish::Add)?;

            norm(&layer.post_attention_norm)?;
            let mut gate_up = layer.gate_up.product(
                space.normed.address(),
                space.gated.address(),
                row_count,
                Finish::SiluGate,
            );
            gate_up.y_stride = layer.down.padded_inputs() as u32;
            program.product(kind, gate_up)?;
            product(&layer.down, space.gated.address(), space.x.address(), Finish::Add)?;
            after(&space.x)?;
        }
        Ok(())
    }

    /// The final norm of the rows that `picked` (count) names, and their logits: `hidden` (count, hidden) and
    /// `logits` (count, width of the head).
    ///
    /// # Errors
    /// A missing tensor; what the card says.
    pub fn finish(
        &mut self,
        space: &Space,
        picked: &Buffer<u32>,
        count: usize,
        head: Head,
        [hidden, logits]: [&Buffer<f32>; 2],
    ) -> Result<()> {
        if head == Head::Text && self.head_text.is_none() {
            let weight = self.embed.head_weight(head)?;
            self.head_text = Some(matrix(&self.program, Number::F32, &weight)?);
        }
        let matrix = self.head_text.as_ref().filter(|_| head == Head::Text).unwrap_or(&self.head_codes);
        let stride = matrix.padded_inputs();
        if hidden.len() < count * stride || logits.len() < count * matrix.outputs() {
            return Err(Error::Device(format!("{count} rows in a smaller place")));
        }
        self.program.rms_norm(
            Number::F32,
            Norm {
                x: space.x.address(),
                weight: self.norm.address(),
                picked: picked.address(),
                y: hidden.address(),
                rows: count as u32,
                width: self.config.hidden as u32,
                stride: stride as u32,
                eps: self.config.norm_eps,
            },
        )?;
        let product = matrix.product(hidden.address(), logits.address(), count, Finish::Store);
        self.program.product(Number::F32, product)
    }
}

impl Layer {
    fn upload(program: &Program, kind: Number, weights: LayerWeights) -> Result<Self> {
        let LayerWeights { input_norm, qkv, output, post_attention_norm, gate, up, down } = weights;
        let (inner, hidden) = gate.dims2()?;
        // Interleaved, so that the sums of a gate and of its value meet in one thread.
        let gate_up = Tensor::stack(&[gate, up], 1)?.reshape((2 * inner, hidden))?;
        Ok(Layer {
            input_norm: upload(program, &input_norm)?,
            qkv: matrix(program, kind, &Tensor::cat(&qkv, 0)?)?,
            output: matrix(program, kind, &output)?,
            post_attention_norm: upload(program, &post_attention_norm)?,
            gate_up: matrix(program, kind, &gate_up)?,
            down: matrix(program, kind, &down)?,
        })
    }
}

fn matrix(program: &Program, kind: Number, weight: &Tensor) -> Result<Matrix> {
    let (outputs, inputs) = weight.dims2()?;
    Matrix::upload(program, kind, &weight.flatten_all()?.to_vec1::<f32>()?, outputs, inputs)
}

fn upload(program: &Program, values: &Tensor) -> Result<Buffer<f32>> {
    Buffer::from_slice(program.driver(), &values.to_vec1::<f32>()?)
}
