// What is between the products of the Llama: embeddings, norms, rotation, attention.
#include "platform.cuh"

// A row of a step.
struct Row {
    unsigned slot, position;
    // What goes in: a text token, a speaker's vector by its number, or a code per codebook.
    unsigned kind;
    unsigned tokens[8];
};

enum { TEXT = 0, SPEAKER = 1, CODES = 2 };

// Value `i` of what goes in of codes, a token per codebook.
DEVICE float embedded(const float *codes, const unsigned *tokens, unsigned codebooks, unsigned code_tokens,
                      unsigned hidden, unsigned i) {
    float sum = 0;
    for (unsigned book = 0; book < codebooks; book++) {
        sum += codes[(size_t(book) * code_tokens + tokens[book]) * hidden + i];
    }
    return sum;
}

// x (rows, hidden) = what goes in; one block a row.
KERNEL(embed, 128, (const Row *rows, const float *text, const float *codes, const float *speakers, float *x,
                    unsigned hidden, unsigned codebooks, unsigned code_tokens)) {
    Row row = rows[blockIdx.x];
    for (unsigned i = threadIdx.x; i < hidden; i += 128) {
        float sum = 0;
        if (row.kind == TEXT) {
            sum = text[size_t(row.tokens[0]) * hidden + i];
        } else if (row.kind == SPEAKER) {
            sum = speakers[size_t(row.tokens[0]) * hidden + i];
        } else {
            sum = embedded(codes, row.tokens, codebooks, code_tokens, hidden, i);
        }
        x[size_t(blockIdx.x) * hidden + i] = sum;
    }
}

// y = x / rms(x) · weight, one block a row; what is beyond the width up to the stride becomes zero. `picked`
// says which row of x each row of y is of, if it is not null.
template <typename T>
DEVICE void rms_norm(const float *x, const float *weight, const unsigned *picked, T *y, unsigned width, unsigned stride,
                     float eps) {
    SHARED_MEMORY(memory);
    const float *from = x + size_t(picked == nullptr ? blockIdx.x : picked[blockIdx.x]) * width;
    float squares = 0;
    for (unsigned i = threadIdx.x; i < width; i += 128) squares += from[i] * from[i];
    float mean = block_sum(squares, reinterpret_cast<float *>(memory)) / float(width);
    float scale = 1.0f / sqrtf(mean + eps);
    T *to = y + size_t(blockIdx.x) * stride;
    for (unsigned i = threadIdx.x; i < stride; i += 128) to[i] = from_f32<T>(i < width ? from[i] * scale * weight[i] : 0);
}

// Keys and values of all positions: (slots, heads, capacity, head_size) each.
struct Cache {
    void *keys, *values;
    unsigned capacity, heads, head_size;
};

DEVICE size_t cache_offset(const Cache &cache, unsigned slot, unsigned head, unsigned position) {
    return ((size_t(slot) * cache.heads + head) * cache.capacity + position) * cache.head_size;
}

// Rotates the queries of (rows, 3, heads, head_size) in place and its keys into the cache, and stores the
// values there; one block a row. `rotations` has the cosines, then the sines of a position's pairs.
template <typename T>
DEVICE void rotate_store(float *qkv, const Row *rows, const float *rotations, const Cache &cache) {
    unsigned half = cache.head_size / 2, hidden = cache.heads * cache.head_size;
    Row row = rows[blockIdx.x];
    float *query = qkv + size_t(blockIdx.x) * 3 * hidden;
    const float *key = query + hidden, *value = key + hidden;
    for (unsigned i = threadIdx.x; i < hidden / 2; i += 128) {
        unsigned head = i / half, pair = i % half, low = head * cache.head_size + pair, high = low + half;
        const float *rotation = rotations + size_t(row.position) * cache.head_size + pair;
        float cosine = rotation[0], sine = rotation[half];
        float q0 = query[low], q1 = query[high], k0 = key[low], k1 = key[high];
        query[low] = q0 * cosine - q1 * sine;
        query[high] = q1 * cosine + q0 * sine;
        size_t at = cache_offset(cache, row.slot, head, row.position) + pair;
        T *keys = static_cast<T *>(cache.keys) + at, *values = static_cast<T *>(cache.values) + at;
        keys[0] = from_f32<T>(k0 * cosine - k1 * sine);
        keys[half] = from_f32<T>(k1 * cosine + k0 * sine);
        values[0] = from_f32<T>(value[low]);
        values[half] = from_f32<T>(value[high]);
    }
}

// Positions that one block attends to. The same for any batch, and what the blocks of a row find is joined in
// their order, so a row's bits depend on its own length alone.
constexpr unsigned SPAN = 256;
constexpr unsigned ATTEND_THREADS = 128;

// What a block found for one head of one row: the largest score, the sum of weights relative to it, and then
// the values so weighted.
DEVICE float *partial_of(float *partials, unsigned row, unsigned head, unsigned span, const Cache &cache, unsigned spans) {
    return partials + ((size_t(row) * cache.heads + head) * spans + span) * (cache.head_size + 2);
}

// Joins two sets of weighted values: (max, sum, values[8]) += other.
DEVICE void join(float &max, float &sum, float (&values)[8], float other_max, float other_sum, const float (&other)[8]) {
    float both = fmaxf(max, other_max);
    // Where neither has seen a position, there is nothing to scale.
    float own_scale = max == -INFINITY ? 0.0f : expf(max - both);
    float other_scale = other_max == -INFINITY ? 0.0f : expf(other_max - both);
    sum = sum * own_scale + other_sum * other_scale;
#pragma unroll
    for (int i = 0; i < 8; i++) values[i] = values[i] * own_scale + other[i] * other_scale;
    max = both;
}

