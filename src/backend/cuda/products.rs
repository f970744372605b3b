//! Products with weights: which kernel takes them, and how many blocks share a tile.

use std::sync::Arc;

use super::driver::{Address, Argument, Buffer, Driver};
use super::kernels::{Dtype, Kernels, Norm, SHARED, of_type};
use super::shared::{CHUNK, GROUP, ProductArgument, SEGMENT, TILE};
use crate::error::{Error, Result};

/// Inputs of a product are padded to a whole number of these, outputs of its weights to one of
/// [`OUTPUTS_MULTIPLE`].
pub const INPUTS_MULTIPLE: usize = CHUNK as usize;
pub const OUTPUTS_MULTIPLE: usize = TILE as usize;

/// Rows of a tile of the kernel for few, beyond which a product goes to the other.
const FEW_ROWS: u32 = 16;
/// Rows that the kernel for few norms itself.
const NORMED_ROWS: u32 = 8;
/// Blocks that a large card runs at once: 132 multiprocessors, three on each.
const BLOCKS: u32 = 396;

/// Holds scratch memory for the sums of blocks that share tiles, and for weights of 8 bits as many rows take
/// them.
pub struct Scratch {
    partials: Buffer<f32>,
    arrived: Buffer<u32>,
    widened: Buffer<u8>,
}

impl Scratch {
    /// Takes 6 MiB, as never more than so many blocks share tiles, and memory for so many weights of 8 bits.
    ///
    /// # Errors
    /// [`crate::Error::Device`] if the card has no memory for it.
    pub fn new(driver: &Arc<dyn Driver>, weights: usize) -> Result<Self> {
        Ok(Scratch {
            widened: Buffer::new(driver, weights * Dtype::F16.size())?,
            partials: Buffer::new(driver, (BLOCKS * TILE * TILE) as usize)?,
            arrived: Buffer::zeros(driver, BLOCKS as usize)?,
        })
    }
}

/// Segments that each of the blocks sharing a tile takes, and how many blocks those are; none if one is enough.
fn sharing(rows: u32, outputs: u32, inputs: u32) -> Option<(u32, u32)> {
    let tiles = rows.div_ceil(TILE) * outputs.div_ceil(TILE);
    let segments = inputs.div_ceil(SEGMENT * CHUNK);
    // Where tiles alone keep a card busy, or nearly so, what is found would only be carried around.
    let worth = |each: u32| {
        let blocks = segments.div_ceil(each);
        (blocks > 1 && tiles * 3 <= BLOCKS && tiles * blocks <= BLOCKS).then_some((each, blocks))
    };
    worth(1).or_else(|| worth(GROUP))
}

impl Kernels {
    /// Runs a product and its epilogue; with a scratch, blocks share the tiles of small ones.
    ///
    /// # Errors
    /// An error of the card.
    pub fn product(&self, kind: Dtype, product: ProductArgument, scratch: Option<&Scratch>) -> Result<()> {
        let ProductArgument { rows, inputs, outputs, .. } = product;
        let segments = inputs.div_ceil(SEGMENT * CHUNK);
        // What the kernel for few rows keeps of 16 rows by 8 outputs.
        let sums = segments * 16 * 8 * 4;
        let grid = |[wide, high]: [u32; 2], deep| [outputs.div_ceil(wide), rows.div_ceil(high), deep];
        let run = |kernel, grid, shared, product: ProductArgument| {
            self.run_beside(kernel, grid, shared, &[Argument::of(&product)])
        };
        match kind {
            Dtype::F32 if rows <= TILE => {
                run("product_few_f32", grid([64, 16], 1), 16 * (16 + 4 + 64 + 4) * 4, product)
            }
            Dtype::F32 => run("product_many_f32", grid([64, 64], 1), 16 * (64 + 4 + 64 + 4) * 4, product),
            _ if rows <= FEW_ROWS && sums <= SHARED => {
                let kernel = match (segments <= GROUP, product.scales == 0) {
                    (true, true) => of_type!(kind, "product_few"),
                    (false, true) => of_type!(kind, "product_deep"),
                    (true, false) => "product_few_q8",
                    (false, false) => "product_deep_q8",
                };
                run(kernel, grid([8, 16], 1), sums, product)
            }
            _ => {
                let product = self.widened(product, scratch)?;
                let shared = scratch.filter(|_| self.switches().shared_tiles);
                let shared = shared.and_then(|scratch| Some((scratch, sharing(rows, outputs, inputs)?)));
                let (product, blocks) = match shared {
                    None => (product, 1),
                    Some((scratch, (block_segments, blocks))) => {
                        let (partials, arrived) = (scratch.partials.address(), scratch.arrived.address());
                        (ProductArgument { block_segments, partials, arrived, ..product }, blocks)
                    }
                };
                run(of_type!(kind, "product_many"), grid([TILE, TILE], blocks), 3 * 2 * 64 * 64 * 2, product)
            }
        }
    }

