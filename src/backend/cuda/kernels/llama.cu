// What is between the products of the Llama: embeddings, norms, attention, heads.
#include "rows.cuh"

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
KERNEL(embed, (const Row *rows, const float *text, const float *codes, const float *speakers, float *x,
                    unsigned hidden, unsigned codebooks, unsigned code_tokens)) {
    let_next_begin();
    wait_for_previous();
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

// y = x / rms(x) · weight, a warp a row; what is beyond the width up to the stride becomes zero.
template <typename T>
DEVICE void rms_norm(const float *x, const float *weight, T *y, unsigned rows, unsigned width, unsigned stride,
                     float eps) {
    let_next_begin();
    prefetch_norm(weight, width, 128);
    wait_for_previous();
    size_t row = blockIdx.x * 4 + threadIdx.x / 32;
    if (row >= rows) return;
    const float *from = x + row * width;
    normed_row<T>(from, weight, norm_scale(from, width, eps), y + row * stride, width, stride);
}

constexpr unsigned ATTEND_THREADS = 128, ATTEND_WARPS = ATTEND_THREADS / 32;
// Positions whose keys and values a lane has under way at once.
constexpr unsigned AT_ONCE = 8;

// Eight keys or values as they are loaded, by their scale.
template <typename K> struct Eight {
    // Bytes of a unit, and units of a head's position.
    static constexpr unsigned SIZE = sizeof(K);
    static DEVICE unsigned of_position(const CacheArgument &cache) { return cache.head_size; }

    Bytes16 parts[SIZE / 2];

    static DEVICE Eight load(const unsigned char *from, unsigned, bool there) {
        Eight eight = {};
        if (there) {
#pragma unroll
            for (unsigned i = 0; i < SIZE / 2; i++) eight.parts[i] = load16(from + i * 16);
        }
        return eight;
    }
    DEVICE void values(float (&to)[8]) const { load8(reinterpret_cast<const K *>(parts), to); }
    DEVICE float scaled(float x) const { return x; }
};

// Of 8 bits.
struct Small {};
template <> struct Eight<Small> {
    static constexpr unsigned SIZE = 1;
    static DEVICE unsigned of_position(const CacheArgument &cache) { return cache.position_bytes; }

    Bytes8 numbers;
    unsigned char scale;

    static DEVICE Eight load(const unsigned char *from, unsigned to_scale, bool there) {
        return there ? Eight{*reinterpret_cast<const Bytes8 *>(from), from[to_scale]} : Eight{};
    }
    DEVICE void values(float (&to)[8]) const {
        float four[4];
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (i % 4 == 0) numbers_of(numbers.words[i / 4], four);
            to[i] = four[i % 4];
        }
    }
    DEVICE float scaled(float x) const { return multiply(x, scale_of(scale)); }
};

// e^(x - max), where nothing was seen nothing.
DEVICE float weight_of(float x, float max) { return expf(x - (max == -INFINITY ? 0.0f : max)); }

