// Enough of CUDA to run the kernels on a processor: the threads of a block are coroutines that switch at
// barriers and shuffles, in an order that changes from launch to launch, so that a missing barrier shows.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <utility>

namespace emulator {

struct Index {
    unsigned x, y, z;
};

extern thread_local Index block_index, grid_size, block_size;
extern thread_local unsigned char *shared_memory;

Index thread_index();
unsigned lane();
void sync_block();
void sync_warp();
unsigned cluster_blocks();
unsigned cluster_rank();
void cluster_arrive();
void cluster_wait();
// Where another block of the cluster has what lies there in this block's shared memory.
void *of_block(void *own, unsigned rank);
// Every lane of a warp gives `size` bytes; returns where those of all 32 lie, `SLOT` bytes apart.
const unsigned char *exchange(const void *own, size_t size);
constexpr size_t SLOT = 32;
void copy_async(void *to, const void *from, bool there);
void copies_end_group();
void copies_wait(unsigned left);

typedef void (*Call)(void *const *arguments);
struct Registration {
    Registration(const char *name, unsigned threads, Call call, const size_t *sizes, size_t count);
};

template <typename F> struct Signature;
template <typename... A> struct Signature<void (*)(A...)> {
    static constexpr size_t count = sizeof...(A);
    static constexpr size_t sizes[] = {sizeof(A)...};
    template <typename F, size_t... I>
    static void apply(F kernel, void *const *arguments, std::index_sequence<I...>) {
        kernel(*static_cast<A *>(arguments[I])...);
    }
};

template <auto F> struct Entry : Signature<decltype(F)> {
    static void call(void *const *arguments) {
        Entry::apply(F, arguments, std::make_index_sequence<Entry::count>());
    }
};

inline float half_to_float(uint16_t bits) {
    uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    uint32_t out;
    if (exponent == 31) {
        out = sign | 0x7f800000u | (mantissa << 13);
    } else if (exponent != 0) {
        out = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else {
        float value = mantissa * 5.9604644775390625e-8f;
        memcpy(&out, &value, 4);
        out |= sign;
    }
    float value;
    memcpy(&value, &out, 4);
    return value;
}

inline uint16_t float_to_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint16_t sign = (bits >> 16) & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) return 0x7fff;
    if (bits >= 0x477ff000) return sign | 0x7c00;
    if (bits < 0x38800000) {
        // Below the smallest normal: adding this leaves the rounded mantissa in the lowest bits.
        float shifted;
        memcpy(&shifted, &bits, 4);
        shifted += 0.5f;
        memcpy(&bits, &shifted, 4);
        return sign | (bits - 0x3f000000);
    }
    bits += 0xfff + ((bits >> 13) & 1);
    return sign | ((bits - 0x38000000) >> 13);
}

inline float bfloat_to_float(uint16_t bits) {
    uint32_t wide = uint32_t(bits) << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

inline uint16_t float_to_bfloat(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
    return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

}  // namespace emulator

#define DEVICE inline
#define SHARED_MEMORY(name) unsigned char *name = emulator::shared_memory
#define KERNEL(name, parameters)                                                                              \
    void name parameters;                                                                                     \
    static emulator::Registration registration_##name(#name, threads_##name, emulator::Entry<&name>::call,    \
                                                      emulator::Entry<&name>::sizes,                          \
                                                      emulator::Entry<&name>::count);                         \
    void name parameters

#define KERNEL_OF_BLOCKS(name, blocks, parameters) KERNEL(name, parameters)

#define threadIdx emulator::thread_index()
#define blockIdx emulator::block_index
#define blockDim emulator::block_size
#define gridDim emulator::grid_size

struct f16 {
    uint16_t bits;
};
struct bf16 {
    uint16_t bits;
};

