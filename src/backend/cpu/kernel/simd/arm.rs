//! NEON, which every 64-bit ARM processor has: four registers for sixteen numbers.
//!
//! SAFETY of every unsafe block here: NEON is part of the architecture; the caller promises the memory.

use std::arch::aarch64::*;

use half::f16;

use super::{LANES, Simd, Tile};

/// Runs on NEON.
#[derive(Clone, Copy)]
pub struct Neon;

impl Simd for Neon {
    type Floats = [float32x4_t; 4];
    type Sums = [int32x4_t; 4];
    type Bytes = [int8x16_t; 4];
    type Four = int8x16_t;

    const FLOAT_TILE: Tile = Tile { rows: 5, panels: 1 };
    const BYTE_TILE: Tile = Tile { rows: 2, panels: 1 };

    #[inline(always)]
    unsafe fn zero() -> Self::Floats {
        [unsafe { vdupq_n_f32(0.0) }; 4]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::Floats {
        [unsafe { vdupq_n_f32(value) }; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Floats {
        std::array::from_fn(|i| unsafe { vld1q_f32(from.add(4 * i)) })
    }

    #[inline(always)]
    unsafe fn load_half(from: *const f16) -> Self::Floats {
        unsafe {
            let floats = from.cast::<[f16; LANES]>().read_unaligned().map(f16::to_f32);
            Self::load(floats.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(floats: Self::Floats, to: *mut f32) {
        for (i, register) in floats.into_iter().enumerate() {
            unsafe { vst1q_f32(to.add(4 * i), register) };
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| unsafe { vaddq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| unsafe { vmulq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| unsafe { vfmaq_f32(c[i], a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn start(_: i32) -> Self::Sums {
        // Weights are taken without their offset.
        [unsafe { vdupq_n_s32(0) }; 4]
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::Bytes {
        std::array::from_fn(|i| unsafe {
            vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from.add(16 * i)), vdupq_n_u8(128)))
        })
    }

    #[inline(always)]
    unsafe fn four(from: *const i8) -> Self::Four {
        unsafe { vreinterpretq_s8_s32(vdupq_n_s32(from.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot(sums: Self::Sums, weights: Self::Bytes, inputs: Self::Four) -> Self::Sums {
        std::array::from_fn(|i| unsafe {
            let low = vmull_s8(vget_low_s8(weights[i]), vget_low_s8(inputs));
            let high = vmull_high_s8(weights[i], inputs);
            vaddq_s32(sums[i], vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)))
        })
    }

    #[inline(always)]
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats {
        sums.map(|sums| unsafe { vcvtq_f32_s32(sums) })
    }

    #[inline(always)]
    unsafe fn scales(from: *const u16) -> Self::Floats {
        std::array::from_fn(|i| unsafe {
            vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(from.add(4 * i))))
        })
    }
}
