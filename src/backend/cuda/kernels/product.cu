// y = x·Wᵀ for weights W (outputs, inputs), and what follows it.
//
// An output's sum has one order, whatever the number of rows: segments of 192 inputs are each summed from their
// start, four segments in order are a group, and the groups are added in order. So a row's bits do not depend on
// the rows beside it nor on which of the kernels below takes them.
#include "rows.cuh"

// What the end of a pair of outputs needs from memory, loaded before anything is stored there: what y holds, or how
// far the pair turns; and where a key or value goes.
struct Needed {
    float values[2];
    void *to;
};

template <typename T> DEVICE Needed needed(const ProductArgument &p, unsigned row, unsigned column) {
    Needed of = {};
    if (row >= p.rows || column >= p.outputs) return of;
    if (p.epilogue == ADD || p.epilogue == ADD_SCALED) {
        const float *y = static_cast<const float *>(p.y) + size_t(row) * p.y_stride + column;
        of.values[0] = y[0];
        if (column + 1 < p.outputs) of.values[1] = y[1];
    }
    if (p.epilogue == ROTATE_STORE) {
        const CacheArgument &cache = p.cache;
        unsigned hidden = cache.heads * cache.head_size, part = column / hidden, within = column % hidden;
        unsigned head = within / cache.head_size, at = within % cache.head_size;
        unsigned slot = p.places[row].slot, position = p.places[row].position;
        const float *rotation = p.rotations + size_t(position) * cache.head_size + at / 2;
        if (part < 2) {
            of.values[0] = rotation[0];
            of.values[1] = rotation[cache.head_size / 2];
        }
        if (part == 0) {
            of.to = static_cast<float *>(p.y) + size_t(row) * p.y_stride + within;
        } else {
            uint64_t page = page_of(cache, slot, position / PAGE);
            size_t line = head_of_page(cache, page, head) + position % PAGE * cache.position_bytes;
            line += at * (cache.small ? 1 : sizeof(T));
            of.to = in_cache(cache, part == 1 ? cache.keys : cache.values, line);
        }
    }
    return of;
}

// Queries, keys and values of a row's pair of outputs; of lanes whose numbers differ in their last two bits, the pairs of
// a row lie side by side.
template <typename T>
DEVICE void rotate_store(const ProductArgument &p, unsigned row, unsigned column, float first, float second,
                         const Needed &of) {
    unsigned hidden = p.cache.heads * p.cache.head_size, part = column / hidden;
    if (part < 2) {
        float cosine = of.values[0], sine = of.values[1], low = first;
        first = low * cosine - second * sine;
        second = second * cosine + low * sine;
    }
    bool small = sizeof(T) == 2 && p.cache.small;
    float largest = 0;
    if (small) {
        largest = fmaxf(fmaxf(first, -first), fmaxf(second, -second));
        largest = fmaxf(largest, shuffle_xor(largest, 1));
        largest = fmaxf(largest, shuffle_xor(largest, 2));
    }
    if (row >= p.rows || column >= p.outputs) return;
    if (part == 0) {
        float *y = static_cast<float *>(of.to);
        y[0] = first;
        y[1] = second;
        return;
    }
    if (small) {
        unsigned char *to = static_cast<unsigned char *>(of.to);
        unsigned scale = scale_for(largest), at = column % hidden % p.cache.head_size;
        float by = 1.0f / scale_of(scale);
        *reinterpret_cast<uint16_t *>(to) = number_for(first, by) | number_for(second, by) << 8;
        if (at % 8 == 0) to[to_scale(p.cache.head_size, at)] = scale;
        return;
    }
    T *to = static_cast<T *>(of.to);
    to[0] = from_f32<T>(first);
    to[1] = from_f32<T>(second);
}