    /// Returns the product with weights as the kernels for many rows take them.
    fn widened(&self, product: ProductArgument, scratch: Option<&Scratch>) -> Result<ProductArgument> {
        if product.scales == 0 {
            return Ok(product);
        }
        let weights = (product.outputs as usize).next_multiple_of(OUTPUTS_MULTIPLE) * product.inputs as usize;
        let widened =
            scratch.map(|scratch| &scratch.widened).filter(|to| weights * Dtype::F16.size() <= to.len());
        let no_room = || Error::Device(format!("no room for {weights} weights of 8 bits"));
        let to = widened.ok_or_else(no_room)?.address();
        let eights = (weights / 8) as u32;
        let arguments = [
            Argument::of(&product.w),
            Argument::of(&product.scales),
            Argument::of(&to),
            Argument::of(&eights),
        ];
        self.run_beside("widen", [eights.div_ceil(256), 1, 1], 0, &arguments)?;
        Ok(ProductArgument { w: to, scales: 0, widened: 1, ..product })
    }

    /// Runs a product of what is normed first: x (rows, width) in f32, by the weights in `norm`. `normed`
    /// (rows, inputs) in the weights' type holds the normed rows where the product does not norm them itself.
    ///
    /// # Errors
    /// An error of the card.
    pub fn normed_product(
        &self,
        kind: Dtype,
        product: ProductArgument,
        normed: Address,
        scratch: Option<&Scratch>,
    ) -> Result<()> {
        let ProductArgument { x, rows, inputs, outputs, norm, eps, width, .. } = product;
        let segments = inputs.div_ceil(SEGMENT * CHUNK);
        // Sums or the norm's weights, whichever are more, and the normed rows.
        let first = (segments * 16 * 8 * 4).max((width * 4).next_multiple_of(16));
        let shared = first + NORMED_ROWS * (inputs + 32) * kind.size() as u32;
        let fuses = kind != Dtype::F32 && rows <= NORMED_ROWS && segments <= GROUP && shared <= SHARED;
        if fuses && self.switches().fused_norms {
            let kernel = match product.scales {
                0 => of_type!(kind, "product_normed"),
                _ => "product_normed_q8",
            };
            return self.run_beside(kernel, [outputs.div_ceil(8), 1, 1], shared, &[Argument::of(&product)]);
        }
        self.rms_norm(kind, Norm { x, weight: norm, y: normed, rows, width, stride: inputs, eps })?;
        self.product(kind, ProductArgument { x: normed, x_stride: inputs, norm: 0, ..product }, scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_shared_where_they_are_too_few() {
        // One row's worth of tiles: each segment a block. All of the published products at 64 and 256 rows.
        assert_eq!(sharing(64, 2304, 768), Some((1, 4)));
        assert_eq!(sharing(64, 768, 3072), Some((1, 16)));
        assert_eq!(sharing(256, 768, 768), Some((1, 4)));
        assert_eq!(sharing(256, 768, 3072), Some((4, 4)));
        assert_eq!(sharing(256, 6144, 768), None);
        assert_eq!(sharing(4096, 768, 3072), None);
        // Nothing to share.
        assert_eq!(sharing(64, 64, 192), None);
        for (rows, outputs, inputs) in (1..300).zip((1..8000).step_by(31)).map(|(r, o)| (r, o, 32 * r)) {
            if let Some((each, blocks)) = sharing(rows, outputs, inputs) {
                assert!(blocks * rows.div_ceil(TILE) * outputs.div_ceil(TILE) <= BLOCKS);
                assert_eq!(blocks, inputs.div_ceil(SEGMENT * CHUNK).div_ceil(each));
            }
        }
    }
}
