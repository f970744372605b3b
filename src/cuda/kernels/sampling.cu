// From logits to tokens, with the same arithmetic in the same order as the processor's sampler, so that both
// draw the same.
#include "platform.cuh"

namespace sampling {

constexpr unsigned THREADS = 1024, WARP = 32, WARPS = THREADS / WARP;
constexpr unsigned HEADS = 8;
// Steps that the repetition penalty looks back on.
constexpr unsigned WINDOW = 16;
// Candidates that top-p and top-k always leave.
constexpr unsigned MIN_KEPT = 3;
// How often a first draw that ends at once is drawn again when the noise runs on.
constexpr unsigned FIRST_DRAWS = 64;
// Keys that are sorted in shared memory; more are sorted in parts of it.
constexpr unsigned SHARED_KEYS = 4096;
// Comes after all that is drawn from.
constexpr uint64_t PADDING = ~uint64_t(0);
// Says in place of a token that there was no number to draw by.
constexpr unsigned NO_TOKEN = ~0u;
// Words of the Mersenne Twister, and of what is kept of one: the words and which comes next.
constexpr unsigned WORDS = 624, AHEAD = 397, KEPT_WORDS = 640;

// How a slot draws. All of it is written when a sequence begins; the last two change here.
struct State {
    // By head.
    float temperature[HEADS];
    // By how often a token is in the window.
    float penalties[WINDOW + 1];
    float dropped_mass;
    unsigned top_k, penalised, min_tokens, end_token, heads, vocab;
    // Whether noise runs on from step to step, and what it starts from.
    unsigned runs_on, seed;
    // Whether noise starts anew.
    unsigned fresh;
    unsigned generated;
};

struct Shared {
    uint64_t keys[SHARED_KEYS];
    float parts[2][THREADS];
    uint32_t words[2][WORDS];
    double masses[WARPS];
    uint64_t chosen[WARPS];
    unsigned found[WARPS];
    unsigned kept_from[HEADS];
    float sums[HEADS];
    // What was drawn, and what goes in next; what is no token ends the sequence, and its row goes on with
    // another, which nobody looks at.
    unsigned drawn[HEADS], following[HEADS];
};
// What the launch gives, and less than what any card gives unasked.
static_assert(sizeof(Shared) <= 47 * 1024, "shared memory of a block");

// The threads that work on one head, and what they work on. Those of a head too many have nothing to do, but
// come to all barriers.
struct Group {
    unsigned head, thread, threads;
    // Its first warp, and the one after its last.
    unsigned first_warp, end_warp;
    // Logits of the head, none for a head too many.
    unsigned vocab, padded;
    // The keys of the head.
    uint64_t *keys;
};

template <typename To, typename From> DEVICE To bits_as(From from) {
    static_assert(sizeof(To) == sizeof(From), "as many bits");
    union {
        From from;
        To to;
    } pun;
    pun.from = from;
    return pun.to;
}

DEVICE unsigned smaller(unsigned a, unsigned b) { return a < b ? a : b; }

DEVICE unsigned power_of_two_from(unsigned x) {
    unsigned power = 1;
    while (power < x) power *= 2;
    return power;
}

// Keys in the order of their logits, equals in that of their tokens. Zeros are equal whatever their sign, and
// what is not a number comes last.
DEVICE uint64_t key_of(float logit, unsigned token) {
    uint32_t bits = bits_as<uint32_t>(logit);
    if (logit != logit) bits = 0x7fffffff;
    if (logit == 0) bits = 0;
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    return uint64_t(bits) << 32 | token;
}
DEVICE float logit_of(uint64_t key) {
    uint32_t bits = uint32_t(key >> 32);
    return bits_as<float>(bits >> 31 ? bits ^ 0x80000000u : ~bits);
}
DEVICE unsigned token_of(uint64_t key) { return uint32_t(key); }
// The logit of a token that may be masked.
DEVICE float logit_of(uint64_t key, unsigned masked) { return token_of(key) == masked ? -INFINITY : logit_of(key); }

// e^x for x ≤ 0, nearly always rounded as it should be, which expf of a card is not. What is lost in a
// rounding is kept beside it until all is added up.
DEVICE float power_of_e(float x) {
    if (!(x > -104.0f)) return x != x ? x : 0.0f;
    // ln 2 as a sum, of which the first times a whole number is exact.
    constexpr float LN2_HIGH = 0.693145751953125f, LN2_LOW = 1.42860682030941723e-6f;
    float k = rintf(multiply(x, 1.44269504f));
    float near = fmaf(k, -LN2_HIGH, x), off = multiply(k, -LN2_LOW);
    float high = near + off, low = off - (high - near);
    float half = multiply(0.5f, high), square = multiply(half, high), square_low = fmaf(half, high, -square);
    float series = fmaf(high, 1.0f / 40320, 1.0f / 5040);
    series = fmaf(high, series, 1.0f / 720);
    series = fmaf(high, series, 1.0f / 120);
    series = fmaf(high, series, 1.0f / 24);
    series = fmaf(high, series, 1.0f / 6);
    series = multiply(multiply(square, 2 * high), series);
    float one = 1.0f + high, one_low = high - (one - 1.0f);
    float two = one + square, two_low = square - (two - one);
    float y = two + ((one_low + two_low) + ((fmaf(low, high, low) + square_low) + series));
    int power = int(k);
    // Below the normal numbers in two steps, of which only the second rounds.
    if (power < -126) return y * bits_as<float>(uint32_t(power + 64 + 127) << 23) * 5.421010862427522e-20f;
    return y * bits_as<float>(uint32_t(power + 127) << 23);
}

DEVICE float exponential(uint64_t bits) { return float(-log1p(-(double(bits) * 1.1102230246251565e-16))); }

// The generator of a slot.
struct Noise {
    Shared &shared;
    unsigned current, next;

