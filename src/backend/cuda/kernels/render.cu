// From hidden states to a wave, what is beside the products: windows, depthwise convolutions and norms, the
// inverse Fourier transform and the sum of its overlaps.
//
// Sequences lie one after another, and every frame knows where its own begins and ends, so its bits depend on
// nothing beyond. The sums of a frame have one order.
#include "platform.cuh"

// y (frames, stride) = the frames of x (…, channels) around each, tap by tap, zero outside its sequence and
// beyond the taps; one block a frame, of which the first is `first`.
KERNEL(unfold, (const float *x, const Bounds *bounds, float *y, unsigned first, unsigned channels, unsigned taps,
                     unsigned stride)) {
    unsigned frame = first + blockIdx.x;
    Bounds own = bounds[frame];
    float *to = y + size_t(blockIdx.x) * stride;
    for (unsigned i = threadIdx.x; i < stride; i += 128) {
        unsigned tap = i / channels, channel = i - tap * channels;
        // Before the first frame it wraps around, and is beyond the end.
        unsigned at = frame + tap - taps / 2;
        bool there = tap < taps && at >= own.start && at < own.end;
        to[i] = there ? x[size_t(at) * channels + channel] : 0.0f;
    }
}

// to (stride) = (x − mean) / √(variance + eps) · weight + bias of what lies at x (width), zeros beyond. Each
// thread reads and writes only values of its own.
template <typename T>
DEVICE void norm_row(const float *x, const float *weight, const float *bias, T *to, unsigned width, unsigned stride,
                     float eps, float *shared) {
    float sum = 0;
    for (unsigned i = threadIdx.x; i < width; i += 128) sum += x[i];
    float mean = block_sum(sum, shared) / float(width), squares = 0;
    for (unsigned i = threadIdx.x; i < width; i += 128) {
        float off = x[i] - mean;
        squares += off * off;
    }
    float scale = 1.0f / sqrtf(block_sum(squares, shared) / float(width) + eps);
    for (unsigned i = threadIdx.x; i < stride; i += 128) {
        to[i] = from_f32<T>(i < width ? (x[i] - mean) * scale * weight[i] + bias[i] : 0.0f);
    }
}

// A depthwise convolution and the norm of what comes out; one block a frame. Shared memory holds a frame.
template <typename T> DEVICE void depthwise_norm(const DepthwiseNorm &d) {
    SHARED_MEMORY(memory);
    float *sums = reinterpret_cast<float *>(memory), *values = sums + 4;
    unsigned frame = blockIdx.x;
    Bounds own = d.bounds[frame];
    for (unsigned i = threadIdx.x; i < d.width; i += 128) {
        float sum = d.bias[i];
        for (unsigned tap = 0; tap < d.taps; tap++) {
            unsigned at = frame + tap * d.dilation - d.taps / 2 * d.dilation;
            if (at < own.start || at >= own.end) continue;
            sum = fmaf(d.weight[tap * d.width + i], d.x[size_t(at) * d.width + i], sum);
        }
        values[i] = sum;
    }
    norm_row<T>(values, d.norm_weight, d.norm_bias, static_cast<T *>(d.y) + size_t(frame) * d.stride, d.width,
                d.stride, d.eps, sums);
}

KERNEL(depthwise_norm_f32, (DepthwiseNorm d)) { depthwise_norm<f32>(d); }
KERNEL(depthwise_norm_f16, (DepthwiseNorm d)) { depthwise_norm<f16>(d); }
KERNEL(depthwise_norm_bf16, (DepthwiseNorm d)) { depthwise_norm<bf16>(d); }

// y (rows, stride) = the norm of x (rows, width); one block a row. Both may be the same, if they have one width.
KERNEL(layer_norm_f32, (const float *x, const float *weight, const float *bias, float *y, unsigned width,
                             unsigned stride, float eps)) {
    SHARED_MEMORY(memory);
    norm_row<float>(x + size_t(blockIdx.x) * width, weight, bias, y + size_t(blockIdx.x) * stride, width, stride, eps,
                    reinterpret_cast<float *>(memory));
}

struct Complex {
    float re, im;
};