// A pair of neighbouring outputs of a row, `column` even.
template <typename T>
DEVICE void finish_pair(const ProductArgument &p, unsigned row, unsigned column, float first, float second, const Needed &of) {
    if (p.epilogue == ROTATE_STORE) {
        rotate_store<T>(p, row, column, first, second, of);
        return;
    }
    if (row >= p.rows || column >= p.outputs) return;
    bool both = column + 1 < p.outputs;
    if (p.epilogue == SILU_GATE) {
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
        if (p.epilogue == GELU) {
            value = 0.5f * value * (1.0f + erff(value * 0.70710678118654752f));
            static_cast<T *>(p.y)[at] = from_f32<T>(value);
            continue;
        }
        if (p.scale != nullptr) value = multiply(value, p.scale[column + i]);
        static_cast<float *>(p.y)[at] = p.epilogue == STORE ? value : of.values[i] + value;
    }
}

// Where a lane's share of 32 inputs lies in a chunk: 8 neighbours, of which two products of 16 take 4 each.
// Which of a product's inputs are which does not matter as long as x and W agree.

// Eight neighbouring weights of one of W's rows, as they lie there and as they are multiplied.
template <typename T> struct Plain {
    Bytes16 bytes;

    static DEVICE Plain load(const ProductArgument &p, unsigned row, unsigned chunk, unsigned part) {
        return Plain{load16(static_cast<const T *>(p.w) + size_t(row) * p.inputs + chunk * CHUNK + part)};
    }
    DEVICE Bytes16 values() const { return bytes; }
};

// Two of four whole numbers of 8 bits, the lower or the upper ones, by their scale. Rounded once, to f16: a product of
// 8 bits by 8 is exact in f32.
DEVICE uint32_t scaled_pair(uint32_t bytes, bool upper, float scale) {
    // The bits of 32768 + 128 + a number, from which both are taken again; they have 9 bits, so that is exact too.
    uint32_t shifted = bytes ^ 0x80808080u;
    float low = float_of_bits(permute_bytes(shifted, 0x47000000u, upper ? 0x7424 : 0x7404));
    float high = float_of_bits(permute_bytes(shifted, 0x47000000u, upper ? 0x7434 : 0x7414));
    float taken = multiply(-(32768.0f + 128.0f), scale);
    return pair_of_halves(fmaf(low, scale, taken), fmaf(high, scale, taken));
}

struct Quantized {
    Bytes8 bytes;
    bf16 scale;

    static DEVICE Quantized load(const ProductArgument &p, unsigned row, unsigned chunk, unsigned part) {
        const unsigned char *w = static_cast<const unsigned char *>(p.w) + size_t(row) * p.inputs + chunk * CHUNK + part;
        return Quantized{*reinterpret_cast<const Bytes8 *>(w), p.scales[size_t(row) * (p.inputs / CHUNK) + chunk]};
    }
    DEVICE Bytes16 values() const {
        float by = to_f32(scale);
        return Bytes16{{scaled_pair(bytes.words[0], false, by), scaled_pair(bytes.words[0], true, by),
                        scaled_pair(bytes.words[1], false, by), scaled_pair(bytes.words[1], true, by)}};
    }
};

// Weights of 8 bits as the kernels for many rows take them, eight a thread.
KERNEL(widen, (const unsigned char *w, const bf16 *scales, f16 *to, unsigned eights)) {
    let_next_begin();
    wait_for_previous();
    unsigned at = blockIdx.x * 256 + threadIdx.x;
    if (at >= eights) return;
    Quantized from = {reinterpret_cast<const Bytes8 *>(w)[at], scales[at / (CHUNK / 8)]};
    reinterpret_cast<Bytes16 *>(to)[at] = from.values();
}

// Where normed rows lie in a block's memory: past the sums, and past the norm's weights, which are gone before those.
DEVICE unsigned normed_at(unsigned segments, unsigned width) {
    unsigned sums = segments * (128 * sizeof(float)), weights = (width * sizeof(float) + 15) / 16 * 16;
    return sums > weights ? sums : weights;
}