// Grid (blocks, heads, rows): the blocks of a row's head take every so manieth page of its positions; one of them joins
// what was found of each page, in the order of the pages, so a row's bits depend on its own length alone. It is the last
// one, which reads from memory what the others found; or, where they are a CLUSTER, the first, to which they bring it. In
// a block, groups of head_size / 8 lanes take every so manieth position of a page, 8 values a lane. Keys and values are of
// type K.
template <typename T, typename K, bool CLUSTER> DEVICE void attend(const Attention &p) {
    SHARED_MEMORY(memory);
    const CacheArgument &cache = p.cache;
    // What is found of a page, or by a warp: the largest score, the sum of weights, the weighted values.
    unsigned length_of_one = cache.head_size + 2;
    float *of_pages = reinterpret_cast<float *>(memory);
    float *of_warps = of_pages + cache.slot_pages * length_of_one;
    let_next_begin();
    unsigned slot = p.rows[blockIdx.z].slot;
    uint64_t page = page_of(cache, slot, blockIdx.x);
    // Begun, so that others may store here.
    if (CLUSTER) cluster_arrive();
    wait_for_previous();
    // Its slot was read before, and with it what stood beside it then.
    unsigned length = load_written(&p.rows[blockIdx.z].position) + 1, spans = (length + PAGE - 1) / PAGE;
    if (blockIdx.x >= spans) return;
    unsigned lanes = cache.head_size / 8, groups = ATTEND_THREADS / lanes;
    unsigned group = threadIdx.x / lanes, part = threadIdx.x % lanes * 8, warp = threadIdx.x / 32;
    unsigned hidden = cache.heads * cache.head_size;
    // Not kept, as registers are what limits how many blocks there are at a time.
    auto y = [&] { return static_cast<T *>(p.y) + size_t(blockIdx.z) * p.stride + blockIdx.y * cache.head_size; };
    auto partials = [&] {
        return p.partials + (size_t(blockIdx.z) * cache.heads + blockIdx.y) * cache.slot_pages * length_of_one;
    };
    auto join = [&](const float *found, unsigned parts, unsigned column, float &all, float &weights) {
        all = -INFINITY;
        for (unsigned i = 0; i < parts; i++) all = fmaxf(all, found[i * length_of_one]);
        float value = 0;
        weights = 0;
        for (unsigned i = 0; i < parts; i++) {
            float scale = weight_of(found[i * length_of_one], all);
            weights += found[i * length_of_one + 1] * scale;
            value += found[i * length_of_one + 2 + column] * scale;
        }
        return value;
    };

    unsigned of_position = Eight<K>::of_position(cache);
    size_t base = size_t(blockIdx.y) * (PAGE * of_position) + part;
    unsigned scale = to_scale(cache.head_size, part);
    float query[8];
    load8(p.queries + size_t(blockIdx.z) * hidden + blockIdx.y * cache.head_size + part, query);
    for (unsigned span = blockIdx.x; span < spans;) {
        unsigned here = length - span * PAGE < PAGE ? length - span * PAGE : PAGE, next = span + gridDim.x;
        uint64_t next_page = next < spans ? page_of(cache, slot, next) : 0;
        float max = -INFINITY, sum = 0, weighted[8] = {};
        for (unsigned first = group; first < PAGE; first += groups * AT_ONCE) {
            // All lanes of a warp go round equally often: they exchange.
            if (first - group >= here) break;
            Eight<K> key[AT_ONCE], value[AT_ONCE];
#pragma unroll
            for (unsigned i = 0; i < AT_ONCE; i++) {
                unsigned position = first + i * groups;
                size_t at = page + (base + size_t(position) * of_position) * Eight<K>::SIZE;
                key[i] = Eight<K>::load(in_cache(cache, cache.keys, at), scale, position < here);
                value[i] = Eight<K>::load(in_cache(cache, cache.values, at), scale, position < here);
            }
            // Never so, but a branch keeps what follows from being mixed with the loads, all of which are to be under
            // way.
            if (p.scale == 0) break;
            float scores[AT_ONCE], best = max;
#pragma unroll
            for (unsigned i = 0; i < AT_ONCE; i++) {
                float of_key[8], score = 0;
                key[i].values(of_key);
#pragma unroll
                for (int j = 0; j < 8; j++) score = fmaf(query[j], of_key[j], score);
                scores[i] = key[i].scaled(score);
            }
            for (unsigned mask = lanes / 2; mask > 0; mask /= 2) {
#pragma unroll
                for (unsigned i = 0; i < AT_ONCE; i++) scores[i] += shuffle_xor(scores[i], mask);
            }
#pragma unroll
            for (unsigned i = 0; i < AT_ONCE; i++) {
                scores[i] = first + i * groups < here ? scores[i] * p.scale : -INFINITY;
                best = fmaxf(best, scores[i]);
            }
            float before = weight_of(max, best);
            max = best;
            sum *= before;
#pragma unroll
            for (int j = 0; j < 8; j++) weighted[j] *= before;
#pragma unroll
            for (unsigned i = 0; i < AT_ONCE; i++) {
                float weight = weight_of(scores[i], max), of_value[8];
                value[i].values(of_value);
                sum += weight;
                weight = value[i].scaled(weight);
#pragma unroll
                for (int j = 0; j < 8; j++) weighted[j] = fmaf(weight, of_value[j], weighted[j]);
            }
        }

        // The groups of a warp, then the warps.
        float best = max;
        for (unsigned mask = lanes; mask < 32; mask *= 2) best = fmaxf(best, shuffle_xor(best, mask));
        float own = weight_of(max, best);
        sum *= own;
#pragma unroll
        for (int j = 0; j < 8; j++) weighted[j] *= own;
        for (unsigned mask = lanes; mask < 32; mask *= 2) {
            sum += shuffle_xor(sum, mask);
#pragma unroll
            for (int j = 0; j < 8; j++) weighted[j] += shuffle_xor(weighted[j], mask);
        }
        // Two places in turn, so that nobody waits for those who still read the other.
        float *found = of_warps + span / gridDim.x % 2 * (ATTEND_WARPS * length_of_one);
        if (threadIdx.x % 32 < lanes) {
            float *to = found + warp * length_of_one;
            if (part == 0) {
                to[0] = best;
                to[1] = sum;
            }
#pragma unroll
            for (int j = 0; j < 8; j++) to[2 + part + j] = weighted[j];
        }
        sync_block();
        if (CLUSTER && spans > 1 && span == blockIdx.x) cluster_wait();
        for (unsigned column = threadIdx.x; column < cache.head_size; column += ATTEND_THREADS) {
            float all, weights, value = join(found, ATTEND_WARPS, column, all, weights);
            // In shared memory where one block takes all pages, or joins what its cluster found.
            float *to = (CLUSTER || gridDim.x == 1 ? of_pages : partials()) + span * length_of_one;
            auto put = [&](unsigned at, float part) {
                if (CLUSTER) {
                    store_in_block(to + at, 0, part);
                } else {
                    to[at] = part;
                }
            };
            if (spans == 1) {
                y()[column] = from_f32<T>(value / weights);
            } else {
                if (column == 0) {
                    put(0, all);
                    put(1, weights);
                }
                put(2 + column, value);
            }
        }
        span = next;
        page = next_page;
    }
    if (spans == 1) return;
    if (CLUSTER) {
        cluster_arrive();
        if (cluster_rank() != 0) return;
        cluster_wait();
    } else if (gridDim.x > 1) {
        unsigned blocks = spans < gridDim.x ? spans : gridDim.x;
        unsigned *flag = reinterpret_cast<unsigned *>(memory);
        if (!last_to_arrive(p.arrived + blockIdx.z * cache.heads + blockIdx.y, blocks, flag)) return;
        sync_block();
        const float *found = partials();
        for (unsigned i = threadIdx.x; i < spans * length_of_one; i += ATTEND_THREADS) of_pages[i] = load_written(found + i);
    }
    sync_block();
    for (unsigned column = threadIdx.x; column < cache.head_size; column += ATTEND_THREADS) {
        float all, weights, value = join(of_pages, spans, column, all, weights);
        y()[column] = from_f32<T>(value / weights);
    }
}

