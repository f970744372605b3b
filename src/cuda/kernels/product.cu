// y = x·Wᵀ for weights W (outputs, inputs), and what follows it.
//
// An output's sum has one order, whatever the number of rows: segments of 192 inputs are each summed from their
// start, four segments in order are a group, and the groups are added in order. So a row's bits do not depend on
// the rows beside it nor on which of the kernels below takes them.
#include "rows.cuh"

// Chunks of a segment, segments of a group.
constexpr unsigned SEGMENT = 6, GROUP = 4;

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
    // Queries, keys and values of (3, heads, head_size) outputs, of which those that turn together lie one by one in
    // queries and keys: queries are turned into y (rows, hidden), f32, keys and values go to the cache.
    ROTATE_STORE = 5,
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
    // Where x is (rows, `width`) of f32 that are normed first: their weights.
    const float *norm;
    float eps;
    unsigned width;
    // For sums that are shared by blocks, each of which takes so many segments: room for what each finds, and a zero
    // for each tile of y.
    unsigned block_segments;
    float *partials;
    unsigned *arrived;
    // Where W is of whole numbers of 8 bits: the scale of each 32 of them.
    const f16 *scales;
    // For ROTATE_STORE: the rows, the cosines and then the sines of each position's pairs, and the layer's cache.
    const Row *places;
    const float *rotations;
    Cache cache;
};

// Queries, keys and values of a row's pair of outputs.
template <typename T> DEVICE void rotate_store(const Product &p, unsigned row, unsigned column, float first, float second) {
    const Cache &cache = p.cache;
    unsigned hidden = cache.heads * cache.head_size, part = column / hidden, within = column % hidden;
    unsigned head = within / cache.head_size, at = within % cache.head_size;
    Row place = p.places[row];
    if (part < 2) {
        const float *rotation = p.rotations + size_t(place.position) * cache.head_size + at / 2;
        float cosine = rotation[0], sine = rotation[cache.head_size / 2], low = first;
        first = low * cosine - second * sine;
        second = second * cosine + low * sine;
    }
    if (part == 0) {
        float *y = static_cast<float *>(p.y) + size_t(row) * p.y_stride + within;
        y[0] = first;
        y[1] = second;
        return;
    }
    unsigned page = page_of(cache, place.slot, place.position / PAGE);
    T *to = static_cast<T *>(part == 1 ? cache.keys : cache.values);
    to += page_offset(cache, page, head) + place.position % PAGE * cache.head_size + at;
    to[0] = from_f32<T>(first);
    to[1] = from_f32<T>(second);
}

