"""The log-mel spectrogram of ChatTTS: 24 kHz, window 1024, hop 256, 100 bands."""

import numpy as np
import torch

SAMPLE_RATE = 24000
N_FFT = 1024
HOP = 256
MELS = 100


def mel_filters():
    """Returns the triangular filters (513, 100), HTK's mel scale, from 0 to 12 kHz."""
    hz = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0.0, top, MELS + 2) / 2595) - 1)
    width = edges[1:] - edges[:-1]
    slope = edges[None, :] - hz[:, None]
    return np.maximum(0, np.minimum(-slope[:, :-2] / width[:-1], slope[:, 2:] / width[1:])).astype(np.float32)


FILTERS = torch.from_numpy(mel_filters())
WINDOW = torch.hann_window(N_FFT)


def log_mel(wave):
    """Returns the log-mel (B, 100, 1 + n // 256) of waves (B, n)."""
    spectrum = torch.stft(wave, N_FFT, HOP, window=WINDOW, center=True, pad_mode="reflect", return_complex=True).abs()
    return torch.log(torch.clamp(torch.matmul(spectrum.transpose(1, 2), FILTERS).transpose(1, 2), min=1e-5))


def speech(samples):
    """Returns 16-bit samples as a batch of one wave (1, n) between -1 and 1."""
    return torch.from_numpy(samples.astype(np.float32) / 32768)[None]
