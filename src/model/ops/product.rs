//! The f32 product of rows with a weight matrix, x·Wᵀ, whose every element is summed in one fixed order.
//!
//! An element's bits depend on its row of x and its row of W alone: not on how many rows go together, nor on
//! the threads, nor on the processor's vector width. W stays as the checkpoint stores it, (outputs, inputs);
//! nothing is packed, so a single row costs one pass over W, at the speed of memory.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, bail};
use rayon::prelude::*;

use super::f32s;
use super::math::gelu;
use super::simd::{LANES, Lanes, Plain, sum};

/// Rows of x and of W whose products are summed together in registers: 16 running sums, which hide the
/// latency of the multiply-adds and leave registers for their operands even where there are 16.
const TILE_ROWS: usize = 4;
const TILE_COLUMNS: usize = 4;
/// Outputs that one task computes: a few hundred kilobytes of W.
const TASK_COLUMNS: usize = 64;
/// Bytes of x that are kept in the second-level cache while W passes.
const ROW_BLOCK_BYTES: usize = 512 << 10;

/// x (rows, inputs) · W (outputs, inputs)ᵀ → (rows, outputs).
pub struct Product;

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, inputs) = x_layout.shape().dims2()?;
        let (outputs, width) = weight_layout.shape().dims2()?;
        if width != inputs {
            bail!("product: rows of {inputs} values, weights of {width}");
        }
        let x = f32s(x, x_layout, "product")?;
        let weight = f32s(weight, weight_layout, "product")?;
        let finish = Finish { bias: None, gelu: false };
        Ok((CpuStorage::F32(product(x, weight, inputs, finish, kernel())), (rows, outputs).into()))
    }
}

/// x (rows, inputs) · W (outputs, inputs)ᵀ + bias (outputs) → (rows, outputs), perhaps through a GELU.
pub struct BiasedProduct {
    /// Whether the sums go through an exact GELU.
    pub gelu: bool,
}

impl CustomOp3 for BiasedProduct {
    fn name(&self) -> &'static str {
        "biased-product"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, inputs) = x_layout.shape().dims2()?;
        let (outputs, width) = weight_layout.shape().dims2()?;
        if width != inputs || bias_layout.shape().dims1()? != outputs {
            bail!("product: rows of {inputs} values, weights {outputs} × {width}, another number of biases");
        }
        let x = f32s(x, x_layout, "product")?;
        let weight = f32s(weight, weight_layout, "product")?;
        let finish = Finish { bias: Some(f32s(bias, bias_layout, "product")?), gelu: self.gelu };
        Ok((CpuStorage::F32(product(x, weight, inputs, finish, kernel())), (rows, outputs).into()))
    }
}

/// What becomes of a sum before it is stored for good.
#[derive(Clone, Copy)]
struct Finish<'a> {
    /// One per row of the weight.
    bias: Option<&'a [f32]>,
    gelu: bool,
}

impl Finish<'_> {
    /// Finishes a row of sums.
    #[inline(always)]
    fn apply(self, row: &mut [f32]) {
        if let Some(bias) = self.bias {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value += bias;
            }
        }
        if self.gelu {
            for value in row {
                *value = gelu(*value);
            }
        }
    }
}

/// One panel of a product: all rows of x with some rows of W.
///
/// x (rows, inputs), weight (columns, inputs); element (r, c) goes to `out[r·stride + c]`.
type Kernel = unsafe fn(x: &[f32], weight: &[f32], inputs: usize, finish: Finish, out: Out);

/// Where a panel's elements go. Panels of one product write to places of their own.
#[derive(Clone, Copy)]
struct Out {
    first: *mut f32,
    stride: usize,
}

// SAFETY: each task gets the places of its own columns and rows.
unsafe impl Send for Out {}
// SAFETY: as above; nothing is read through it.
unsafe impl Sync for Out {}

impl Out {
    /// # Safety
    /// The place must lie in the product.
    unsafe fn at(self, row: usize, column: usize) -> Out {
        // SAFETY: the caller's promise.
        Out { first: unsafe { self.first.add(row * self.stride + column) }, stride: self.stride }
    }
}

