// From logits to tokens, with the same arithmetic in the same order as the processor's sampler, so that both
// draw the same.
#include "candidates.cuh"

namespace sampling {

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

// The token with the largest share for its noise, of equals the first, as the lower half of what the group's
// warps leave in `chosen`.
DEVICE void choose(Shared &shared, const Group &group, const Left &left, unsigned masked, float best, float sum,
                   const uint64_t *bits) {
    uint64_t chosen = 0;
    for (unsigned i = left.first + group.thread; i < left.count; i += group.threads) {
        uint64_t key = left.keys[i];
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

// Draws the block's row of logits; what was drawn lies in `shared` too, past the next barrier.
DEVICE void draw_row(Shared &shared, const Drawing &all) {
    unsigned slot = all.slots[blockIdx.x];
    DrawState &state = all.states[slot];
    unsigned heads = state.heads, vocab = state.vocab, generated = state.generated, end_token = state.end_token;
    bool fresh = state.fresh != 0, runs_on = state.runs_on != 0;
    unsigned *window = all.windows + slot * (PENALTY_WINDOW * MOST_HEADS);
    unsigned *generator = all.generators + size_t(slot) * KEPT_WORDS;
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

    const float *logits = all.logits + (size_t(blockIdx.x) * heads + group.head) * vocab;
    weigh(state, window, generated, logits, group);
    Left left;
    if (!glance(shared, state, share, group, left)) {
        weigh(state, window, generated, logits, group);
        left = sort_all(shared, state, share, group);
        if (threadIdx.x == 0) state.sorted += 1;
    }
    if (group.thread == 0) shared.kept[group.head] = left.count - left.first;
    sync_block();

    // Past this point only what is left has a probability.
    unsigned masked = generated < state.min_tokens ? end_token : NO_TOKEN, most = 0;
    for (unsigned head = 0; head < heads; head++) most = shared.kept[head] > most ? shared.kept[head] : most;
    unsigned rounds = (most + group.threads - 1) / group.threads;
    float best = best_of(left, masked);
    float sum = sum_in_order(shared, group, left, rounds, best, masked);

    bool draws = fresh || runs_on, numbers = true, ended = false;
    Noise source{shared, 0, 0};
    if (draws) source.start(generator, fresh, state.seed);
    for (unsigned attempt = 0; attempt < FIRST_DRAWS; attempt++) {
        if (draws) source.draw(bits, heads * vocab);
        choose(shared, group, left, masked, best, sum, bits + size_t(group.head) * vocab);
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
        if (numbers && !ended) window[generated % PENALTY_WINDOW * MOST_HEADS + threadIdx.x] = token;
    }
    if (threadIdx.x == 0) {
        state.fresh = 0;
        if (numbers && !ended) state.generated = generated + 1;
    }
}

}  // namespace sampling

// One block a row.
KERNEL(draw_tokens, (Drawing drawing)) {
    SHARED_MEMORY(memory);
    let_next_begin();
    wait_for_previous();
    sampling::draw_row(*reinterpret_cast<sampling::Shared *>(memory), drawing);
}

// Draws, and lays out the next step: what was drawn is logged and goes in, one position further, and the state
// that it was drawn from is kept. One block a row.
KERNEL(draw_ahead, (Drawing drawing, Following next)) {
    using namespace sampling;
    SHARED_MEMORY(memory);
    Shared &shared = *reinterpret_cast<Shared *>(memory);
    unsigned i = blockIdx.x, hidden = next.hidden;
    let_next_begin();
    wait_for_previous();
    Kept to = next.kept[i];
    // Not held in registers, of which the draw needs all.
    if (threadIdx.x == 0) shared.before = {to.index, next.rows[i].position, next.logged[i]};
    if (to.index < next.capacity) {
        float *store = state_of(next.base, next.table, next.slot_pages, to, hidden);
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
    auto [index, position, step] = shared.before;
    Row &row = next.rows[i];
    for (unsigned book = 0; book < next.codebooks; book++) {
        next.log[(size_t(step) * gridDim.x + i) * next.codebooks + book] = shared.drawn[book];
        row.tokens[book] = shared.following[book];
    }
    row.kind = CODES;
    if (position + 1 < next.capacity) row.position = position + 1;
    next.kept[i].index = index + 1;
    next.logged[i] = step + 1 == next.steps ? 0 : step + 1;
}
