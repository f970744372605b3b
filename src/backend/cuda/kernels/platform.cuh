// What kernels are written in: CUDA, or, compiled by a C++ compiler with EMULATED, the emulator beside this
// folder, which runs the same source on a processor so that it can be tested without a card.
#pragma once

#include <math.h>
#include <stdint.h>

typedef float f32;

#ifdef EMULATED
#include "../emulator/emulator.h"
#else

#include <cuda_bf16.h>
#include <cuda_fp16.h>

typedef __half f16;
typedef __nv_bfloat16 bf16;

#define DEVICE __device__ __forceinline__
DEVICE unsigned char *block_memory() {
    extern __shared__ __align__(16) unsigned char memory[];
    return memory;
}
// The block's shared memory, as many bytes as the launch gives.
#define SHARED_MEMORY(name) unsigned char *name = block_memory()
// Exported under its own name, for the block that the table says.
#define KERNEL(name, parameters) extern "C" __global__ void __launch_bounds__(threads_##name) name parameters
// The same, with registers for so many blocks on a multiprocessor.
#define KERNEL_OF_BLOCKS(name, blocks, parameters) \
    extern "C" __global__ void __launch_bounds__(threads_##name, blocks) name parameters

DEVICE float to_f32(float x) { return x; }
DEVICE float to_f32(f16 x) { return __half2float(x); }
DEVICE float to_f32(bf16 x) { return __bfloat162float(x); }
template <typename T> DEVICE T from_f32(float x);
template <> DEVICE float from_f32<float>(float x) { return x; }
template <> DEVICE f16 from_f32<f16>(float x) { return __float2half_rn(x); }
template <> DEVICE bf16 from_f32<bf16>(float x) { return __float2bfloat16_rn(x); }

DEVICE void sync_block() { __syncthreads(); }
DEVICE void sync_warp() { __syncwarp(); }
// Brings what is read soon into the cache.
DEVICE void prefetch(const void *at) { asm volatile("prefetch.global.L2 [%0];" ::"l"(at)); }
DEVICE unsigned atomic_add(unsigned *to, unsigned by) { return atomicAdd(to, by); }
// Adds for all blocks, and returns what was there: what this block's threads wrote up to their last barrier is seen by
// whoever adds later, and by the threads of its block from their next barrier on.
DEVICE unsigned atomic_add_and_publish(unsigned *to, unsigned by) {
    unsigned before;
    asm volatile("atom.acq_rel.gpu.add.u32 %0, [%1], %2;" : "=r"(before) : "l"(to), "r"(by) : "memory");
    return before;
}
// What another block of this launch has written, or a launch before this one beside what was read early.
DEVICE float load_written(const float *from) { return __ldcg(from); }
DEVICE unsigned load_written(const unsigned *from) { return __ldcg(from); }
DEVICE void load_written(const float *from, float (&to)[4]) {
    float4 four = __ldcg(reinterpret_cast<const float4 *>(from));
    to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
// Until the launches before this one are done, where it may have begun beside the last of them; before that, only
// what no launch writes may be read.
DEVICE void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;\n" ::: "memory");
#endif
}
// The next launch may begin beside this one, once all blocks have said so.
DEVICE void let_next_begin() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;\n");
#endif
}
// Blocks of a launch that run together and reach each other's shared memory, from compute capability 9.0 on; a kernel
// for them is launched nowhere else, and is empty there.
#if __CUDA_ARCH__ >= 900
constexpr bool HAS_CLUSTERS = true;
DEVICE unsigned cluster_rank() {
    unsigned rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}
