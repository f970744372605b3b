// y = x·Wᵀ for weights W (outputs, inputs), and what follows it.
//
// An output's sum has one order, whatever the number of rows: the inputs are four segments, each is summed
// from its start, and the four sums are added in order. So a row's bits do not depend on the rows beside it
// nor on which of the kernels below takes them.
#include "platform.cuh"

constexpr int SEGMENTS = 4;

// What becomes of the sums.
enum Finish {
    // y = (v + bias)·scale; f32.
    STORE = 0,
    // y = gelu(v + bias); in the weights' type.
    GELU = 1,
    // y += v; f32.
    ADD = 2,
    // y += scale·(v + bias); f32.
    ADD_SCALED = 3,
    // y = silu(v[2i])·v[2i + 1]: gate and up rows lie one by one; in the weights' type.
    SILU_GATE = 4,
};

struct Product {
    // (rows, inputs), row by row; `x_stride` values from row to row.
    const void *x;
    // (outputs rounded up to 64, inputs); the inputs are a whole number of 32.
    const void *w;
    // Null or (outputs).
    const float *bias;
    const float *scale;
    void *y;
    unsigned rows, inputs, outputs, x_stride, y_stride, finish;
};

DEVICE unsigned segment_start(unsigned chunks, int segment) { return chunks * segment / SEGMENTS; }

// A pair of neighbouring outputs of a row, `column` even.
template <typename T> DEVICE void finish_pair(const Product &p, unsigned row, unsigned column, float first, float second) {
    if (row >= p.rows || column >= p.outputs) return;
    bool both = column + 1 < p.outputs;
    if (p.finish == SILU_GATE) {
        float gated = first / (1.0f + expf(-first)) * second;
        static_cast<T *>(p.y)[size_t(row) * p.y_stride + column / 2] = from_f32<T>(gated);
        return;
    }
    float v[2] = {first, second};
#pragma unroll
    for (int i = 0; i < 2; i++) {
        if (i == 1 && !both) break;
        size_t at = size_t(row) * p.y_stride + column + i;
        float value = v[i];
        if (p.bias != nullptr) value += p.bias[column + i];
        if (p.finish == GELU) {
            value = 0.5f * value * (1.0f + erff(value * 0.70710678118654752f));
            static_cast<T *>(p.y)[at] = from_f32<T>(value);
            continue;
        }
        if (p.scale != nullptr) value = multiply(value, p.scale[column + i]);
        float *y = static_cast<float *>(p.y) + at;
        *y = p.finish == STORE ? value : *y + value;
    }
}

// Where a lane's share of 32 inputs lies in a chunk: 8 neighbours, of which two products of 16 take 4 each.
// Which of a product's inputs are which does not matter as long as x and W agree.
constexpr unsigned CHUNK = 32;