    DEVICE uint32_t twisted(unsigned word, unsigned following) const {
        uint32_t y = (word & 0x80000000u) | (following & 0x7fffffffu);
        return y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0u);
    }

    // Word `i` of the next round, from this round's words alone: where it needs one of the next round, it
    // makes that too.
    DEVICE uint32_t of_next_round(unsigned i) const {
        const uint32_t *now = shared.words[current];
        uint32_t following = i < WORDS - 1 ? now[i + 1] : now[AHEAD] ^ twisted(now[0], now[1]);
        uint32_t word = twisted(now[i], following);
        while (i >= WORDS - AHEAD) {
            i -= WORDS - AHEAD;
            word ^= twisted(now[i], now[i + 1]);
        }
        return word ^ now[i + AHEAD];
    }

    DEVICE uint32_t tempered(unsigned i) const {
        uint32_t y = shared.words[current][i];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        return y ^ (y >> 18);
    }

    DEVICE void start(const unsigned *kept, bool fresh, uint32_t seed) {
        current = 0;
        uint32_t *words = shared.words[0];
        if (!fresh) {
            next = kept[WORDS];
            if (threadIdx.x < WORDS) words[threadIdx.x] = kept[threadIdx.x];
        } else {
            next = WORDS;
            if (threadIdx.x == 0) {
                words[0] = seed;
                for (unsigned i = 1; i < WORDS; i++) words[i] = seed = 1812433253u * (seed ^ seed >> 30) + i;
            }
        }
        sync_block();
    }

    // The bits of so many draws. Two words a draw, so none is split between rounds.
    DEVICE void draw(uint64_t *bits, unsigned count) {
        for (unsigned made = 0; made < count;) {
            if (next == WORDS) {
                if (threadIdx.x < WORDS) shared.words[current ^ 1][threadIdx.x] = of_next_round(threadIdx.x);
                current ^= 1;
                next = 0;
                sync_block();
            }
            unsigned some = smaller((WORDS - next) / 2, count - made);
            if (threadIdx.x < some) {
                unsigned i = next + threadIdx.x * 2;
                uint64_t both = uint64_t(tempered(i)) << 32 | tempered(i + 1);
                bits[made + threadIdx.x] = both & ((uint64_t(1) << 53) - 1);
            }
            made += some;
            next += some * 2;
        }
        sync_block();
    }