inline float to_f32(float x) { return x; }
inline float to_f32(f16 x) { return emulator::half_to_float(x.bits); }
inline float to_f32(bf16 x) { return emulator::bfloat_to_float(x.bits); }
template <typename T> inline T from_f32(float x);
template <> inline float from_f32<float>(float x) { return x; }
template <> inline f16 from_f32<f16>(float x) { return f16{emulator::float_to_half(x)}; }
template <> inline bf16 from_f32<bf16>(float x) { return bf16{emulator::float_to_bfloat(x)}; }

inline void sync_block() { emulator::sync_block(); }
inline void sync_warp() { emulator::sync_warp(); }
constexpr bool HAS_CLUSTERS = true;
inline unsigned cluster_rank() { return emulator::cluster_rank(); }
inline void cluster_arrive() { emulator::cluster_arrive(); }
inline void cluster_wait() { emulator::cluster_wait(); }
inline void store_in_block(float *own, unsigned rank, float value) {
    *static_cast<float *>(emulator::of_block(own, rank)) = value;
}
inline float multiply(float a, float b) { return a * b; }

template <typename T> inline T shuffle_from(T x, unsigned lane) {
    const unsigned char *all = emulator::exchange(&x, sizeof x);
    memcpy(&x, all + lane * emulator::SLOT, sizeof x);
    return x;
}
template <typename T> inline T shuffle_xor(T x, int mask) { return shuffle_from(x, emulator::lane() ^ mask); }
template <typename T> inline T shuffle_up(T x, int by) {
    unsigned lane = emulator::lane();
    return shuffle_from(x, lane >= unsigned(by) ? lane - by : lane);
}
inline void prefetch(const void *) {}
inline unsigned atomic_add(unsigned *to, unsigned by) {
    unsigned before = *to;
    *to += by;
    return before;
}
inline unsigned atomic_add_and_publish(unsigned *to, unsigned by) { return atomic_add(to, by); }
inline float load_written(const float *from) { return *from; }
inline unsigned load_written(const unsigned *from) { return *from; }
inline void load_written(const float *from, float (&to)[4]) { memcpy(to, from, sizeof to); }
inline void wait_for_previous() {}
inline void let_next_begin() {}

inline float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}
inline uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}
inline uint32_t permute_bytes(uint32_t low, uint32_t high, unsigned selector) {
    uint64_t bytes = uint64_t(high) << 32 | low;
    uint32_t permuted = 0;
    for (unsigned i = 0; i < 4; i++) permuted |= uint32_t(bytes >> (selector >> i * 4 & 7) * 8 & 0xff) << i * 8;
    return permuted;
}
inline uint32_t pair_of_halves(float low, float high) {
    return emulator::float_to_half(low) | uint32_t(emulator::float_to_half(high)) << 16;
}

template <typename T> inline void matrix_multiply(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    struct {
        uint32_t a[4], b[2];
    } own;
    static_assert(sizeof own <= emulator::SLOT, "what a lane gives");
    memcpy(own.a, a, sizeof own.a);
    memcpy(own.b, b, sizeof own.b);
    const unsigned char *all = emulator::exchange(&own, sizeof own);
    auto value = [&](unsigned lane, unsigned word, unsigned half) {
        T x;
        memcpy(&x, all + lane * emulator::SLOT + word * 4 + half * 2, 2);
        return to_f32(x);
    };
    for (unsigned i = 0; i < 4; i++) {
        unsigned row = emulator::lane() / 4 + (i / 2) * 8, column = emulator::lane() % 4 * 2 + i % 2;
        float sum = 0;
        for (unsigned k = 0; k < 16; k++) {
            // A: odd words hold rows 8 to 15, the last two words columns 8 to 15; B: word 1 holds rows 8 to 15.
            float x = value(row % 8 * 4 + k % 8 / 2, row / 8 + k / 8 * 2, k % 2);
            float y = value(column * 4 + k % 8 / 2, 4 + k / 8, k % 2);
            sum += x * y;
        }
        c[i] += sum;
    }
}

inline void copy_async(void *to, const void *from, bool there) { emulator::copy_async(to, from, there); }
inline void copies_end_group() { emulator::copies_end_group(); }
template <int N> inline void copies_wait() { emulator::copies_wait(N); }