// 16 rows by 8 outputs a block; each of its 4 warps sums one segment. For steps of few rows, which only read
// weights.
template <typename T> DEVICE void product_few(const Product &p) {
    SHARED_MEMORY(memory);
    float *sums = reinterpret_cast<float *>(memory);
    unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    unsigned row = blockIdx.y * 16 + lane / 4, column = blockIdx.x * 8;
    const T *x = static_cast<const T *>(p.x);
    const T *w = static_cast<const T *>(p.w) + size_t(column + lane / 4) * p.inputs + lane % 4 * 8;
    const T *x_low = x + size_t(row) * p.x_stride + lane % 4 * 8;
    const T *x_high = x_low + size_t(8) * p.x_stride;
    bool low = row < p.rows, high = row + 8 < p.rows;

    float c[4] = {0, 0, 0, 0};
    unsigned chunks = p.inputs / CHUNK;
    unsigned end = segment_start(chunks, warp + 1);
    const Bytes16 zeros = {{0, 0, 0, 0}};
    // Many loads under way before the first is waited for.
    constexpr unsigned AHEAD = 6;
    for (unsigned first = segment_start(chunks, warp); first < end; first += AHEAD) {
        Bytes16 a0[AHEAD], a1[AHEAD], b[AHEAD];
#pragma unroll
        for (unsigned i = 0; i < AHEAD; i++) {
            bool there = first + i < end;
            unsigned at = (first + i) * CHUNK;
            b[i] = there ? load16(w + at) : zeros;
            a0[i] = there && low ? load16(x_low + at) : zeros;
            a1[i] = there && high ? load16(x_high + at) : zeros;
        }
#pragma unroll
        for (unsigned i = 0; i < AHEAD; i++) {
            if (first + i >= end) break;
#pragma unroll
            for (int half = 0; half < 2; half++) {
                uint32_t a[4] = {a0[i].words[half * 2], a1[i].words[half * 2], a0[i].words[half * 2 + 1],
                                 a1[i].words[half * 2 + 1]};
                uint32_t b2[2] = {b[i].words[half * 2], b[i].words[half * 2 + 1]};
                matrix_multiply<T>(c, a, b2);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) sums[(warp * 4 + i) * 32 + lane] = c[i];
    sync_block();
    // Two outputs a thread: 64 threads have work.
    if (threadIdx.x < 64) {
        float v[2];
        unsigned half = threadIdx.x / 32;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            v[i] = 0;
#pragma unroll
            for (int segment = 0; segment < SEGMENTS; segment++) {
                v[i] += sums[(segment * 4 + half * 2 + i) * 32 + lane];
            }
        }
        finish_pair<T>(p, row + half * 8, column + lane % 4 * 2, v[0], v[1]);
    }
}

// 64 rows by 64 outputs a block, 32 by 32 a warp, which sums the segments one after the other.
constexpr unsigned TILE = 64;
constexpr int STAGES = 3;

template <typename T> DEVICE void product_many(const Product &p) {
    SHARED_MEMORY(memory);
    T *tiles = reinterpret_cast<T *>(memory);
    unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    unsigned first_row = blockIdx.y * TILE, first_column = blockIdx.x * TILE;
    const T *x = static_cast<const T *>(p.x), *w = static_cast<const T *>(p.w);
    unsigned chunks = p.inputs / CHUNK;

    // A chunk is 64 rows of 64 bytes of either; 128 threads copy 16 bytes four times.
    auto fetch = [&](unsigned chunk) {
        T *to = tiles + chunk % STAGES * (2 * TILE * CHUNK);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            unsigned piece = threadIdx.x + i * 128, line = piece % 256 / 4, part = piece % 4;
            bool is_x = piece < 256;
            unsigned row = first_row + line;
            const T *from = is_x ? x + size_t(row) * p.x_stride : w + size_t(first_column + line) * p.inputs;
            copy_async(to + (is_x ? 0 : TILE * CHUNK) + line * CHUNK + part * 8, from + chunk * CHUNK + part * 8,
                       !is_x || row < p.rows);
        }
    };

    float total[2][4][4] = {}, c[2][4][4] = {};
#pragma unroll
    for (int stage = 0; stage < STAGES - 1; stage++) {
        if (unsigned(stage) < chunks) fetch(stage);
        copies_end_group();
    }
    int segment = 0;
    unsigned row_in_tile = warp / 2 * 32 + lane / 4, column_in_tile = warp % 2 * 32 + lane / 4;
    for (unsigned chunk = 0; chunk < chunks; chunk++) {
        while (chunk == segment_start(chunks, segment + 1)) {
#pragma unroll
            for (int i = 0; i < 32; i++) {
                (&total[0][0][0])[i] += (&c[0][0][0])[i];
                (&c[0][0][0])[i] = 0;
            }
            segment++;
        }
        copies_wait<STAGES - 2>();
        // Also: all have read what is fetched over.
        sync_block();
        if (chunk + STAGES - 1 < chunks) fetch(chunk + STAGES - 1);
        copies_end_group();
        const T *tile = tiles + chunk % STAGES * (2 * TILE * CHUNK) + lane % 4 * 8;
        Bytes16 a[2][2], b[4];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            a[i][0] = load16(tile + (row_in_tile + i * 16) * CHUNK);
            a[i][1] = load16(tile + (row_in_tile + i * 16 + 8) * CHUNK);
        }
#pragma unroll
        for (int j = 0; j < 4; j++) b[j] = load16(tile + TILE * CHUNK + (column_in_tile + j * 8) * CHUNK);
#pragma unroll
        for (int half = 0; half < 2; half++) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                uint32_t a4[4] = {a[i][0].words[half * 2], a[i][1].words[half * 2], a[i][0].words[half * 2 + 1],
                                  a[i][1].words[half * 2 + 1]};
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    uint32_t b2[2] = {b[j].words[half * 2], b[j].words[half * 2 + 1]};
                    matrix_multiply<T>(c[i][j], a4, b2);
                }
            }
        }
    }
    for (; segment < SEGMENTS; segment++) {
#pragma unroll
        for (int i = 0; i < 32; i++) {
            (&total[0][0][0])[i] += (&c[0][0][0])[i];
            (&c[0][0][0])[i] = 0;
        }
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            unsigned row = first_row + row_in_tile + i * 16;
            unsigned column = first_column + warp % 2 * 32 + j * 8 + lane % 4 * 2;
            finish_pair<T>(p, row, column, total[i][j][0], total[i][j][1]);
            finish_pair<T>(p, row + 8, column, total[i][j][2], total[i][j][3]);
        }
    }
}