// Grid (spans, heads, rows). Groups of head_size / 8 lanes take every so manieth position, 8 values a lane.
template <typename T>
DEVICE void attend(const float *qkv, const Row *rows, const Cache &cache, float *partials, float scale) {
    SHARED_MEMORY(memory);
    unsigned span = blockIdx.x, head = blockIdx.y;
    Row row = rows[blockIdx.z];
    unsigned first = span * SPAN, length = row.position + 1;
    if (first >= length) return;
    unsigned end = length < first + SPAN ? length : first + SPAN;
    unsigned lanes = cache.head_size / 8, groups = ATTEND_THREADS / lanes;
    unsigned group = threadIdx.x / lanes, part = threadIdx.x % lanes * 8;
    unsigned hidden = cache.heads * cache.head_size;

    float query[8];
    load8(qkv + size_t(blockIdx.z) * 3 * hidden + head * cache.head_size + part, query);
    size_t base = cache_offset(cache, row.slot, head, 0) + part;
    const T *keys = static_cast<const T *>(cache.keys) + base, *values = static_cast<const T *>(cache.values) + base;
    float max = -INFINITY, sum = 0, weighted[8] = {};
    // All lanes of a warp go round equally often: they exchange.
    for (unsigned i = 0; i < SPAN && first + i < end; i += groups) {
        unsigned position = first + i + group;
        bool there = position < end;
        float score = 0, value[8] = {};
        if (there) {
            float key[8];
            load8(keys + size_t(position) * cache.head_size, key);
            load8(values + size_t(position) * cache.head_size, value);
#pragma unroll
            for (int j = 0; j < 8; j++) score = fmaf(query[j], key[j], score);
        }
        for (unsigned mask = lanes / 2; mask > 0; mask /= 2) score += shuffle_xor(score, mask);
        if (there) join(max, sum, weighted, score * scale, 1.0f, value);
    }
    float *found = reinterpret_cast<float *>(memory) + threadIdx.x * 10;
    found[0] = max;
    found[1] = sum;
#pragma unroll
    for (int i = 0; i < 8; i++) found[2 + i] = weighted[i];
    sync_block();
    if (group == 0) {
        for (unsigned other = 1; other < groups; other++) {
            const float *from = reinterpret_cast<float *>(memory) + (other * lanes + threadIdx.x) * 10;
            float its[8];
#pragma unroll
            for (int i = 0; i < 8; i++) its[i] = from[2 + i];
            join(max, sum, weighted, from[0], from[1], its);
        }
        float *to = partial_of(partials, blockIdx.z, head, span, cache, gridDim.x);
        if (part == 0) {
            to[0] = max;
            to[1] = sum;
        }
#pragma unroll
        for (int i = 0; i < 8; i++) to[2 + part + i] = weighted[i];
    }
}

// Copies rows (…, width) to where they are kept, at most `capacity` of each slot; one block a row.
struct Kept {
    unsigned slot, index;
};

KERNEL(keep_rows, 128, (const float *x, const Kept *kept, float *store, unsigned width, unsigned capacity)) {
    Kept to = kept[blockIdx.x];
    if (to.index >= capacity) return;
    for (unsigned i = threadIdx.x; i < width; i += 128) {
        store[(size_t(to.slot) * capacity + to.index) * width + i] = x[size_t(blockIdx.x) * width + i];
    }
}

// Joins what the blocks of a row found: y (rows, hidden) with a stride; one block a row.
template <typename T>
DEVICE void attend_join(float *partials, const Row *rows, const Cache &cache, T *y, unsigned stride, unsigned spans) {
    unsigned hidden = cache.heads * cache.head_size, length = rows[blockIdx.x].position + 1;
    for (unsigned i = threadIdx.x; i < stride; i += 128) {
        float out = 0;
        if (i < hidden) {
            unsigned head = i / cache.head_size, column = i % cache.head_size;
            float max = -INFINITY, sum = 0, value = 0;
            for (unsigned span = 0; span * SPAN < length; span++) {
                const float *from = partial_of(partials, blockIdx.x, head, span, cache, spans);
                float both = fmaxf(max, from[0]);
                float own_scale = max == -INFINITY ? 0.0f : expf(max - both), its_scale = expf(from[0] - both);
                sum = sum * own_scale + from[1] * its_scale;
                value = value * own_scale + from[2 + column] * its_scale;
                max = both;
            }
            out = value / sum;
        }
        y[size_t(blockIdx.x) * stride + i] = from_f32<T>(out);
    }
}

#define LLAMA_KERNELS(T)                                                                                            \
    KERNEL(rms_norm_##T, 128,                                                                                       \
           (const float *x, const float *weight, const unsigned *picked, T *y, unsigned width, unsigned stride,     \
            float eps)) {                                                                                           \
        rms_norm<T>(x, weight, picked, y, width, stride, eps);                                                      \
    }                                                                                                               \
    KERNEL(rotate_store_##T, 128, (float *qkv, const Row *rows, const float *rotations, Cache cache)) {             \
        rotate_store<T>(qkv, rows, rotations, cache);                                                               \
    }                                                                                                               \
    KERNEL(attend_##T, 128, (const float *qkv, const Row *rows, Cache cache, float *partials, float scale)) {       \
        attend<T>(qkv, rows, cache, partials, scale);                                                               \
    }                                                                                                               \
    KERNEL(attend_join_##T, 128,                                                                                    \
           (float *partials, const Row *rows, Cache cache, T *y, unsigned stride, unsigned spans)) {                \
        attend_join<T>(partials, rows, cache, y, stride, spans);                                                    \
    }

LLAMA_KERNELS(f32)
LLAMA_KERNELS(f16)
LLAMA_KERNELS(bf16)
