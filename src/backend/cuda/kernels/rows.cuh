// What a step's kernels share: its rows, and where keys and values of their positions lie.
#pragma once
#include "platform.cuh"

DEVICE uint64_t page_of(const CacheArgument &cache, unsigned slot, unsigned number) {
    return cache.table[size_t(slot) * cache.slot_pages + number].cache;
}

// Where a head's keys, or its values, begin in a page; all that differs from thread to thread is in the first number,
// which both share.
DEVICE size_t head_of_page(const CacheArgument &cache, uint64_t page, unsigned head) {
    return page + head * (PAGE * cache.position_bytes);
}
DEVICE unsigned char *in_cache(const CacheArgument &cache, uint64_t part, size_t at) {
    return static_cast<unsigned char *>(cache.base) + part + at;
}

// Keys and values of 8 bits: of a position's head first its whole numbers from -127 to 127, then the scales of each eight
// of them, in order. A scale has five bits of exponent and three of mantissa, and is never less than it has to be.
constexpr int LEAST_SCALE = 8, LARGEST_SCALE = 255, SCALE_BIAS = 112 << 3;

DEVICE float scale_of(unsigned bits) { return float_of_bits((bits + SCALE_BIAS) << 20); }
// That of eight numbers, of which the largest is so far from zero.
DEVICE unsigned scale_for(float largest) {
    int bits = int((bits_of_float(multiply(largest, 1.0f / 127)) + 0xfffff) >> 20) - SCALE_BIAS;
    return bits < LEAST_SCALE ? LEAST_SCALE : bits > LARGEST_SCALE ? LARGEST_SCALE : bits;
}
// What stands for a value, by 1 / the scale.
DEVICE unsigned number_for(float value, float by) {
    return int(rintf(fminf(fmaxf(multiply(value, by), -127.0f), 127.0f))) & 255;
}
// Where the scale of a number lies from there, which is the `at`th of its head.
DEVICE unsigned to_scale(unsigned head_size, unsigned at) { return head_size - at + at / 8; }

// Where the state of a slot's draw is kept.
DEVICE float *state_of(void *base, const PageOffset *table, unsigned slot_pages, Kept of, unsigned width) {
    uint64_t page = table[size_t(of.slot) * slot_pages + of.index / PAGE].states;
    return reinterpret_cast<float *>(static_cast<unsigned char *>(base) + page) + of.index % PAGE * width;
}

// Whole numbers of four bytes.
DEVICE void numbers_of(uint32_t bytes, float (&to)[4]) {
    // The bits of 32768 + 128 + a number, from which both are taken again.
    uint32_t shifted = bytes ^ 0x80808080u;
    constexpr unsigned BYTES[4] = {0x7404, 0x7414, 0x7424, 0x7434};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        to[i] = float_of_bits(permute_bytes(shifted, 0x47000000u, BYTES[i])) - (32768.0f + 128.0f);
    }
}

struct alignas(16) Four {
    float values[4];
};

// Four values of a type, stored at once.
template <typename T> struct alignas(4 * sizeof(T)) FourOf {
    T values[4];
};

// `width` values from `at` on, of a row whose lanes take four of every 128; zeros beyond them.
DEVICE Four four_of(const float *row, unsigned at, unsigned width) {
    return at < width ? *reinterpret_cast<const Four *>(row + at) : Four{{0, 0, 0, 0}};
}

// Brings a norm's weights into the cache, by a block.
DEVICE void prefetch_norm(const float *weight, unsigned width, unsigned threads) {
    for (unsigned i = threadIdx.x * 32; i < width; i += threads * 32) prefetch(weight + i);
}

// 1 / rms of a row, by a warp; the width is a whole number of fours.
DEVICE float norm_scale(const float *row, unsigned width, float eps) {
    // Loads under way at once.
    constexpr unsigned AT_ONCE = 6;
    float squares[4] = {};
    for (unsigned from = threadIdx.x % 32 * 4; from < width; from += AT_ONCE * 128) {
        Four x[AT_ONCE];
#pragma unroll
        for (unsigned i = 0; i < AT_ONCE; i++) x[i] = four_of(row, from + i * 128, width);
#pragma unroll
        for (unsigned i = 0; i < AT_ONCE; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) squares[j] += x[i].values[j] * x[i].values[j];
        }
    }
    float sum = warp_sum((squares[0] + squares[1]) + (squares[2] + squares[3]));
    return 1.0f / sqrtf(sum / float(width) + eps);
}

// y = x · scale · weight by a warp, zeros beyond the width; the stride is a whole number of fours too.
template <typename T>
DEVICE void normed_row(const float *x, const float *weight, float scale, T *y, unsigned width, unsigned stride) {
    // More would take registers that weights need.
    constexpr unsigned AT_ONCE = 3;
    for (unsigned start = threadIdx.x % 32 * 4; start < stride; start += AT_ONCE * 128) {
        Four from[AT_ONCE], by[AT_ONCE];
#pragma unroll
        for (unsigned i = 0; i < AT_ONCE; i++) {
            from[i] = four_of(x, start + i * 128, width);
            by[i] = four_of(weight, start + i * 128, width);
        }
#pragma unroll
        for (unsigned i = 0; i < AT_ONCE; i++) {
            if (start + i * 128 >= stride) break;
            FourOf<T> to;
#pragma unroll
            for (int j = 0; j < 4; j++) to.values[j] = from_f32<T>(from[i].values[j] * scale * by[i].values[j]);
            *reinterpret_cast<FourOf<T> *>(y + start + i * 128) = to;
        }
    }
}