template <typename T, typename K> DEVICE void attend_in_cluster(const Attention &p) {
    if (HAS_CLUSTERS) attend<T, K, true>(p);
}

constexpr unsigned HEAD_THREADS = 256, HEAD_WARPS = HEAD_THREADS / 32;
// Fours of inputs that a lane has under way at once.
constexpr unsigned HEAD_FOURS = 6;

// The last norm and the logits of rows, in f32: each output's sum has one order, whatever the number of rows. Grid
// (…, rows / p.group): the blocks along x share the outputs, two at a time a warp.
KERNEL(heads, (Heads p)) {
    SHARED_MEMORY(memory);
    float *normed = reinterpret_cast<float *>(memory);
    unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32, first_row = blockIdx.y * p.group;
    unsigned count = p.rows - first_row < p.group ? p.rows - first_row : p.group;
    unsigned first_pair = blockIdx.x * HEAD_WARPS + warp, pairs = (p.outputs + 1) / 2;
    Four w[2][HEAD_FOURS];
    auto load_weights = [&](unsigned pair, unsigned from) {
#pragma unroll
        for (unsigned i = 0; i < 2; i++) {
            const float *row = p.w + size_t(pair * 2 + i) * p.width;
#pragma unroll
            for (unsigned j = 0; j < HEAD_FOURS; j++) {
                unsigned at = from + j * 128 + lane * 4;
                bool there = pair * 2 + i < p.outputs && at < p.width;
                w[i][j] = there ? *reinterpret_cast<const Four *>(row + at) : Four{{0, 0, 0, 0}};
            }
        }
    };
    let_next_begin();
    load_weights(first_pair, 0);
    prefetch_norm(p.norm, p.width, HEAD_THREADS);
    wait_for_previous();

    for (unsigned own_row = warp; own_row < count; own_row += HEAD_WARPS) {
        unsigned row = first_row + own_row;
        const float *from = p.x + size_t(p.picked[row]) * p.width;
        float *own = normed + own_row * p.width;
        normed_row<float>(from, p.norm, norm_scale(from, p.width, p.eps), own, p.width, p.width);
        sync_warp();
        if (blockIdx.x == 0) {
            Kept to = p.table == nullptr ? Kept{0, p.capacity} : p.kept[row];
            float *state = to.index < p.capacity ? state_of(p.base, p.table, p.slot_pages, to, p.width) : nullptr;
            for (unsigned i = lane; i < p.width; i += 32) {
                p.hidden[size_t(row) * p.width + i] = own[i];
                if (state != nullptr) state[i] = own[i];
            }
        }
    }
    sync_block();
    for (unsigned pair = first_pair; pair < pairs; pair += gridDim.x * HEAD_WARPS) {
        float sums[HEAD_ROWS][2] = {};
        for (unsigned from = 0; from < p.width; from += HEAD_FOURS * 128) {
            if (pair != first_pair || from != 0) load_weights(pair, from);
#pragma unroll
            for (unsigned j = 0; j < HEAD_FOURS; j++) {
                unsigned at = from + j * 128 + lane * 4;
                if (at >= p.width) break;
#pragma unroll
                for (unsigned r = 0; r < HEAD_ROWS; r++) {
                    if (r >= count) break;
                    Four x = *reinterpret_cast<const Four *>(normed + r * p.width + at);
#pragma unroll
                    for (int k = 0; k < 4; k++) {
                        sums[r][0] = fmaf(x.values[k], w[0][j].values[k], sums[r][0]);
                        sums[r][1] = fmaf(x.values[k], w[1][j].values[k], sums[r][1]);
                    }
                }
            }
        }
#pragma unroll
        for (unsigned r = 0; r < HEAD_ROWS; r++) {
            if (r >= count) break;
#pragma unroll
            for (unsigned i = 0; i < 2; i++) {
                float sum = warp_sum(sums[r][i]);
                if (lane == 0 && pair * 2 + i < p.outputs) {
                    p.logits[size_t(first_row + r) * p.outputs + pair * 2 + i] = sum;
                }
            }
        }
    }
}

#define LLAMA_KERNELS(T)                                                                                            \
    KERNEL(rms_norm_##T,                                                                                            \
           (const float *x, const float *weight, T *y, unsigned rows, unsigned width, unsigned stride, float eps)) { \
        rms_norm<T>(x, weight, y, rows, width, stride, eps);                                                        \
    }                                                                                                               \
    KERNEL_OF_BLOCKS(attend_##T, sizeof(T) == 2 ? 4 : 3, (Attention p)) { attend<T, T, false>(p); }                 \
    KERNEL_OF_BLOCKS(attend_cluster_##T, sizeof(T) == 2 ? 4 : 3, (Attention p)) { attend_in_cluster<T, T>(p); }

LLAMA_KERNELS(f32)
LLAMA_KERNELS(f16)
LLAMA_KERNELS(bf16)
KERNEL_OF_BLOCKS(attend_small, 4, (Attention p)) { attend<f16, Small, false>(p); }
KERNEL_OF_BLOCKS(attend_cluster_small, 4, (Attention p)) { attend_in_cluster<f16, Small>(p); }