// A pair of neighbouring outputs of a row, `column` even.
template <typename T> DEVICE void finish_pair(const Product &p, unsigned row, unsigned column, float first, float second) {
    if (row >= p.rows || column >= p.outputs) return;
    bool both = column + 1 < p.outputs;
    if (p.finish == ROTATE_STORE) {
        rotate_store<T>(p, row, column, first, second);
        return;
    }
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

// Eight neighbouring weights of one of W's rows, as they lie there and as they are multiplied.
template <typename T> struct Plain {
    Bytes16 bytes;

    static DEVICE Plain load(const Product &p, unsigned row, unsigned chunk, unsigned part) {
        return Plain{load16(static_cast<const T *>(p.w) + size_t(row) * p.inputs + chunk * CHUNK + part)};
    }
    DEVICE Bytes16 values() const { return bytes; }
};

struct Quantized {
    Bytes8 bytes;
    f16 scale;

    static DEVICE Quantized load(const Product &p, unsigned row, unsigned chunk, unsigned part) {
        const unsigned char *w = static_cast<const unsigned char *>(p.w) + size_t(row) * p.inputs + chunk * CHUNK + part;
        return Quantized{*reinterpret_cast<const Bytes8 *>(w), p.scales[size_t(row) * (p.inputs / CHUNK) + chunk]};
    }
    DEVICE Bytes16 values() const {
        return Bytes16{{scaled_pair(bytes.words[0], false, scale), scaled_pair(bytes.words[0], true, scale),
                        scaled_pair(bytes.words[1], false, scale), scaled_pair(bytes.words[1], true, scale)}};
    }
};

// Weights of 8 bits as the kernels for many rows take them, eight a thread.
KERNEL(widen, 256, (const unsigned char *w, const f16 *scales, f16 *to, unsigned eights)) {
    let_next_begin();
    wait_for_previous();
    unsigned at = blockIdx.x * 256 + threadIdx.x;
    if (at >= eights) return;
    Quantized from = {reinterpret_cast<const Bytes8 *>(w)[at], scales[at / (CHUNK / 8)]};
    reinterpret_cast<Bytes16 *>(to)[at] = from.values();
}

// 16 rows by 8 outputs a block, a segment a warp. For steps of few rows, which only read weights: those of a warp's
// first segment are under way before anything else is done. With NORM, up to 8 rows are normed by the block itself.
template <typename T, typename W, unsigned WARPS, bool NORM> DEVICE void product_few(const Product &p) {
    SHARED_MEMORY(memory);
    float *sums = reinterpret_cast<float *>(memory);
    unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    unsigned row = blockIdx.y * 16 + lane / 4, column = blockIdx.x * 8;
    unsigned chunks = p.inputs / CHUNK, segments = (chunks + SEGMENT - 1) / SEGMENT;
    const Bytes16 zeros = {{0, 0, 0, 0}};
    W b[SEGMENT];
    auto load_weights = [&](unsigned segment) {
#pragma unroll
        for (unsigned i = 0; i < SEGMENT; i++) {
            unsigned chunk = segment * SEGMENT + i;
            b[i] = chunk < chunks ? W::load(p, column + lane / 4, chunk, lane % 4 * 8) : W{};
        }
    };
    let_next_begin();
    load_weights(warp);
    wait_for_previous();

    const T *x = static_cast<const T *>(p.x);
    unsigned stride = p.x_stride;
    if (NORM) {
        T *normed = reinterpret_cast<T *>(memory + segments * (128 * sizeof(float)));
        // Neighbouring rows lie in different banks.
        stride = p.inputs + 32;
        for (unsigned r = warp; r < p.rows; r += WARPS) {
            const float *from = static_cast<const float *>(p.x) + size_t(r) * p.x_stride;
            normed_row<T>(from, p.norm, norm_scale(from, p.width, p.eps), normed + r * stride, p.width, p.inputs);
        }
        sync_block();
        x = normed;
    }
    const T *x_low = x + size_t(row) * stride + lane % 4 * 8;
    const T *x_high = x_low + size_t(8) * stride;
    bool low = row < p.rows, high = !NORM && row + 8 < p.rows;
    for (unsigned segment = warp; segment < segments; segment += WARPS) {
        if (segment != warp) load_weights(segment);
        Bytes16 a0[SEGMENT], a1[SEGMENT];
#pragma unroll
        for (unsigned i = 0; i < SEGMENT; i++) {
            unsigned chunk = segment * SEGMENT + i;
            a0[i] = low && chunk < chunks ? load16(x_low + chunk * CHUNK) : zeros;
            a1[i] = high && chunk < chunks ? load16(x_high + chunk * CHUNK) : zeros;
        }
        float c[4] = {0, 0, 0, 0};
#pragma unroll
        for (unsigned i = 0; i < SEGMENT; i++) {
            if (segment * SEGMENT + i >= chunks) break;
            Bytes16 weights = b[i].values();
#pragma unroll
            for (int half = 0; half < 2; half++) {
                uint32_t a[4] = {a0[i].words[half * 2], a1[i].words[half * 2], a0[i].words[half * 2 + 1],
                                 a1[i].words[half * 2 + 1]};
                uint32_t b2[2] = {weights.words[half * 2], weights.words[half * 2 + 1]};
                matrix_multiply<T>(c, a, b2);
            }
        }
#pragma unroll
        for (int i = 0; i < 4; i++) sums[(segment * 4 + i) * 32 + lane] = c[i];
    }
    sync_block();
    // Two outputs a thread: 64 threads have work.
    if (threadIdx.x < 64) {
        float v[2];
        unsigned half = threadIdx.x / 32;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            v[i] = 0;
            for (unsigned segment = 0; segment < segments;) {
                float total = 0;
#pragma unroll
                for (unsigned k = 0; k < GROUP; k++, segment++) {
                    if (segment < segments) total += sums[(segment * 4 + half * 2 + i) * 32 + lane];
                }
                v[i] += total;
            }
        }
        finish_pair<T>(p, row + half * 8, column + lane % 4 * 2, v[0], v[1]);
    }
}