DEVICE Complex times(Complex a, Complex b) {
    return {fmaf(a.re, b.re, -(a.im * b.im)), fmaf(a.re, b.im, a.im * b.re)};
}

constexpr float MAX_MAGNITUDE = 100.0f;

// Bin k of a row of log magnitudes, then phases, of 0 to half the sample rate: size / 2 + 1 each.
DEVICE Complex spectrum_bin(const float *row, unsigned k, unsigned size) {
    float magnitude = fminf(expf(row[k]), MAX_MAGNITUDE), phase = row[size / 2 + 1 + k];
    // A real signal has no imaginary part at 0 and half the sample rate.
    bool real = k == 0 || k == size / 2;
    return {magnitude * cosf(phase), real ? 0.0f : magnitude * sinf(phase)};
}

// The signals whose spectra are the rows of (frames, size + 2), times the window: pieces (frames, size). One
// block a frame, the size a power of two. Even and odd samples are the real and the imaginary part of a signal
// of half the size, which is transformed in shared memory. `twiddles` holds e^(2πik/size) for k < size / 2.
KERNEL(inverse_fourier, (const float *spectrum, const Complex *twiddles, const float *window, float *pieces,
                              unsigned size, unsigned log_half)) {
    SHARED_MEMORY(memory);
    Complex *z = reinterpret_cast<Complex *>(memory);
    unsigned half = size / 2;
    const float *row = spectrum + size_t(blockIdx.x) * (size + 2);
    auto reversed = [&](unsigned k) {
        unsigned to = 0;
        for (unsigned bit = 0; bit < log_half; bit++) to |= (k >> bit & 1) << (log_half - 1 - bit);
        return to;
    };
    for (unsigned k = threadIdx.x; k <= half / 2; k += 128) {
        // Bins k and half − k make each other's halves.
        Complex low = spectrum_bin(row, k, size), high = spectrum_bin(row, half - k, size);
        Complex even = {low.re + high.re, low.im - high.im};
        Complex odd = times({low.re - high.re, low.im + high.im}, twiddles[k]);
        z[reversed(k)] = {even.re - odd.im, even.im + odd.re};
        if (k != 0 && k != half / 2) z[reversed(half - k)] = {even.re + odd.im, odd.re - even.im};
    }
    for (unsigned stage = 0; stage < log_half; stage++) {
        sync_block();
        unsigned span = 1u << stage;
        for (unsigned i = threadIdx.x; i < half / 2; i += 128) {
            unsigned within = i & (span - 1), at = ((i - within) << 1) + within;
            // Of a transform of 2·span, in the table of one of 2·half.
            Complex a = z[at], b = times(z[at + span], twiddles[within << (log_half - stage)]);
            z[at] = {a.re + b.re, a.im + b.im};
            z[at + span] = {a.re - b.re, a.im - b.im};
        }
    }
    sync_block();
    float scale = 1.0f / float(size);
    float *to = pieces + size_t(blockIdx.x) * size;
    const float *samples = reinterpret_cast<const float *>(memory);
    for (unsigned i = threadIdx.x; i < size; i += 128) to[i] = samples[i] * (window[i] * scale);
}

// wave (frames, hop) = the pieces over each sample, added in the order of their frames, divided by the squares
// of their windows. A wave begins at the middle of its first piece and ends at that of its last, so the last
// frame of each sequence has no samples. One block a frame.
KERNEL(overlap_add, (const float *pieces, const float *window, const Bounds *bounds, float *wave, unsigned size,
                          unsigned hop)) {
    unsigned frame = blockIdx.x;
    Bounds own = bounds[frame];
    if (frame + 1 >= own.end) return;
    for (unsigned i = threadIdx.x; i < hop; i += 128) {
        // Counted from the start of the sequence's first piece.
        unsigned sample = (frame - own.start) * hop + i + size / 2;
        unsigned first = sample < size ? 0 : (sample - size) / hop + 1;
        float sum = 0, squares = 0;
        for (unsigned piece = first; own.start + piece < own.end && piece * hop <= sample; piece++) {
            unsigned at = sample - piece * hop;
            sum += pieces[size_t(own.start + piece) * size + at];
            squares += window[at] * window[at];
        }
        wave[size_t(frame) * hop + i] = sum / squares;
    }
}
