// What a card can do at most, to compare the other kernels with: reading memory, products of matrices, products
// of single numbers. What they compute is known, so that it can be checked that they did.
#include "platform.cuh"

// sums[block] = the sum of all 32-bit words of its pieces of `from`, which has `pieces` of PIECE bytes; blocks take
// turns.
constexpr unsigned READS = 16;
static_assert(PIECE == 128 * READS * 16);

KERNEL(read_words, (const unsigned char *from, unsigned pieces, unsigned *sums)) {
    SHARED_MEMORY(memory);
    unsigned sum = 0;
    for (unsigned piece = blockIdx.x; piece < pieces; piece += gridDim.x) {
        const unsigned char *start = from + size_t(piece) * PIECE + threadIdx.x * 16;
        Bytes16 read[READS];
#pragma unroll
        for (unsigned i = 0; i < READS; i++) read[i] = load16(start + i * (128 * 16));
#pragma unroll
        for (unsigned i = 0; i < READS; i++) {
            sum += (read[i].words[0] + read[i].words[1]) + (read[i].words[2] + read[i].words[3]);
        }
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) sum += shuffle_xor(sum, mask);
    unsigned *found = reinterpret_cast<unsigned *>(memory);
    if (threadIdx.x % 32 == 0) found[threadIdx.x / 32] = sum;
    sync_block();
    if (threadIdx.x == 0) sums[blockIdx.x] = (found[0] + found[1]) + (found[2] + found[3]);
}

// Every warp adds `rounds` products of 16×16 by 16×8 matrices to each of MATRICES sums; y (threads) is the sum of
// what a thread holds of them.
KERNEL(multiply_matrices, (unsigned rounds, unsigned a_pair, unsigned b_pair, float *y)) {
    uint32_t a[4] = {a_pair, a_pair, a_pair, a_pair}, b[2] = {b_pair, b_pair};
    float c[MATRICES][4] = {};
#pragma unroll 4
    for (unsigned round = 0; round < rounds; round++) {
#pragma unroll
        for (unsigned i = 0; i < MATRICES; i++) matrix_multiply<f16>(c[i], a, b);
    }
    float sum = 0;
#pragma unroll
    for (unsigned i = 0; i < MATRICES; i++) sum += (c[i][0] + c[i][1]) + (c[i][2] + c[i][3]);
    y[blockIdx.x * 128 + threadIdx.x] = sum;
}

// Every thread takes SINGLES numbers `rounds` times by `scale` and adds `more`; y (threads) is their sum.
KERNEL(multiply_singles, (unsigned rounds, float scale, float more, float *y)) {
    float x[SINGLES];
#pragma unroll
    for (unsigned i = 0; i < SINGLES; i++) x[i] = float(i);
#pragma unroll 4
    for (unsigned round = 0; round < rounds; round++) {
#pragma unroll
        for (unsigned i = 0; i < SINGLES; i++) x[i] = fmaf(x[i], scale, more);
    }
    float sum = 0;
#pragma unroll
    for (unsigned i = 0; i < SINGLES; i++) sum += x[i];
    y[blockIdx.x * 128 + threadIdx.x] = sum;
}

// Keeps the stream busy for so many clock cycles, so that what is launched meanwhile runs without gaps.
KERNEL(hold, (unsigned cycles)) {
#ifndef EMULATED
    long long start = clock64();
    while (clock64() - start < (long long)(cycles)) {
    }
#else
    (void)cycles;
#endif
}
