//! The Llama on the processor: rows of any sequences and positions go through together, in place.

use super::CpuLayout;
use super::kernel::{AttentionRows, Epilogue, Matrix, RopeTable, Team, product, rms_norm, silu_gate};
use super::kv_cache::KvCache;
use crate::backend::networks::{GptConfig, Llama};
use crate::error::{Error, Result};

/// Holds the scratch memory for the rows of a step, so that a step takes none.
pub struct Workspace {
    rows: usize,
    /// (rows, hidden): embeddings go in here, and here the last layer leaves its states.
    pub x: Vec<f32>,
    /// (rows, hidden).
    normed: Vec<f32>,
    /// (rows, 3·hidden).
    qkv: Vec<f32>,
    /// (rows, hidden).
    attended: Vec<f32>,
    /// (rows, 2·intermediate).
    gate_up: Vec<f32>,
    /// (rows, intermediate).
    gated: Vec<f32>,
}

impl Workspace {
    /// Takes memory for steps of so many rows.
    pub fn new(config: &GptConfig, rows: usize) -> Self {
        let zeros = |width: usize| vec![0.0; rows * width];
        let GptConfig { hidden, intermediate, .. } = *config;
        Workspace {
            rows,
            x: zeros(hidden),
            normed: zeros(hidden),
            qkv: zeros(3 * hidden),
            attended: zeros(hidden),
            gate_up: zeros(2 * intermediate),
            gated: zeros(intermediate),
        }
    }

    /// Returns how many rows fit.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// Computes y = epilogue(x·Wᵀ).
fn multiply(matrix: &Matrix, x: &[f32], epilogue: Epilogue, y: &mut [f32]) {
    product(Team::global(), x, matrix, epilogue, y, matrix.shape().outputs);
}

impl Llama<CpuLayout> {
    /// Runs the first rows of a workspace through the layers, in place; `places` has the slot and position
    /// of each, and `after` sees what each layer leaves, (rows, hidden). A row attends to the positions of its slot up
    /// to its own; rows of one slot must come with consecutive positions, in order.
    ///
    /// # Errors
    /// [`Error::Device`] if a row lies outside the cache, or there are more than the workspace has room for; what
    /// `after` returns.
    pub fn run(
        &self,
        space: &mut Workspace,
        places: &[(u32, u32)],
        rope: &RopeTable,
        cache: &mut KvCache,
        after: &mut dyn FnMut(&[f32]) -> Result<()>,
    ) -> Result<()> {
        let rows = places.len();
        let is_outside = |(slot, position): &&(u32, u32)| {
            !cache.holds(*slot, *position) || *position as usize >= rope.positions()
        };
        if let Some((slot, position)) = places.iter().find(is_outside) {
            let shape = cache.shape();
            let (slots, capacity) = (shape.slots, shape.capacity.min(rope.positions()));
            let reason =
                format!("slot {slot}, position {position} lie outside {slots} slots of {capacity} positions");
            return Err(Error::Device(reason));
        }
        if rows > space.rows {
            return Err(Error::Device(format!("{rows} rows in a workspace for {}", space.rows)));
        }
        let GptConfig { hidden, intermediate, norm_eps: eps, .. } = self.config;
        let x = &mut space.x[..rows * hidden];
        let normed = &mut space.normed[..rows * hidden];
        let qkv = &mut space.qkv[..rows * 3 * hidden];
        let attended = &mut space.attended[..rows * hidden];
        let gate_up = &mut space.gate_up[..rows * 2 * intermediate];
        let gated = &mut space.gated[..rows * intermediate];
        let team = Team::global();
        for (index, layer) in self.layers.iter().enumerate() {
            rms_norm(team, x, &layer.input_norm, eps, normed);
            multiply(&layer.qkv, normed, Epilogue::Store, qkv);
            cache.attend(index, AttentionRows { qkv, places, rope }, attended);
            multiply(&layer.output, attended, Epilogue::Add, x);

            rms_norm(team, x, &layer.post_attention_norm, eps, normed);
            multiply(&layer.gate_up, normed, Epilogue::Store, gate_up);
            silu_gate(team, gate_up, intermediate, gated);
            multiply(&layer.down, gated, Epilogue::Add, x);
            after(x)?;
        }
        Ok(())
    }

    /// Computes the last norm of some of a workspace's rows into the first rows of `hidden` (…, hidden), and their
    /// logits into those of `logits` (…, outputs of the head).
    pub fn finish(
        &self,
        space: &mut Workspace,
        picked: &[usize],
        head: &Matrix,
        hidden: &mut [f32],
        logits: &mut [f32],
    ) {
        let (width, rows) = (self.config.hidden, picked.len());
        let normed = &mut space.normed[..rows * width];
        for (to, from) in normed.chunks_exact_mut(width).zip(picked) {
            to.copy_from_slice(&space.x[from * width..][..width]);
        }
        let hidden = &mut hidden[..rows * width];
        rms_norm(Team::global(), normed, &self.norm, self.config.norm_eps, hidden);
        multiply(head, hidden, Epilogue::Store, &mut logits[..rows * head.shape().outputs]);
    }
}
