//! AVX2 and AVX-512, with and without the instructions for sums of bytes (VNNI).
//!
//! SAFETY of every unsafe block here: the caller has checked for the instructions and promises the memory.

use std::arch::x86_64::*;

use half::f16;

use super::{BLOCK, Simd, Tile};

/// Runs on AVX-512 with its byte sums: one register for sixteen numbers.
#[derive(Clone, Copy)]
pub struct Avx512;

impl Simd for Avx512 {
    type Floats = __m512;
    type Sums = __m512i;
    type Bytes = __m512i;
    type Four = __m512i;

    const FLOAT_TILE: Tile = Tile { rows: 8, panels: 3 };
    const BYTE_TILE: Tile = Tile { rows: 4, panels: 3 };

    #[inline(always)]
    unsafe fn zero() -> Self::Floats {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::Floats {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Floats {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_half(from: *const f16) -> Self::Floats {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store(floats: Self::Floats, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, floats) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn start(offset: i32) -> Self::Sums {
        unsafe { _mm512_set1_epi32(offset) }
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::Bytes {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn four(from: *const i8) -> Self::Four {
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot(sums: Self::Sums, weights: Self::Bytes, inputs: Self::Four) -> Self::Sums {
        unsafe { _mm512_dpbusd_epi32(sums, weights, inputs) }
    }

    #[inline(always)]
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats {
        unsafe { _mm512_cvtepi32_ps(sums) }
    }

    #[inline(always)]
    unsafe fn scales(from: *const u16) -> Self::Floats {
        unsafe {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16))
        }
    }

    #[inline(always)]
    fn prefetch(address: *const u8) {
        // SAFETY: a hint; it reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }

    #[inline(always)]
    unsafe fn largest(values: &[f32; BLOCK]) -> f32 {
        unsafe {
            let (low, high) = (_mm512_loadu_ps(values.as_ptr()), _mm512_loadu_ps(values.as_ptr().add(16)));
            // A maximum drops what is no number, so that is looked for by itself.
            if _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(low, high) != 0 {
                return f32::NAN;
            }
            _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)))
        }
    }

    #[inline(always)]
    unsafe fn round(values: &[f32; BLOCK], inverse: f32, bytes: &mut [i8; BLOCK]) -> i32 {
        unsafe {
            let inverse = _mm512_set1_ps(inverse);
            let steps = |from: *const f32| {
                let scaled = _mm512_mul_ps(_mm512_loadu_ps(from), inverse);
                _mm512_cvt_roundps_epi32::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(scaled)
            };
            let (low, high) = (steps(values.as_ptr()), steps(values.as_ptr().add(16)));
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(low));
            _mm_storeu_si128(bytes.as_mut_ptr().add(16).cast(), _mm512_cvtepi32_epi8(high));
            _mm512_reduce_add_epi32(_mm512_add_epi32(low, high))
        }
    }
}

/// Implements what AVX2 with and without byte sums have in common: two registers for sixteen numbers.
macro_rules! two_registers {
    () => {
        type Floats = (__m256, __m256);
        type Sums = (__m256i, __m256i);
        type Bytes = (__m256i, __m256i);
        type Four = __m256i;

        const FLOAT_TILE: Tile = Tile { rows: 6, panels: 1 };
        const BYTE_TILE: Tile = Tile { rows: 2, panels: 1 };

        #[inline(always)]
        unsafe fn zero() -> Self::Floats {
            unsafe { (_mm256_setzero_ps(), _mm256_setzero_ps()) }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self::Floats {
            unsafe { (_mm256_set1_ps(value), _mm256_set1_ps(value)) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self::Floats {
            unsafe { (_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }

        #[inline(always)]
        unsafe fn load_half(from: *const f16) -> Self::Floats {
            unsafe {
                let low = _mm256_cvtph_ps(_mm_loadu_si128(from.cast()));
                (low, _mm256_cvtph_ps(_mm_loadu_si128(from.add(8).cast())))
            }
        }

        #[inline(always)]
        unsafe fn store(floats: Self::Floats, to: *mut f32) {
            unsafe {
                _mm256_storeu_ps(to, floats.0);
                _mm256_storeu_ps(to.add(8), floats.1);
            }
        }

        #[inline(always)]
        unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
            unsafe { (_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
        }

        #[inline(always)]
        unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
            unsafe { (_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)) }
        }

        #[inline(always)]
        unsafe fn mul_add(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
            unsafe { (_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1)) }
        }

        #[inline(always)]
        unsafe fn bytes(from: *const u8) -> Self::Bytes {
            unsafe { (_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(32).cast())) }
        }

        #[inline(always)]
        unsafe fn four(from: *const i8) -> Self::Four {
            unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
        }

        #[inline(always)]
        unsafe fn to_floats(sums: Self::Sums) -> Self::Floats {
            unsafe { (_mm256_cvtepi32_ps(sums.0), _mm256_cvtepi32_ps(sums.1)) }
        }

        #[inline(always)]
        unsafe fn scales(from: *const u16) -> Self::Floats {
            unsafe {
                let widen = |from: *const u16| {
                    let bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
                    _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16))
                };
                (widen(from), widen(from.add(8)))
            }
        }

        #[inline(always)]
        fn prefetch(address: *const u8) {
            // SAFETY: a hint; it reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
        }
    };
}

/// Runs on AVX2 with FMA and half-precision conversions.
#[derive(Clone, Copy)]
pub struct Avx2;

impl Simd for Avx2 {
    two_registers!();

    #[inline(always)]
    unsafe fn start(_: i32) -> Self::Sums {
        // Below, weights are signed, without their offset.
        unsafe { (_mm256_setzero_si256(), _mm256_setzero_si256()) }
    }

    #[inline(always)]
    unsafe fn dot(sums: Self::Sums, weights: Self::Bytes, inputs: Self::Four) -> Self::Sums {
        unsafe {
            let dot = |sum: __m256i, weights: __m256i| {
                // The instruction takes unsigned by signed bytes and adds pairs in 16 bits. With the sign
                // moved from the weight to the input, both at most 127, a pair cannot overflow.
                let weights = _mm256_xor_si256(weights, _mm256_set1_epi8(-128));
                let inputs = _mm256_sign_epi8(inputs, weights);
                let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), inputs);
                _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
            };
            (dot(sums.0, weights.0), dot(sums.1, weights.1))
        }
    }
}

/// Runs on AVX2 with byte sums (AVX-VNNI).
#[derive(Clone, Copy)]
pub struct AvxVnni;

impl Simd for AvxVnni {
    two_registers!();

    #[inline(always)]
    unsafe fn start(offset: i32) -> Self::Sums {
        unsafe { (_mm256_set1_epi32(offset), _mm256_set1_epi32(offset)) }
    }

    #[inline(always)]
    unsafe fn dot(sums: Self::Sums, weights: Self::Bytes, inputs: Self::Four) -> Self::Sums {
        unsafe {
            let low = _mm256_dpbusd_avx_epi32(sums.0, weights.0, inputs);
            (low, _mm256_dpbusd_avx_epi32(sums.1, weights.1, inputs))
        }
    }
}