// In f32: 16·ROWS rows by 64 outputs a block of 256 threads, ROWS rows by 4 outputs a thread.
constexpr unsigned DEPTH = 16;

template <int ROWS> DEVICE void product_single(const Product &p) {
    SHARED_MEMORY(memory);
    constexpr unsigned HEIGHT = 16 * ROWS, WIDTH = 64 + 4;
    // Inputs first, so that a thread's four outputs lie together.
    float *xs = reinterpret_cast<float *>(memory), *ws = xs + DEPTH * (HEIGHT + 4);
    unsigned thread = threadIdx.x, row = thread / 16, column = thread % 16 * 4;
    unsigned first_row = blockIdx.y * HEIGHT, first_column = blockIdx.x * 64;
    const float *x = static_cast<const float *>(p.x), *w = static_cast<const float *>(p.w);
    unsigned chunks = p.inputs / CHUNK;
    float total[ROWS][4] = {};
    for (int segment = 0; segment < SEGMENTS; segment++) {
        float sums[ROWS][4] = {};
        unsigned end = segment_start(chunks, segment + 1) * CHUNK;
        for (unsigned at = segment_start(chunks, segment) * CHUNK; at < end; at += DEPTH) {
            // 4 inputs of a line a thread.
            unsigned line = thread / 4, part = thread % 4 * 4;
            union {
                Bytes16 bytes;
                float values[4];
            } xv = {}, wv;
            wv.bytes = load16(w + size_t(first_column + line) * p.inputs + at + part);
            if (line < HEIGHT && first_row + line < p.rows) {
                xv.bytes = load16(x + size_t(first_row + line) * p.x_stride + at + part);
            }
            sync_block();
#pragma unroll
            for (int i = 0; i < 4; i++) {
                ws[(part + i) * WIDTH + line] = wv.values[i];
                if (line < HEIGHT) xs[(part + i) * (HEIGHT + 4) + line] = xv.values[i];
            }
            sync_block();
#pragma unroll
            for (unsigned k = 0; k < DEPTH; k++) {
                union {
                    Bytes16 bytes;
                    float values[4];
                } b;
                b.bytes = load16(ws + k * WIDTH + column);
#pragma unroll
                for (int i = 0; i < ROWS; i++) {
                    float a = xs[k * (HEIGHT + 4) + row + i * 16];
#pragma unroll
                    for (int j = 0; j < 4; j++) sums[i][j] = fmaf(a, b.values[j], sums[i][j]);
                }
            }
        }
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) total[i][j] += sums[i][j];
        }
    }
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        unsigned to = first_row + row + i * 16;
        finish_pair<float>(p, to, first_column + column, total[i][0], total[i][1]);
        finish_pair<float>(p, to, first_column + column + 2, total[i][2], total[i][3]);
    }
}

KERNEL(product_few_f16, 128, (Product p)) { product_few<f16>(p); }
KERNEL(product_few_bf16, 128, (Product p)) { product_few<bf16>(p); }
KERNEL(product_few_f32, 256, (Product p)) { product_single<1>(p); }
KERNEL(product_many_f16, 128, (Product p)) { product_many<f16>(p); }
KERNEL(product_many_bf16, 128, (Product p)) { product_many<bf16>(p); }
KERNEL(product_many_f32, 256, (Product p)) { product_single<4>(p); }
