//! Sixteen floats at a time, by whatever the processor has. Every implementation multiplies and adds with
//! one rounding and sums lanes in the same order, so all of them give the same bits.

/// Floats that are worked on together.
pub const LANES: usize = 16;

/// Sixteen running sums.
pub trait Lanes: Copy {
    /// All zero.
    ///
    /// # Safety
    /// The processor must have the instructions of the implementation; so for every function here.
    unsafe fn zero() -> Self;

    /// Sixteen floats from memory.
    ///
    /// # Safety
    /// `from` must be readable for sixteen floats.
    unsafe fn load(from: *const f32) -> Self;

    /// self·b + c, rounded once.
    ///
    /// # Safety
    /// See [`Lanes::zero`].
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;

    /// The lanes in order.
    ///
    /// # Safety
    /// See [`Lanes::zero`].
    unsafe fn to_array(self) -> [f32; LANES];
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

/// Plain Rust: any processor, slowly.
#[derive(Clone, Copy)]
pub struct Plain([f32; LANES]);

impl Lanes for Plain {
    #[inline(always)]
    unsafe fn zero() -> Self {
        Plain([0.0; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Plain(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Plain(std::array::from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
    }

    #[inline(always)]
    unsafe fn to_array(self) -> [f32; LANES] {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
pub mod x86 {
    //! AVX2 and AVX-512.

    use std::arch::x86_64::*;

    use super::{LANES, Lanes};

    /// AVX-512: one register.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    // SAFETY (all of them): the caller has checked for AVX-512F and promises readable memory.
    impl Lanes for Avx512 {
        #[inline(always)]
        unsafe fn zero() -> Self {
            Avx512(unsafe { _mm512_setzero_ps() })
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Avx512(unsafe { _mm512_loadu_ps(from) })
        }

        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            Avx512(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
        }

        #[inline(always)]
        unsafe fn to_array(self) -> [f32; LANES] {
            let mut array = [0.0; LANES];
            unsafe { _mm512_storeu_ps(array.as_mut_ptr(), self.0) };
            array
        }
    }

    /// AVX2 with FMA: two registers.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256, __m256);

    // SAFETY (all of them): the caller has checked for AVX2 and FMA and promises readable memory.
    impl Lanes for Avx2 {
        #[inline(always)]
        unsafe fn zero() -> Self {
            unsafe { Avx2(_mm256_setzero_ps(), _mm256_setzero_ps()) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { Avx2(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }

        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            unsafe { Avx2(_mm256_fmadd_ps(self.0, b.0, c.0), _mm256_fmadd_ps(self.1, b.1, c.1)) }
        }

        #[inline(always)]
        unsafe fn to_array(self) -> [f32; LANES] {
            let mut array = [0.0; LANES];
            unsafe {
                _mm256_storeu_ps(array.as_mut_ptr(), self.0);
                _mm256_storeu_ps(array.as_mut_ptr().add(8), self.1);
            }
            array
        }
    }
}

#[cfg(target_arch = "aarch64")]
pub mod arm {
    //! NEON, which every 64-bit ARM processor has.

    use std::arch::aarch64::*;

    use super::{LANES, Lanes};

    /// Four registers.
    #[derive(Clone, Copy)]
    pub struct Neon([float32x4_t; 4]);

    // SAFETY (all of them): NEON is part of the architecture; the caller promises readable memory.
    impl Lanes for Neon {
        #[inline(always)]
        unsafe fn zero() -> Self {
            Neon([unsafe { vdupq_n_f32(0.0) }; 4])
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Neon(std::array::from_fn(|i| unsafe { vld1q_f32(from.add(4 * i)) }))
        }

        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            Neon(std::array::from_fn(|i| unsafe { vfmaq_f32(c.0[i], self.0[i], b.0[i]) }))
        }

        #[inline(always)]
        unsafe fn to_array(self) -> [f32; LANES] {
            let mut array = [0.0; LANES];
            for (i, register) in self.0.into_iter().enumerate() {
                unsafe { vst1q_f32(array.as_mut_ptr().add(4 * i), register) };
            }
            array
        }
    }
}
