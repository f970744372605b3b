// Which tokens stay in the draw: top-p, then top-k, both of which are defined on the sorted logits. Of hundreds or
// thousands only some twenty survive, so a glance orders no more than those and adds up the rest in any order. It
// says nothing where roundings could make it answer otherwise than sorting does; then all are sorted, with the same
// arithmetic in the same order as the processor's sampler.
#pragma once

#include "platform.cuh"

namespace sampling {

constexpr unsigned THREADS = 1024, WARP = 32, WARPS = THREADS / WARP;
// Maxima by which a glance tells how large the largest logits of a head are, and the most that it looks for: of
// more, too many others would reach the least of them.
constexpr unsigned MAXIMA = 64, MOST_WANTED = 40;
// What a logit at the end of a power's reach adds, and more than what a probability too small for a full mantissa
// loses; and roundings, in units of the last place, of a power in a glance and of what a sum ends with.
constexpr double NOTHING = 1e-34, ROUGHNESS = 256, EPSILON = 1.1920928955078125e-7;
// Comes after all that is drawn from.
constexpr uint64_t PADDING = ~uint64_t(0);
// Words of the Mersenne Twister.
constexpr unsigned WORDS = 624, AHEAD = 397;

struct Shared {
    uint64_t keys[SHARED_KEYS];
    // Each head's as many as it has threads. What is summed, or candidates in any order, or maxima.
    union {
        float parts[2][THREADS];
        uint64_t candidates[THREADS];
        uint32_t maxima[MOST_HEADS * MAXIMA];
    };
    uint32_t words[2][WORDS];
    double masses[WARPS];
    uint64_t chosen[WARPS];
    unsigned found[WARPS];
    unsigned kept_from[MOST_HEADS], kept[MOST_HEADS];
    // Of a glance: the least of the largest maxima, how many logits reach it, the least logit that top-k leaves, the
    // largest logit, and whether the head must be sorted.
    uint32_t reached[MOST_HEADS], least[MOST_HEADS];
    unsigned reaching[MOST_HEADS];
    float largest[MOST_HEADS];
    unsigned unsure[MOST_HEADS];
    float sums[MOST_HEADS];
    // What was drawn, and what goes in next; what is no token ends the sequence, and its row goes on with
    // another, which nobody looks at.
    unsigned drawn[MOST_HEADS], following[MOST_HEADS];
    // Of a step that lays out the next: where its state is kept, its position, and how many steps are logged.
    struct {
        unsigned kept, position, logged;
    } before;
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

// What is left of a head's keys, ascending: `keys` from `first` up to `count`.
struct Left {
    uint64_t *keys;
    unsigned first, count;
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
    for (unsigned i = group.vocab + group.thread; i < count; i += group.threads) group.keys[i] = PADDING;
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
DEVICE void weigh(const DrawState &state, const unsigned *window, unsigned generated, const float *logits,
                  const Group &group) {
    if (group.vocab != 0) {
        float temperature = state.temperature[group.head];
        for (unsigned token = group.thread; token < group.vocab; token += group.threads) {
            group.keys[token] = key_of(logits[token] / temperature, token);
        }
    }
    sync_block();
    unsigned steps = smaller(generated, PENALTY_WINDOW);
    if (group.vocab != 0 && state.penalised != 0 && group.thread < steps) {
        window += group.head;
        unsigned token = window[group.thread * MOST_HEADS], count = 0;
        // The first of those that look at the same token sees to it.
        bool first = true;
        for (unsigned step = 0; step < steps; step++) {
            bool same = window[step * MOST_HEADS] == token;
            first &= !same || step >= group.thread;
            count += same;
        }
        if (first) {
            float logit = logit_of(group.keys[token]), penalty = state.penalties[count];
            group.keys[token] = key_of(logit < 0 ? logit * penalty : logit / penalty, token);
        }
    }
    sync_block();
}

// Σ e^(logit − best) over what is left, one after the other. All groups go round equally often.
DEVICE float sum_in_order(Shared &shared, const Group &group, const Left &left, unsigned rounds, float best,
                          unsigned masked) {
    float sum = 0;
    for (unsigned round = 0; round < rounds; round++) {
        // Two in turn, so that one can be filled while the other is summed.
        float *parts = shared.parts[round % 2] + group.head * group.threads;
        unsigned i = left.first + round * group.threads + group.thread;
        parts[group.thread] = i < left.count ? power_of_e(logit_of(left.keys[i], masked) - best) : 0;
        sync_block();
        if (group.thread < WARP) {
            // Zeros make up the last four; those past them would change nothing either.
            unsigned start = left.first + round * group.threads;
            unsigned end = start < left.count ? smaller(left.count - start, group.threads) : 0;
            for (unsigned j = 0; j < end; j += 4) {
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

// As a glance, of all keys in order.
DEVICE Left sort_all(Shared &shared, const DrawState &state, unsigned share, const Group &group) {
    sort(shared, power_of_two_from(state.vocab), share, group);
    float best = group.vocab != 0 ? logit_of(group.keys[group.vocab - 1]) : 0;
    unsigned rounds = (state.vocab + group.threads - 1) / group.threads;
    float sum = sum_in_order(shared, group, Left{group.keys, 0, group.vocab}, rounds, best, NO_TOKEN);
    unsigned first = top_k(group, state.top_k, top_p(shared, group, state.dropped_mass, best, sum));
    return Left{group.keys, first, group.vocab};
}

// e^x for x ≤ 0, nearly.
DEVICE float roughly_power_of_e(float x) { return exp2f(multiply(x, 1.44269504f)); }

// What top-p and top-k leave of keys that are in any order; false if they must be sorted for that, the same for all
// threads of the block. The keys may be written over.
DEVICE bool glance(Shared &shared, const DrawState &state, unsigned share, const Group &group, Left &left) {
    unsigned wanted = state.top_k > MIN_KEPT ? state.top_k : MIN_KEPT;
    if (wanted > MOST_WANTED || wanted > state.vocab) return false;

    // As many maxima as are wanted reach the last of the largest, so at least as many logits do.
    uint32_t maximum = 0;
    for (unsigned i = group.thread; i < group.vocab; i += group.threads) {
        uint32_t order = uint32_t(group.keys[i] >> 32);
        if (order > maximum) maximum = order;
    }
    unsigned lanes = group.threads / MAXIMA;
    for (unsigned mask = 1; mask < lanes; mask *= 2) {
        uint32_t other = shuffle_xor(maximum, int(mask));
        if (other > maximum) maximum = other;
    }
    uint32_t *maxima = shared.maxima + group.head * MAXIMA;
    if (group.thread % lanes == 0) maxima[group.thread / lanes] = maximum;
    if (group.thread == 0) shared.reaching[group.head] = 0;
    sync_block();
    if (group.thread < MAXIMA) {
        uint32_t own = maxima[group.thread];
        unsigned before = 0;
        for (unsigned i = 0; i < MAXIMA; i += 4) {
            Bytes16 four = load16(maxima + i);
#pragma unroll
            for (unsigned j = 0; j < 4; j++) {
                before += four.words[j] > own || (four.words[j] == own && i + j < group.thread);
            }
        }
        if (before == wanted - 1) shared.reached[group.head] = own;
    }
    sync_block();
    uint32_t reached = shared.reached[group.head];
    uint64_t *candidates = shared.candidates + group.head * group.threads;
    for (unsigned i = group.thread; i < group.vocab; i += group.threads) {
        uint64_t key = group.keys[i];
        if (uint32_t(key >> 32) < reached) continue;
        unsigned at = atomic_add(&shared.reaching[group.head], 1);
        if (at < group.threads) candidates[at] = key;
    }
    sync_block();

    // Each candidate finds its own place.
    unsigned count = shared.reaching[group.head], place = 0;
    bool fits = group.vocab != 0 && count <= group.threads, has_one = fits && group.thread < count;
    uint64_t own = 0;
    if (has_one) {
        own = candidates[group.thread];
        for (unsigned i = 0; i < count; i++) place += candidates[i] < own;
        if (place == count - wanted) shared.least[group.head] = uint32_t(own >> 32);
        if (place == count - 1) shared.largest[group.head] = logit_of(own);
    }
    sync_block();

    // The mass of what top-k drops, on a scale where the largest has 1.
    uint32_t least = fits ? shared.least[group.head] : 0;
    float largest = fits ? shared.largest[group.head] : 0, below = 0;
    for (unsigned i = group.thread; i < group.vocab; i += group.threads) {
        uint64_t key = group.keys[i];
        if (uint32_t(key >> 32) < least) below += roughly_power_of_e(logit_of(key) - largest);
    }
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) below += shuffle_xor(below, mask);
    if (threadIdx.x % WARP == 0) shared.masses[threadIdx.x / WARP] = below;
    sync_block();
    uint64_t *keys = shared.keys + group.head * share;
    float *powers = shared.parts[0] + group.head * group.threads;
    if (has_one) {
        keys[place] = own;
        powers[place] = roughly_power_of_e(logit_of(own) - largest);
    }
    sync_block();

    if (group.thread < WARP) {
        bool unsure = group.vocab != 0;
        unsigned first = 0;
        if (fits && largest > -INFINITY && largest < INFINITY) {
            unsure = false;
            first = count - wanted;
            while (first > 0 && uint32_t(keys[first - 1] >> 32) == least) first--;
            double mass = 0;
            for (unsigned w = group.first_warp; w < group.end_warp; w++) mass += shared.masses[w];
            float up_to = float(mass), sum = up_to;
            for (unsigned i = first; i < count; i++) sum += powers[i];
            // A sum's every step may round by half a unit in the last place, and sorting sums in another order.
            double rounding = (group.vocab + ROUGHNESS) * EPSILON, nothing = group.vocab * NOTHING;
            double surely_kept = (state.dropped_mass + nothing) * sum;
            double surely_dropped = (state.dropped_mass - nothing) * sum;
            for (; first + MIN_KEPT < count; first++) {
                up_to += powers[first];
                if (up_to * (1 - rounding) > surely_kept) break;
                if (up_to * (1 + rounding) >= surely_dropped) {
                    unsure = true;
                    break;
                }
            }
        }
        if (group.thread == 0) {
            shared.kept_from[group.head] = first;
            shared.unsure[group.head] = unsure;
        }
    }
    sync_block();
    unsigned unsure = 0;
    for (unsigned head = 0; head < state.heads; head++) unsure |= shared.unsure[head];
    left = Left{keys, shared.kept_from[group.head], fits ? count : 0};
    return unsure == 0;
}

// The largest of the logits that are left, what is not a number aside.
DEVICE float best_of(const Left &left, unsigned masked) {
    for (unsigned i = left.count; i > left.first;) {
        uint64_t key = left.keys[--i];
        float logit = logit_of(key);
        if (token_of(key) != masked && logit == logit) return logit;
    }
    return -INFINITY;
}

}  // namespace sampling