    DEVICE void keep(unsigned *kept) const {
        if (threadIdx.x < WORDS) kept[threadIdx.x] = shared.words[current][threadIdx.x];
        if (threadIdx.x == 0) kept[WORDS] = next;
    }
};

// Orders pairs that lie `stride` apart; `base` is where the keys lie among all, of which every other `size`
// ascend.
DEVICE void order_pairs(uint64_t *keys, unsigned count, unsigned base, unsigned size, unsigned stride,
                        const Group &group) {
    for (unsigned pair = group.thread; pair < count / 2; pair += group.threads) {
        unsigned i = pair * 2 - (pair & (stride - 1));
        uint64_t a = keys[i], b = keys[i + stride];
        if ((a > b) == (((base + i) & size) == 0)) {
            keys[i] = b;
            keys[i + stride] = a;
        }
    }
}

// What is left to do for parts of `size`, from a stride on. A warp's pairs of strides up to 32 lie among its
// own 64 keys.
DEVICE void merge(uint64_t *keys, unsigned count, unsigned base, unsigned size, unsigned stride, const Group &group) {
    if (stride > WARP) sync_block();
    for (; stride > 0; stride /= 2) {
        order_pairs(keys, count, base, size, stride, group);
        if (stride > WARP) {
            sync_block();
        } else {
            sync_warp();
        }
    }
}

// Sorts the group's keys, which are `padded`; what does not fit into its share of the shared memory comes
// there part by part.
DEVICE void sort(Shared &shared, unsigned padded, unsigned share, const Group &group) {
    unsigned count = group.padded;
    if (padded <= share) {
        sync_block();
        for (unsigned size = 2; size <= padded; size *= 2) merge(group.keys, count, 0, size, size / 2, group);
        sync_block();
        return;
    }
    uint64_t *part = shared.keys + group.head * share;
    unsigned part_count = smaller(count, share);
    for (unsigned size = share; size <= padded; size *= 2) {
        sync_block();
        for (unsigned stride = size / 2; stride >= share; stride /= 2) {
            order_pairs(group.keys, count, 0, size, stride, group);
            sync_block();
        }
        for (unsigned base = 0; base < padded; base += share) {
            for (unsigned i = group.thread; i < part_count; i += group.threads) part[i] = group.keys[base + i];
            sync_block();
            unsigned first = size == share ? 2 : size;
            for (unsigned inner = first; inner <= size; inner *= 2) {
                merge(part, part_count, base, inner, smaller(inner, share) / 2, group);
            }
            sync_block();
            for (unsigned i = group.thread; i < part_count; i += group.threads) group.keys[base + i] = part[i];
        }
    }
    sync_block();
}

// Logits by temperature and penalty, as keys that are still in the order of their tokens.
DEVICE void weigh(const State &state, const unsigned *window, unsigned generated, const float *logits,
                  const Group &group) {
    if (group.vocab != 0) {
        float temperature = state.temperature[group.head];
        for (unsigned token = group.thread; token < group.padded; token += group.threads) {
            group.keys[token] = token < group.vocab ? key_of(logits[token] / temperature, token) : PADDING;
        }
    }
    sync_block();
    unsigned steps = smaller(generated, WINDOW);
    if (group.vocab == 0 || state.penalised == 0 || group.thread >= steps) return;
    window += group.head;
    unsigned token = window[group.thread * HEADS], count = 0;
    // The first of those that look at the same token sees to it.
    for (unsigned step = 0; step < steps; step++) {
        bool same = window[step * HEADS] == token;
        if (same && step < group.thread) return;
        count += same;
    }
    float logit = logit_of(group.keys[token]), penalty = state.penalties[count];
    group.keys[token] = key_of(logit < 0 ? logit * penalty : logit / penalty, token);
}

