// What a step's kernels share: its rows, and where keys and values of their positions lie.
#pragma once
#include "platform.cuh"

// A row of a step.
struct Row {
    unsigned slot, position;
    // What goes in: a text token, a speaker's vector by its number, or a code per codebook.
    unsigned kind;
    unsigned tokens[8];
};

enum { TEXT = 0, SPEAKER = 1, CODES = 2 };

// Where a row's hidden state is kept.
struct Kept {
    unsigned slot, index;
};

// Positions of a page, which are also those that one block attends to.
constexpr unsigned PAGE = 128;

// Keys and values of a layer: (pages, heads, PAGE, head_size) each. `table` (slots, slot_pages) says which page has a
// slot's positions; it changes between steps only.
struct Cache {
    void *keys, *values;
    const unsigned *table;
    unsigned slot_pages, heads, head_size;
};

DEVICE unsigned page_of(const Cache &cache, unsigned slot, unsigned number) {
    return cache.table[size_t(slot) * cache.slot_pages + number];
}

// Where a head's values of a page begin.
DEVICE size_t page_offset(const Cache &cache, unsigned page, unsigned head) {
    return (size_t(page) * cache.heads + head) * PAGE * cache.head_size;
}

struct alignas(16) Four {
    float values[4];
};

// 1 / rms of a row, by a warp; the width is a whole number of fours.
DEVICE float norm_scale(const float *row, unsigned width, float eps) {
    float squares[4] = {};
    for (unsigned i = threadIdx.x % 32 * 4; i < width; i += 128) {
        Four x = *reinterpret_cast<const Four *>(row + i);
#pragma unroll
        for (int j = 0; j < 4; j++) squares[j] += x.values[j] * x.values[j];
    }
    float sum = warp_sum((squares[0] + squares[1]) + (squares[2] + squares[3]));
    return 1.0f / sqrtf(sum / float(width) + eps);
}

// y = x · scale · weight by a warp, zeros beyond the width.
template <typename T>
DEVICE void normed_row(const float *x, const float *weight, float scale, T *y, unsigned width, unsigned stride) {
    for (unsigned i = threadIdx.x % 32 * 4; i < stride; i += 128) {
        Four from = {}, by = {};
        if (i < width) {
            from = *reinterpret_cast<const Four *>(x + i);
            by = *reinterpret_cast<const Four *>(weight + i);
        }
#pragma unroll
        for (int j = 0; j < 4; j++) y[i + j] = from_f32<T>(from.values[j] * scale * by.values[j]);
    }
}