// 64 rows by 64 outputs a block, 32 by 32 a warp, which sums the segments one after the other, those of a tile that
// is shared by blocks along z.
constexpr unsigned TILE = 64;
constexpr int STAGES = 3;
// Chunks that are fetched at once; a segment is a whole number of them.
constexpr unsigned STAGE = 2;
static_assert(SEGMENT % STAGE == 0, "a stage has inputs of one segment");

template <typename T> DEVICE void product_many(const Product &p) {
    SHARED_MEMORY(memory);
    T *tiles = reinterpret_cast<T *>(memory);
    unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    unsigned first_row = blockIdx.y * TILE, first_column = blockIdx.x * TILE;
    const T *x = static_cast<const T *>(p.x), *w = static_cast<const T *>(p.w);
    unsigned chunks = p.inputs / CHUNK, first = 0, end = chunks;
    if (gridDim.z > 1) {
        first = blockIdx.z * p.block_segments * SEGMENT;
        end = first + p.block_segments * SEGMENT < chunks ? first + p.block_segments * SEGMENT : chunks;
    }
    unsigned stages = (end - first + STAGE - 1) / STAGE;
    let_next_begin();
    wait_for_previous();

    // A stage is 64 rows of 128 bytes of either; 128 threads copy 16 bytes four times for each. Of every other row
    // the halves change places, so that neighbouring rows lie in different banks.
    auto fetch = [&](unsigned stage) {
        T *to = tiles + stage % STAGES * (2 * TILE * STAGE * CHUNK);
        unsigned chunk = first + stage * STAGE;
#pragma unroll
        for (int i = 0; i < 8; i++) {
            unsigned piece = threadIdx.x + i % 4 * 128, line = piece / 8, part = piece % 8;
            bool there = chunk + part / 4 < end;
            unsigned at = line * STAGE * CHUNK + (part ^ (line % 2 * 4)) * 8, from = chunk * CHUNK + part * 8;
            if (i < 4) {
                unsigned row = first_row + line;
                copy_async(to + at, x + size_t(row) * p.x_stride + from, there && row < p.rows);
            } else {
                copy_async(to + TILE * STAGE * CHUNK + at, w + size_t(first_column + line) * p.inputs + from, there);
            }
        }
    };

    float all[2][4][4] = {}, total[2][4][4] = {}, c[2][4][4] = {};
#pragma unroll
    for (int stage = 0; stage < STAGES - 1; stage++) {
        if (unsigned(stage) < stages) fetch(stage);
        copies_end_group();
    }
    unsigned row_in_tile = warp / 2 * 32 + lane / 4, column_in_tile = warp % 2 * 32 + lane / 4;
    for (unsigned stage = 0; stage < stages; stage++) {
        copies_wait<STAGES - 2>();
        // Also: all have read what is fetched over.
        sync_block();
        if (stage + STAGES - 1 < stages) fetch(stage + STAGES - 1);
        copies_end_group();
        const T *tile = tiles + stage % STAGES * (2 * TILE * STAGE * CHUNK);
#pragma unroll
        for (unsigned chunk = 0; chunk < STAGE; chunk++) {
            // Lines of a lane are all even or all odd.
            unsigned part = (chunk ^ (lane / 4 % 2)) * CHUNK + lane % 4 * 8;
            auto line = [&](unsigned number) { return load16(tile + number * STAGE * CHUNK + part); };
            Bytes16 a[2][2], b[4];
#pragma unroll
            for (int i = 0; i < 2; i++) {
                a[i][0] = line(row_in_tile + i * 16);
                a[i][1] = line(row_in_tile + i * 16 + 8);
            }
#pragma unroll
            for (int j = 0; j < 4; j++) b[j] = line(TILE + column_in_tile + j * 8);
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
        bool ends = stage + 1 == stages;
        if (ends || (stage + 1) % (SEGMENT / STAGE) == 0) {
#pragma unroll
            for (int i = 0; i < 32; i++) {
                (&total[0][0][0])[i] += (&c[0][0][0])[i];
                (&c[0][0][0])[i] = 0;
            }
        }
        if (ends || (stage + 1) % (SEGMENT / STAGE * GROUP) == 0) {
#pragma unroll
            for (int i = 0; i < 32; i++) {
                (&all[0][0][0])[i] += (&total[0][0][0])[i];
                (&total[0][0][0])[i] = 0;
            }
        }
    }
    if (gridDim.z > 1) {
        unsigned tile = blockIdx.y * gridDim.x + blockIdx.x;
        float *parts = p.partials + size_t(tile) * gridDim.z * (TILE * TILE) + threadIdx.x;
#pragma unroll
        for (int i = 0; i < 32; i++) parts[(blockIdx.z * 32 + i) * 128] = (&all[0][0][0])[i];
        // Once all have written them, nobody needs the tiles.
        if (!last_to_arrive(p.arrived + tile, gridDim.z, reinterpret_cast<unsigned *>(memory))) return;
#pragma unroll
        for (int i = 0; i < 32; i++) (&all[0][0][0])[i] = 0;
        for (unsigned z = 0; z < gridDim.z;) {
            for (unsigned k = 0; k < GROUP && z < gridDim.z; k += p.block_segments, z++) {
#pragma unroll
                for (int i = 0; i < 32; i++) (&total[0][0][0])[i] += load_written(parts + (z * 32 + i) * 128);
            }
#pragma unroll
            for (int i = 0; i < 32; i++) {
                (&all[0][0][0])[i] += (&total[0][0][0])[i];
                (&total[0][0][0])[i] = 0;
            }
        }
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            unsigned row = first_row + row_in_tile + i * 16;
            unsigned column = first_column + warp % 2 * 32 + j * 8 + lane % 4 * 2;
            finish_pair<T>(p, row, column, all[i][j][0], all[i][j][1]);
            finish_pair<T>(p, row + 8, column, all[i][j][2], all[i][j][3]);
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
    unsigned chunks = p.inputs / CHUNK, segments = (chunks + SEGMENT - 1) / SEGMENT;
    let_next_begin();
    wait_for_previous();
    float all[ROWS][4] = {}, total[ROWS][4] = {};
    for (unsigned segment = 0; segment < segments; segment++) {
        float sums[ROWS][4] = {};
        unsigned end = (segment + 1) * SEGMENT < chunks ? (segment + 1) * SEGMENT * CHUNK : p.inputs;
        for (unsigned at = segment * SEGMENT * CHUNK; at < end; at += DEPTH) {
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
            for (int j = 0; j < 4; j++) {
                total[i][j] += sums[i][j];
                if ((segment + 1) % GROUP == 0 || segment + 1 == segments) {
                    all[i][j] += total[i][j];
                    total[i][j] = 0;
                }
            }
        }
    }
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        unsigned to = first_row + row + i * 16;
        finish_pair<float>(p, to, first_column + column, all[i][0], all[i][1]);
        finish_pair<float>(p, to, first_column + column + 2, all[i][2], all[i][3]);
    }
}

#define FEW_KERNELS(name, T, W)                                                        \
    KERNEL(product_few_##name, 128, (Product p)) { product_few<T, W, 4, false>(p); }   \
    KERNEL(product_normed_##name, 128, (Product p)) { product_few<T, W, 4, true>(p); } \
    KERNEL(product_deep_##name, 512, (Product p)) { product_few<T, W, 16, false>(p); }

FEW_KERNELS(f16, f16, Plain<f16>)
FEW_KERNELS(bf16, bf16, Plain<bf16>)
FEW_KERNELS(q8, f16, Quantized)
KERNEL(product_many_f16, 128, (Product p)) { product_many<f16>(p); }
KERNEL(product_many_bf16, 128, (Product p)) { product_many<bf16>(p); }
KERNEL(product_few_f32, 256, (Product p)) { product_single<1>(p); }
KERNEL(product_many_f32, 256, (Product p)) { product_single<4>(p); }