// Σ e^(logit − best) over keys from `from` on, one after the other. All groups go round equally often.
DEVICE float sum_in_order(Shared &shared, const Group &group, unsigned from, unsigned rounds, float best,
                          unsigned masked) {
    float sum = 0;
    for (unsigned round = 0; round < rounds; round++) {
        // Two in turn, so that one can be filled while the other is summed.
        float *parts = shared.parts[round % 2] + group.head * group.threads;
        unsigned i = from + round * group.threads + group.thread;
        parts[group.thread] = i < group.vocab ? power_of_e(logit_of(group.keys[i], masked) - best) : 0;
        sync_block();
        if (group.thread < WARP) {
            for (unsigned j = 0; j < group.threads; j += 4) {
                union {
                    Bytes16 bytes;
                    float values[4];
                } four;
                four.bytes = load16(parts + j);
                sum += four.values[0];
                sum += four.values[1];
                sum += four.values[2];
                sum += four.values[3];
            }
        }
    }
    if (group.thread == 0) shared.sums[group.head] = sum;
    sync_block();
    return shared.sums[group.head];
}

// The first key that top-p leaves.
DEVICE unsigned top_p(Shared &shared, const Group &group, float dropped_mass, float best, float sum) {
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    unsigned floor = group.vocab > MIN_KEPT ? group.vocab - MIN_KEPT : 0;
    unsigned part = (floor + group.threads - 1) / group.threads;
    unsigned start = smaller(group.thread * part, floor), end = smaller(start + part, floor);
    auto mass_of = [&](unsigned i) { return double(power_of_e(logit_of(group.keys[i]) - best) / sum); };
    double mass = 0;
    for (unsigned i = start; i < end; i++) mass += mass_of(i);
    double up_to = mass;
#pragma unroll
    for (unsigned by = 1; by < WARP; by *= 2) {
        double below = shuffle_up(up_to, by);
        if (lane >= by) up_to += below;
    }
    double before = shuffle_up(up_to, 1);
    if (lane == 0) before = 0;
    if (lane == WARP - 1) shared.masses[warp] = up_to;
    sync_block();
    double of_warps = 0;
    for (unsigned w = group.first_warp; w < warp; w++) of_warps += shared.masses[w];
    before += of_warps;

    unsigned found = floor;
    if (start < end && float(before) > dropped_mass) {
        found = start;
    } else if (float(before + mass) > dropped_mass) {
        for (unsigned i = start; i < end; i++) {
            before += mass_of(i);
            if (float(before) > dropped_mass) {
                found = i;
                break;
            }
        }
    }
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) found = smaller(found, shuffle_xor(found, mask));
    if (lane == 0) shared.found[warp] = found;
    sync_block();
    for (unsigned w = group.first_warp; w < group.end_warp; w++) found = smaller(found, shared.found[w]);
    return found;
}

// The first key that top-k leaves of those that top-p does: the k-th largest logit stays, and its equals.
DEVICE unsigned top_k(const Group &group, unsigned k, unsigned first) {
    if (group.vocab == 0) return 0;
    unsigned reached = group.vocab - smaller(k > MIN_KEPT ? k : MIN_KEPT, group.vocab);
    uint64_t threshold = group.keys[reached] >> 32;
    while (first < reached) {
        unsigned middle = (first + reached) / 2;
        if (group.keys[middle] >> 32 < threshold) {
            first = middle + 1;
        } else {
            reached = middle;
        }
    }
    return first;
}

// The largest of the logits from `first` on, what is not a number aside.
DEVICE float best_of(const Group &group, unsigned first, unsigned masked) {
    for (unsigned i = group.vocab; i > first;) {
        uint64_t key = group.keys[--i];
        float logit = logit_of(key);
        if (token_of(key) != masked && logit == logit) return logit;
    }
    return -INFINITY;
}