// What threads of the cluster did before they arrived is seen by those that have waited; whoever has ended has arrived.
DEVICE void cluster_arrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
DEVICE void cluster_wait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
// Stores a value in another block's memory, where `own` lies in this one's. That block must have begun and not ended.
DEVICE void store_in_block(float *own, unsigned rank, float value) {
    uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(own)), there;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(at), "r"(rank));
    asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(there), "f"(value) : "memory");
}
#else
constexpr bool HAS_CLUSTERS = false;
DEVICE unsigned cluster_rank() { return 0; }
DEVICE void cluster_arrive() {}
DEVICE void cluster_wait() {}
DEVICE void store_in_block(float *own, unsigned, float value) { *own = value; }
#endif
// A product that is rounded before it is added to anything.
DEVICE float multiply(float a, float b) { return __fmul_rn(a, b); }
template <typename T> DEVICE T shuffle_xor(T x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
template <typename T> DEVICE T shuffle_up(T x, int by) { return __shfl_up_sync(0xffffffffu, x, by); }

DEVICE float float_of_bits(uint32_t bits) { return __uint_as_float(bits); }
DEVICE uint32_t bits_of_float(float x) { return __float_as_uint(x); }
// Four of the eight bytes of two words, those of `low` first: each by a digit of the selector, the lowest first.
DEVICE uint32_t permute_bytes(uint32_t low, uint32_t high, unsigned selector) {
    return __byte_perm(low, high, selector);
}
DEVICE uint32_t pair_of_halves(float low, float high) {
    __half2 pair = __floats2half2_rn(low, high);
    return *reinterpret_cast<uint32_t *>(&pair);
}

// c (16×8) += a (16×16) · b (16×8), as mma.m16n8k16 lays them out over a warp.
template <typename T> DEVICE void matrix_multiply(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
template <> DEVICE void matrix_multiply<f16>(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
template <> DEVICE void matrix_multiply<bf16>(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Copies 16 bytes into shared memory beside what else is done; zeros if there is nothing to copy.
DEVICE void copy_async(void *to, const void *from, bool there) {
    uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
    int bytes = there ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(at), "l"(from), "r"(bytes) : "memory");
}
DEVICE void copies_end_group() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
// Waits until all but the last `N` groups of this thread's copies are done.
template <int N> DEVICE void copies_wait() { asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory"); }

#endif

// 16 bytes that are loaded and stored at once.
struct alignas(16) Bytes16 {
    uint32_t words[4];
};

struct alignas(8) Bytes8 {
    uint32_t words[2];
};

DEVICE Bytes16 load16(const void *from) { return *static_cast<const Bytes16 *>(from); }

// Eight neighbouring values as f32.
template <typename T> DEVICE void load8(const T *from, float (&to)[8]) {
    static_assert(sizeof(T) == 2, "two bytes a value");
    union {
        Bytes16 bytes;
        T values[8];
    } pack;
    pack.bytes = load16(from);
#pragma unroll
    for (int i = 0; i < 8; i++) to[i] = to_f32(pack.values[i]);
}
template <> DEVICE void load8<float>(const float *from, float (&to)[8]) {
    union {
        Bytes16 bytes[2];
        float values[8];
    } pack;
    pack.bytes[0] = load16(from);
    pack.bytes[1] = load16(from + 4);
#pragma unroll
    for (int i = 0; i < 8; i++) to[i] = pack.values[i];
}

DEVICE float warp_sum(float x) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) x += shuffle_xor(x, mask);
    return x;
}

DEVICE float warp_max(float x) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) x = fmaxf(x, shuffle_xor(x, mask));
    return x;
}

// Whether this is the last of `blocks` blocks to come here, for all its threads; what the others wrote before can
// be read then. The counter is zero before, and after. `flag` is a place in shared memory.
DEVICE bool last_to_arrive(unsigned *counter, unsigned blocks, unsigned *flag) {
    sync_block();
    if (threadIdx.x == 0) {
        bool last = atomic_add_and_publish(counter, 1) == blocks - 1;
        if (last) *counter = 0;
        *flag = last;
    }
    sync_block();
    return *flag != 0;
}

// A sum over the block of 128, the same for all its threads.
DEVICE float block_sum(float x, float *shared) {
    x = warp_sum(x);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    sync_block();
    x = (shared[0] + shared[1]) + (shared[2] + shared[3]);
    sync_block();
    return x;
}

// What the host shares, written by the build script.
#include "shared.cuh"
