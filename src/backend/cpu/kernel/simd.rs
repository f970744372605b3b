//! Sixteen numbers at a time, by whatever the processor has. Every implementation rounds alike: one
//! rounding for a multiplication and addition, exact integer sums. So all of them give the same bits.

#[cfg(target_arch = "aarch64")]
pub mod arm;
#[cfg(target_arch = "x86_64")]
pub mod x86;

use half::f16;

/// Numbers that are worked on together.
pub const LANES: usize = 16;
/// Inputs of a row of W (or of x) that share a scale.
pub const BLOCK: usize = 32;
/// Added to a number of less than 2²², this leaves it rounded to a whole one, ties to even, in the low bits.
const ROUNDING: f32 = 12_582_912.0;

/// Counts the rows and groups of [`LANES`] columns of a product that are summed in registers at once.
#[derive(Clone, Copy)]
pub struct Tile {
    /// Rows of x.
    pub rows: usize,
    /// Panels of W.
    pub panels: usize,
}

/// Gives the instructions of one kind of processor.
///
/// # Safety
/// Every function needs the instructions of the implementation, and pointers that are readable (or
/// writable) for what it says.
pub trait Simd: Copy {
    /// Holds sixteen floats.
    type Floats: Copy;
    /// Holds sixteen running sums of integers.
    type Sums: Copy;
    /// Holds four bytes in each lane.
    type Bytes: Copy;
    /// Holds the same four signed bytes in every lane.
    type Four: Copy;

    /// The tile that fits into the registers in a product of floats.
    const FLOAT_TILE: Tile;
    /// The tile that fits into the registers in a product of bytes.
    const BYTE_TILE: Tile;

    /// Returns zeros.
    unsafe fn zero() -> Self::Floats;
    /// Returns a value in every lane.
    unsafe fn splat(value: f32) -> Self::Floats;
    /// Loads sixteen floats.
    unsafe fn load(from: *const f32) -> Self::Floats;
    /// Loads sixteen halves as floats.
    unsafe fn load_half(from: *const f16) -> Self::Floats;
    /// Stores sixteen floats.
    unsafe fn store(floats: Self::Floats, to: *mut f32);
    /// Computes a + b.
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// Computes a·b.
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// Computes a·b + c, rounded once.
    unsafe fn mul_add(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;

    /// Sums before any product. `offset` is what they must begin with where weights are taken with their
    /// offset of 128, which is −128·Σx.
    unsafe fn start(offset: i32) -> Self::Sums;
    /// Loads sixty-four weights with their offset of 128.
    unsafe fn bytes(from: *const u8) -> Self::Bytes;
    /// Loads four inputs.
    unsafe fn four(from: *const i8) -> Self::Four;
    /// Adds to each lane's sum its four weights times the four inputs.
    unsafe fn dot(sums: Self::Sums, weights: Self::Bytes, inputs: Self::Four) -> Self::Sums;
    /// Converts the sums to floats.
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats;
    /// Loads sixteen bfloat16 as floats.
    unsafe fn scales(from: *const u16) -> Self::Floats;

    /// Returns the largest magnitude; no number if one of them is none.
    #[inline(always)]
    unsafe fn largest(values: &[f32; BLOCK]) -> f32 {
        let (mut most, mut none) = ([0f32; LANES], [0f32; LANES]);
        for half in values.as_chunks::<LANES>().0 {
            for ((most, none), value) in most.iter_mut().zip(&mut none).zip(half) {
                *most = if value.abs() > *most { value.abs() } else { *most };
                // 0 for a number, else not a number.
                *none += value * 0.0;
            }
        }
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                most[i] = if most[i + width] > most[i] { most[i + width] } else { most[i] };
            }
            width /= 2;
        }
        most[0] + sum(none)
    }

    /// Rounds each value·inverse, of at most 127, to a byte, ties to even, and returns their sum.
    #[inline(always)]
    unsafe fn round(values: &[f32; BLOCK], inverse: f32, bytes: &mut [i8; BLOCK]) -> i32 {
        let mut steps = [0i32; BLOCK];
        for (step, value) in steps.iter_mut().zip(values) {
            *step = ((value * inverse + ROUNDING).to_bits() as i32) << 24 >> 24;
        }
        let mut sum = 0;
        for (byte, step) in bytes.iter_mut().zip(&steps) {
            *byte = *step as i8;
            sum += step;
        }
        sum
    }

    /// Asks for a cache line that will be read soon; any address will do.
    #[inline(always)]
    fn prefetch(_: *const u8) {}
}

/// Sums lanes pairwise, halves onto each other.
#[inline(always)]
pub fn sum(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Runs on any processor, in plain Rust, slowly.
#[derive(Clone, Copy)]
pub struct Plain;

// SAFETY (of all unsafe blocks): the caller's promise on the pointers.
impl Simd for Plain {
    type Floats = [f32; LANES];
    type Sums = [i32; LANES];
    type Bytes = [[u8; 4]; LANES];
    type Four = [i8; 4];

    const FLOAT_TILE: Tile = Tile { rows: 2, panels: 1 };
    const BYTE_TILE: Tile = Tile { rows: 2, panels: 1 };

    #[inline(always)]
    unsafe fn zero() -> Self::Floats {
        [0.0; LANES]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::Floats {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Floats {
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_half(from: *const f16) -> Self::Floats {
        let halves = unsafe { from.cast::<[f16; LANES]>().read_unaligned() };
        halves.map(f16::to_f32)
    }

    #[inline(always)]
    unsafe fn store(floats: Self::Floats, to: *mut f32) {
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(floats) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    unsafe fn start(offset: i32) -> Self::Sums {
        [offset; LANES]
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::Bytes {
        unsafe { from.cast::<[[u8; 4]; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn four(from: *const i8) -> Self::Four {
        unsafe { from.cast::<[i8; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn dot(sums: Self::Sums, weights: Self::Bytes, inputs: Self::Four) -> Self::Sums {
        std::array::from_fn(|i| {
            let products = weights[i].iter().zip(inputs).map(|(w, x)| i32::from(*w) * i32::from(x));
            sums[i] + products.sum::<i32>()
        })
    }

    #[inline(always)]
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats {
        sums.map(|sum| sum as f32)
    }

    #[inline(always)]
    unsafe fn scales(from: *const u16) -> Self::Floats {
        let halves = unsafe { from.cast::<[u16; LANES]>().read_unaligned() };
        halves.map(|bits| f32::from_bits(u32::from(bits) << 16))
    }
}