// The token with the largest share for its noise, of equals the first, as the lower half of what the group's
// warps leave in `chosen`.
DEVICE void choose(Shared &shared, const Group &group, unsigned first, unsigned masked, float best, float sum,
                   const uint64_t *bits) {
    uint64_t chosen = 0;
    for (unsigned i = first + group.thread; i < group.vocab; i += group.threads) {
        uint64_t key = group.keys[i];
        float score = power_of_e(logit_of(key, masked) - best) / sum / exponential(bits[token_of(key)]);
        uint64_t mark = uint64_t(bits_as<uint32_t>(score)) << 32 | ~token_of(key);
        if (score != score) mark = ~uint64_t(0);
        if (mark > chosen) chosen = mark;
    }
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) {
        uint64_t other = shuffle_xor(chosen, mask);
        if (other > chosen) chosen = other;
    }
    if (threadIdx.x % WARP == 0) shared.chosen[threadIdx.x / WARP] = chosen;
    sync_block();
}

// What a head's warps chose.
DEVICE unsigned chosen_of(const Shared &shared, unsigned head, unsigned warps) {
    uint64_t chosen = 0;
    for (unsigned w = head * warps; w < (head + 1) * warps; w++) {
        if (shared.chosen[w] > chosen) chosen = shared.chosen[w];
    }
    // Nothing chosen and what is not a number are both no token.
    return chosen == 0 || chosen == ~uint64_t(0) ? NO_TOKEN : ~uint32_t(chosen);
}

// What a launch draws from, and where to. Per slot: a window, the words of a generator, `noise` (heads, vocab),
// and `scratch` (heads, vocab as a power of two), which is only used where the keys do not fit into shared memory.
struct Drawing {
    // (rows, heads, vocab).
    const float *logits;
    // Whose each row is.
    const unsigned *slots;
    State *states;
    unsigned *windows, *generators;
    uint64_t *noise, *scratch;
    // (rows, heads).
    unsigned *drawn;
};

// Draws the block's row of logits; what was drawn lies in `shared` too, past the next barrier.
DEVICE void draw_row(Shared &shared, const Drawing &all) {
    unsigned slot = all.slots[blockIdx.x];
    State &state = all.states[slot];
    unsigned heads = state.heads, vocab = state.vocab, generated = state.generated, end_token = state.end_token;
    bool fresh = state.fresh != 0, runs_on = state.runs_on != 0;
    unsigned *window = all.windows + slot * (WINDOW * HEADS), *generator = all.generators + size_t(slot) * KEPT_WORDS;
    uint64_t *bits = all.noise + size_t(slot) * heads * vocab;
    unsigned groups = power_of_two_from(heads), padded = power_of_two_from(vocab), share = SHARED_KEYS / groups;

    Group group;
    group.threads = THREADS / groups;
    group.head = threadIdx.x / group.threads;
    group.thread = threadIdx.x % group.threads;
    group.first_warp = group.head * (group.threads / WARP);
    group.end_warp = group.first_warp + group.threads / WARP;
    bool there = group.head < heads;
    group.vocab = there ? vocab : 0;
    group.padded = there ? padded : 0;
    group.keys = padded <= share ? shared.keys + group.head * share
                                 : all.scratch + (size_t(slot) * heads + group.head) * padded;

    weigh(state, window, generated, all.logits + (size_t(blockIdx.x) * heads + group.head) * vocab, group);
    sort(shared, padded, share, group);
    float best = there ? logit_of(group.keys[vocab - 1]) : 0;
    unsigned rounds = (vocab + group.threads - 1) / group.threads;
    float sum = sum_in_order(shared, group, 0, rounds, best, NO_TOKEN);
    unsigned first = top_k(group, state.top_k, top_p(shared, group, state.dropped_mass, best, sum));
    if (group.thread == 0) shared.kept_from[group.head] = first;
    sync_block();

    // Past this point only what is kept has a probability.
    unsigned masked = generated < state.min_tokens ? end_token : NO_TOKEN, kept_from = vocab;
    for (unsigned head = 0; head < heads; head++) kept_from = smaller(kept_from, shared.kept_from[head]);
    rounds = (vocab - kept_from + group.threads - 1) / group.threads;
    best = best_of(group, first, masked);
    sum = sum_in_order(shared, group, first, rounds, best, masked);

    bool draws = fresh || runs_on, numbers = true, ended = false;
    Noise source{shared, 0, 0};
    if (draws) source.start(generator, fresh, state.seed);
    for (unsigned attempt = 0; attempt < FIRST_DRAWS; attempt++) {
        if (draws) source.draw(bits, heads * vocab);
        choose(shared, group, first, masked, best, sum, bits + size_t(group.head) * vocab);
        ended = false;
        for (unsigned head = 0; head < heads; head++) {
            unsigned token = chosen_of(shared, head, group.threads / WARP);
            numbers &= token != NO_TOKEN;
            ended |= token == end_token;
        }
        if (!numbers || !ended || !runs_on || generated != 0) break;
    }
    if (draws) source.keep(generator);
    if (threadIdx.x < heads) {
        unsigned token = numbers ? chosen_of(shared, threadIdx.x, group.threads / WARP) : NO_TOKEN;
        all.drawn[size_t(blockIdx.x) * heads + threadIdx.x] = token;
        shared.drawn[threadIdx.x] = token;
        shared.following[threadIdx.x] = token < vocab ? token : 0;
        if (numbers && !ended) window[generated % WINDOW * HEADS + threadIdx.x] = token;
    }
    if (threadIdx.x == 0) {
        state.fresh = 0;
        if (numbers && !ended) state.generated = generated + 1;
    }
}

}  // namespace sampling