/// The best kernel for this processor.
fn kernel() -> Kernel {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    *KERNEL.get_or_init(|| kernels().pop().map_or(panel::<Plain> as Kernel, |(_, kernel)| kernel))
}

/// The kernels that this processor can run, the best one last.
fn kernels() -> Vec<(&'static str, Kernel)> {
    let mut kernels: Vec<(&'static str, Kernel)> = vec![("plain", panel::<Plain>)];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            kernels.push(("avx2", avx2));
        }
        if is_x86_feature_detected!("avx512f") {
            kernels.push(("avx512", avx512));
        }
    }
    #[cfg(target_arch = "aarch64")]
    kernels.push(("neon", panel::<super::simd::arm::Neon>));
    kernels
}

// SAFETY (both): `kernels` names them only where the instructions are there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(x: &[f32], weight: &[f32], inputs: usize, finish: Finish, out: Out) {
    unsafe { panel::<super::simd::x86::Avx512>(x, weight, inputs, finish, out) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(x: &[f32], weight: &[f32], inputs: usize, finish: Finish, out: Out) {
    unsafe { panel::<super::simd::x86::Avx2>(x, weight, inputs, finish, out) }
}

/// x (rows, inputs) · weight (outputs, inputs)ᵀ.
fn product(x: &[f32], weight: &[f32], inputs: usize, finish: Finish, kernel: Kernel) -> Vec<f32> {
    let (rows, outputs) = (x.len() / inputs, weight.len() / inputs);
    let mut result = vec![0f32; rows * outputs];
    let out = Out { first: result.as_mut_ptr(), stride: outputs };
    let block = (ROW_BLOCK_BYTES / (inputs * size_of::<f32>())).next_multiple_of(TILE_ROWS).max(TILE_ROWS);
    let panels = outputs.div_ceil(TASK_COLUMNS);
    (0..rows.div_ceil(block) * panels).into_par_iter().for_each(|task| {
        let (row, column) = (task / panels * block, task % panels * TASK_COLUMNS);
        let x = &x[row * inputs..(row + block).min(rows) * inputs];
        let end = (column + TASK_COLUMNS).min(outputs);
        let weight = &weight[column * inputs..end * inputs];
        let finish = Finish { bias: finish.bias.map(|bias| &bias[column..end]), ..finish };
        // SAFETY: the rows and columns of this task lie in `result` and in no other task's; `kernel` is one
        // that this processor can run.
        unsafe { kernel(x, weight, inputs, finish, out.at(row, column)) };
    });
    result
}

/// A panel, tile by tile.
///
/// # Safety
/// The processor must have the instructions of `L`; `out` must have a place for every row and column.
#[inline(always)]
unsafe fn panel<L: Lanes>(x: &[f32], weight: &[f32], inputs: usize, finish: Finish, out: Out) {
    let (rows, columns) = (x.len() / inputs, weight.len() / inputs);
    let mut column = 0;
    while column < columns {
        let wide = (columns - column).min(TILE_COLUMNS);
        let weight = &weight[column * inputs..][..wide * inputs];
        let mut row = 0;
        while row < rows {
            let high = (rows - row).min(TILE_ROWS);
            let x = &x[row * inputs..][..high * inputs];
            // SAFETY: the caller's promise; the operands have as many rows as the tile.
            unsafe {
                let out = out.at(row, column);
                match (high, wide) {
                    (4, 4) => tile::<L, 4, 4>(x, weight, inputs, out),
                    (3, 4) => tile::<L, 3, 4>(x, weight, inputs, out),
                    (2, 4) => tile::<L, 2, 4>(x, weight, inputs, out),
                    (1, 4) => tile::<L, 1, 4>(x, weight, inputs, out),
                    _ => {
                        for (r, x) in x.chunks_exact(inputs).enumerate() {
                            for (c, weight) in weight.chunks_exact(inputs).enumerate() {
                                tile::<L, 1, 1>(x, weight, inputs, out.at(r, c));
                            }
                        }
                    }
                }
            }
            row += high;
        }
        column += wide;
    }
    for row in 0..rows {
        // SAFETY: the caller's promise; the row was just written.
        finish.apply(unsafe { std::slice::from_raw_parts_mut(out.at(row, 0).first, columns) });
    }
}

/// M rows of x with N rows of W: lane i of an element's sum takes the inputs i, i + 16, …, in this order.
///
/// # Safety
/// As [`panel`]; `x` must hold M rows and `weight` N.
#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize, const N: usize>(x: &[f32], weight: &[f32], inputs: usize, out: Out) {
    debug_assert!(x.len() == M * inputs && weight.len() == N * inputs);
    let whole = inputs / LANES * LANES;
    // SAFETY: all offsets stay below M·inputs and N·inputs; see the caller's promise.
    unsafe {
        let mut sums = [[L::zero(); N]; M];
        let mut at = 0;
        while at < whole {
            let columns: [L; N] = std::array::from_fn(|n| L::load(weight.as_ptr().add(n * inputs + at)));
            for (m, sums) in sums.iter_mut().enumerate() {
                let row = L::load(x.as_ptr().add(m * inputs + at));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = row.mul_add(column, *sum);
                }
            }
            at += LANES;
        }
        for (m, sums) in sums.into_iter().enumerate() {
            for (n, lanes) in sums.into_iter().enumerate() {
                let mut lanes = lanes.to_array();
                let rest = x[m * inputs..][whole..inputs].iter().zip(&weight[n * inputs..][whole..inputs]);
                for (lane, (a, b)) in lanes.iter_mut().zip(rest) {
                    *lane = a.mul_add(*b, *lane);
                }
                *out.at(m, n).first = sum(lanes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Finish = Finish { bias: None, gelu: false };

    fn numbers(count: usize, salt: u64) -> Vec<f32> {
        let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    const SHAPES: [(usize, usize, usize); 9] = [
        (1, 1, 1),
        (1, 768, 64),
        (2, 64, 160),
        (3, 17, 5),
        (5, 100, 130),
        (7, 15, 4),
        (16, 768, 65),
        (63, 33, 7),
        (300, 512, 9),
    ];

    #[test]
    fn it_is_the_product() {
        for (rows, inputs, outputs) in SHAPES {
            let (x, weight) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2));
            let found = product(&x, &weight, inputs, PLAIN, kernel());
            for row in 0..rows {
                for column in 0..outputs {
                    let pairs = x[row * inputs..][..inputs].iter().zip(&weight[column * inputs..][..inputs]);
                    let exact: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    let found = f64::from(found[row * outputs + column]);
                    assert!(
                        (found - exact).abs() < 1e-5 * (inputs as f64).sqrt(),
                        "{rows} {inputs} {outputs}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_kernel_gives_the_same_bits() {
        for (rows, inputs, outputs) in SHAPES {
            let (x, weight) = (numbers(rows * inputs, 3), numbers(outputs * inputs, 4));
            let bias = numbers(outputs, 7);
            let finish = Finish { bias: Some(&bias), gelu: true };
            let plain = product(&x, &weight, inputs, finish, panel::<Plain>);
            for (name, kernel) in kernels() {
                assert!(
                    product(&x, &weight, inputs, finish, kernel) == plain,
                    "{name}: {rows} {inputs} {outputs}"
                );
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_company() {
        let (inputs, outputs) = (770, 130);
        let (x, weight) = (numbers(40 * inputs, 5), numbers(outputs * inputs, 6));
        let together = product(&x, &weight, inputs, PLAIN, kernel());
        for (row, expected) in x.chunks(inputs).zip(together.chunks(outputs)) {
            assert_eq!(product(row, &weight, inputs, PLAIN, kernel()), expected);
        }
        for size in [2, 3, 7, 16] {
            for (rows, expected) in x.chunks(size * inputs).zip(together.chunks(size * outputs)) {
                assert_eq!(product(rows, &weight, inputs, PLAIN, kernel()), expected);
            }
        }
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(
                pool.install(|| product(&x, &weight, inputs, PLAIN, kernel())),
                together,
                "{threads} threads"
            );
        }
    }
}