// 16 rows by 8 outputs a block, a segment a warp. For steps of few rows, which only read weights: those of a warp's
// first segment are under way before anything else is done. With NORM, up to 8 rows are normed by the block itself.
template <typename T, typename W, unsigned WARPS, bool NORM> DEVICE void product_few(const ProductArgument &p) {
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
    if (NORM) {
        // The norm's weights lie where the sums come later.
        for (unsigned i = threadIdx.x * 4; i < p.width; i += WARPS * 32 * 4) copy_async(sums + i, p.norm + i, true);
        copies_end_group();
    }
    wait_for_previous();
    // Two outputs a thread of the last two warps, which have nothing to norm where rows are fewest.
    bool ends = warp >= WARPS - 2;
    unsigned last_half = warp - (WARPS - 2), last_row = row + last_half * 8, last_column = column + lane % 4 * 2;
    Needed at_end = {};
    if (ends) at_end = needed<T>(p, last_row, last_column);

    const T *x = static_cast<const T *>(p.x);
    unsigned stride = p.x_stride;
    if (NORM) {
        unsigned taken = normed_at(segments, p.width);
        T *normed = reinterpret_cast<T *>(memory + taken);
        // Neighbouring rows lie in different banks.
        stride = p.inputs + 32;
        auto row_of = [&](unsigned r) { return static_cast<const float *>(p.x) + size_t(r) * p.x_stride; };
        // Rows of a warp: it takes every so manieth of eight.
        constexpr unsigned OWN = 8 / WARPS > 0 ? 8 / WARPS : 1;
        float scales[OWN];
#pragma unroll
        for (unsigned i = 0; i < OWN; i++) {
            unsigned r = warp + i * WARPS;
            scales[i] = r < p.rows ? norm_scale(row_of(r), p.width, p.eps) : 0.0f;
        }
        copies_wait<0>();
        sync_block();
#pragma unroll
        for (unsigned i = 0; i < OWN; i++) {
            unsigned r = warp + i * WARPS;
            if (r < p.rows) normed_row<T>(row_of(r), sums, scales[i], normed + r * stride, p.width, p.inputs);
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
    if (ends) {
        float v[2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            v[i] = 0;
            for (unsigned segment = 0; segment < segments;) {
                float total = 0;
#pragma unroll
                for (unsigned k = 0; k < GROUP; k++, segment++) {
                    if (segment < segments) total += sums[(segment * 4 + last_half * 2 + i) * 32 + lane];
                }
                v[i] += total;
            }
        }
        finish_pair<T>(p, last_row, last_column, v[0], v[1], at_end);
    }
}

// 64 rows by 64 outputs a block, 32 by 32 a warp, which sums the segments one after the other, those of a tile that
// is shared by blocks along z.
constexpr int STAGES = 3;
// Chunks that are fetched at once; a segment is a whole number of them.
constexpr unsigned STAGE = 2;
static_assert(SEGMENT % STAGE == 0, "a stage has inputs of one segment");

template <typename T> DEVICE void product_many(const ProductArgument &p) {
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

    // A stage is 64 rows of 128 bytes of either; 128 threads copy 16 bytes four times for each. Of every other row
    // the halves change places, so that neighbouring rows lie in different banks.
    auto fetch = [&](unsigned stage, bool weights) {
        T *to = tiles + stage % STAGES * (2 * TILE * STAGE * CHUNK);
        unsigned chunk = first + stage * STAGE;
        if (stage >= stages) return;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            unsigned piece = threadIdx.x + i * 128, line = piece / 8, part = piece % 8;
            bool there = chunk + part / 4 < end;
            unsigned at = line * STAGE * CHUNK + (part ^ (line % 2 * 4)) * 8, from = chunk * CHUNK + part * 8;
            if (weights) {
                copy_async(to + TILE * STAGE * CHUNK + at, w + size_t(first_column + line) * p.inputs + from, there);
            } else {
                unsigned row = first_row + line;
                copy_async(to + at, x + size_t(row) * p.x_stride + from, there && row < p.rows);
            }
        }
    };
    auto fetch_weights = [&] {
#pragma unroll
        for (unsigned stage = 0; stage < STAGES - 1; stage++) fetch(stage, true);
    };
    let_next_begin();
    if (!p.widened) fetch_weights();
    wait_for_previous();
    if (p.widened) fetch_weights();

    float all[2][4][4] = {}, total[2][4][4] = {}, c[2][4][4] = {};
#pragma unroll
    for (int stage = 0; stage < STAGES - 1; stage++) {
        fetch(stage, false);
        copies_end_group();
    }
    unsigned row_in_tile = warp / 2 * 32 + lane / 4, column_in_tile = warp % 2 * 32 + lane / 4;
    unsigned last_column = first_column + warp % 2 * 32 + lane % 4 * 2;
    for (unsigned stage = 0; stage < stages; stage++) {
        copies_wait<STAGES - 2>();
        // Also: all have read what is fetched over.
        sync_block();
        fetch(stage + STAGES - 1, true);
        fetch(stage + STAGES - 1, false);
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
        // (blocks, eighths, threads, 4 values): what a warp stores or loads at once lies together.
        float *parts = p.partials + size_t(tile) * gridDim.z * (TILE * TILE) + threadIdx.x * 4;
        auto eighth = [&](unsigned z, unsigned i) { return parts + (z * 8 + i) * (128 * 4); };
#pragma unroll
        for (unsigned i = 0; i < 8; i++) {
            const float *from = &all[0][0][0] + i * 4;
            *reinterpret_cast<Four *>(eighth(blockIdx.z, i)) = Four{{from[0], from[1], from[2], from[3]}};
        }
        // Once all have written them, nobody needs the tiles.
        if (!last_to_arrive(p.arrived + tile, gridDim.z, reinterpret_cast<unsigned *>(memory))) return;
#pragma unroll
        for (int i = 0; i < 32; i++) (&all[0][0][0])[i] = 0;
        for (unsigned first = 0; first < gridDim.z; first += 2) {
            // Two blocks' sums are under way at once.
            Four sums[2][8];
#pragma unroll
            for (unsigned i = 0; i < 16; i++) {
                if (first + i / 8 < gridDim.z) load_written(eighth(first + i / 8, i % 8), sums[i / 8][i % 8].values);
            }
#pragma unroll
            for (unsigned k = 0; k < 2; k++) {
                unsigned after = first + k + 1;
                if (after > gridDim.z) break;
#pragma unroll
                for (int i = 0; i < 32; i++) (&total[0][0][0])[i] += sums[k][i / 4].values[i % 4];
                if (after * p.block_segments % GROUP != 0 && after != gridDim.z) continue;
#pragma unroll
                for (int i = 0; i < 32; i++) {
                    (&all[0][0][0])[i] += (&total[0][0][0])[i];
                    (&total[0][0][0])[i] = 0;
                }
            }
        }
    }
    Needed at_end[4][4];
#pragma unroll
    for (int i = 0; i < 16; i++) {
        at_end[i / 4][i % 4] = needed<T>(p, first_row + row_in_tile + i / 4 * 8, last_column + i % 4 * 8);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) {
        const float *sums = all[i / 8][i % 4] + i / 4 % 2 * 2;
        unsigned row = first_row + row_in_tile + i / 4 * 8;
        finish_pair<T>(p, row, last_column + i % 4 * 8, sums[0], sums[1], at_end[i / 4][i % 4]);
    }
}

// In f32: 16·ROWS rows by 64 outputs a block of 256 threads, ROWS rows by 4 outputs a thread.
constexpr unsigned DEPTH = 16;

template <int ROWS> DEVICE void product_single(const ProductArgument &p) {
    SHARED_MEMORY(memory);
    constexpr unsigned HEIGHT = 16 * ROWS, WIDTH = 64 + 4;
    // Inputs first, so that a thread's four outputs lie together.
    float *xs = reinterpret_cast<float *>(memory), *ws = xs + DEPTH * (HEIGHT + 4);
    unsigned thread = threadIdx.x, row = thread / 16, column = thread % 16 * 4;
    unsigned first_row = blockIdx.y * HEIGHT, first_column = blockIdx.x * 64;
    const float *x = static_cast<const float *>(p.x), *w = static_cast<const float *>(p.w);
    unsigned chunks = p.inputs / CHUNK, segments = (chunks + SEGMENT - 1) / SEGMENT;
    // 4 inputs of a line a thread.
    unsigned line = thread / 4, part = thread % 4 * 4;
    Four wv = {}, xv = {};
    auto load_w = [&](unsigned at) {
        wv = *reinterpret_cast<const Four *>(w + size_t(first_column + line) * p.inputs + at + part);
    };
    auto load_x = [&](unsigned at) {
        if (line >= HEIGHT || first_row + line >= p.rows) return;
        xv = *reinterpret_cast<const Four *>(x + size_t(first_row + line) * p.x_stride + at + part);
    };
    let_next_begin();
    load_w(0);
    wait_for_previous();
    load_x(0);
    float all[ROWS][4] = {}, total[ROWS][4] = {};
    for (unsigned segment = 0; segment < segments; segment++) {
        float sums[ROWS][4] = {};
        unsigned end = (segment + 1) * SEGMENT < chunks ? (segment + 1) * SEGMENT * CHUNK : p.inputs;
        for (unsigned at = segment * SEGMENT * CHUNK; at < end; at += DEPTH) {
            sync_block();
#pragma unroll
            for (int i = 0; i < 4; i++) {
                ws[(part + i) * WIDTH + line] = wv.values[i];
                if (line < HEIGHT) xs[(part + i) * (HEIGHT + 4) + line] = xv.values[i];
            }
            // Under way while these are multiplied.
            if (at + DEPTH < p.inputs) {
                load_w(at + DEPTH);
                load_x(at + DEPTH);
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
    Needed at_end[ROWS][2];
#pragma unroll
    for (int i = 0; i < ROWS * 2; i++) {
        at_end[i / 2][i % 2] = needed<float>(p, first_row + row + i / 2 * 16, first_column + column + i % 2 * 2);
    }
#pragma unroll
    for (int i = 0; i < ROWS * 2; i++) {
        const float *sums = all[i / 2] + i % 2 * 2;
        unsigned to = first_row + row + i / 2 * 16;
        finish_pair<float>(p, to, first_column + column + i % 2 * 2, sums[0], sums[1], at_end[i / 2][i % 2]);
    }
}

#define FEW_KERNELS(name, T, W)                                                                        \
    KERNEL_OF_BLOCKS(product_few_##name, 4, (ProductArgument p)) { product_few<T, W, 4, false>(p); }   \
    KERNEL_OF_BLOCKS(product_normed_##name, 6, (ProductArgument p)) { product_few<T, W, 4, true>(p); } \
    KERNEL(product_deep_##name, (ProductArgument p)) { product_few<T, W, 16, false>(p); }

FEW_KERNELS(f16, f16, Plain<f16>)
FEW_KERNELS(bf16, bf16, Plain<bf16>)
FEW_KERNELS(q8, f16, Quantized)
KERNEL(product_many_f16, (ProductArgument p)) { product_many<f16>(p); }
KERNEL(product_many_bf16, (ProductArgument p)) { product_many<bf16>(p); }
KERNEL(product_few_f32, (ProductArgument p)) { product_single<1>(p); }
KERNEL(product_many_f32, (ProductArgument p)) { product_single<4>(p); }