// One block a row.
KERNEL(draw_tokens, 1024, (sampling::Drawing drawing)) {
    SHARED_MEMORY(memory);
    sampling::draw_row(*reinterpret_cast<sampling::Shared *>(memory), drawing);
}

// Where the next step of rows is laid out.
struct Following {
    Row *rows;
    Kept *kept;
    // (rows, hidden): the states that are drawn from; and where they are kept, (slots, capacity, hidden).
    const float *hidden_states;
    float *store;
    // (codebooks, code_tokens, hidden), and what of it goes in, (rows, hidden).
    const float *codes;
    float *x;
    // How many steps each row has logged, and what it drew in them, (steps, rows, codebooks).
    unsigned *logged, *log;
    unsigned hidden, codebooks, code_tokens, capacity;
};

// Draws, and lays out the next step: what was drawn is logged and goes in, one position further, and the state
// that it was drawn from is kept. One block a row.
KERNEL(draw_ahead, 1024, (sampling::Drawing drawing, Following next)) {
    using namespace sampling;
    SHARED_MEMORY(memory);
    Shared &shared = *reinterpret_cast<Shared *>(memory);
    unsigned i = blockIdx.x, hidden = next.hidden;
    Kept to = next.kept[i];
    if (to.index < next.capacity) {
        float *store = next.store + (size_t(to.slot) * next.capacity + to.index) * hidden;
        for (unsigned at = threadIdx.x; at < hidden; at += THREADS) {
            store[at] = next.hidden_states[size_t(i) * hidden + at];
        }
    }
    draw_row(shared, drawing);
    sync_block();
    for (unsigned at = threadIdx.x; at < hidden; at += THREADS) {
        next.x[size_t(i) * hidden + at] = embedded(next.codes, shared.following, next.codebooks, next.code_tokens, hidden, at);
    }
    if (threadIdx.x != 0) return;
    Row &row = next.rows[i];
    unsigned step = next.logged[i];
    for (unsigned book = 0; book < next.codebooks; book++) {
        next.log[(size_t(step) * gridDim.x + i) * next.codebooks + book] = shared.drawn[book];
        row.tokens[book] = shared.following[book];
    }
    row.kind = CODES;
    if (row.position + 1 < next.capacity) row.position += 1;
    next.kept[i].index = to.index + 1;
    next.logged[i] = step + 1;
}
