"""The networks of a checkpoint in ChatTTS's layout, in sizes of our own.

Names of parameters are those of states that exist: they must stay.
"""

import math
import pickle

import torch
import torch.nn as nn
import torch.nn.functional as F

from common.mel import HOP, MELS, N_FFT, WINDOW

MEL_SCALE = 4.0  # the layout's `coef`: networks see log-mels divided by it
CODEBOOKS = 4
DIGITS = 4  # a code is four digits to base 5
CODES = 625  # 5 to the 4th
EOS = CODES  # the code that ends speech


class Block(nn.Module):
    """ConvNeXt block; `scale` is the name that the layout gives to the layer scale."""

    def __init__(self, dim, inner, dilation, scale, init):
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, 7, padding=3 * dilation, dilation=dilation, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, inner)
        self.pwconv2 = nn.Linear(inner, dim)
        self.scale = scale
        setattr(self, scale, nn.Parameter(torch.full((dim,), init)))

    def forward(self, x):
        y = self.dwconv(x).transpose(1, 2)
        y = self.pwconv2(F.gelu(self.pwconv1(self.norm(y)))) * getattr(self, self.scale)
        return x + y.transpose(1, 2)


class Stack(nn.Module):
    """Convolutions in and out around ConvNeXt blocks, (B, idim, T) -> (B, odim, T)."""

    def __init__(self, idim, odim, hidden, layers, bottleneck):
        super().__init__()
        self.conv_in = nn.Sequential(
            nn.Conv1d(idim, bottleneck, 3, padding=1), nn.GELU(), nn.Conv1d(bottleneck, hidden, 3, padding=1)
        )
        self.decoder_block = nn.ModuleList(Block(hidden, 4 * hidden, 2, "weight", 0.3) for _ in range(layers))
        self.conv_out = nn.Conv1d(hidden, odim, 1, bias=False)

    def forward(self, x):
        x = self.conv_in(x)
        for block in self.decoder_block:
            x = block(x)
        return self.conv_out(x)


def unfold_time(x):
    """Returns (B, C/2, 2T) of (B, C, T): frame 2t from the first half of the channels, 2t + 1 from the second."""
    b, c, t = x.shape
    return x.view(b, 2, c // 2, t).permute(0, 2, 3, 1).reshape(b, c // 2, 2 * t)


class MelDecoder(nn.Module):
    """Decoder.safetensors: hidden states (B, dim, T) -> log-mel (B, 100, 2T)."""

    def __init__(self, dim=256, hidden=128, layers=4, bottleneck=96):
        super().__init__()
        self.decoder = Stack(dim // 2, dim // 2, hidden, layers, bottleneck)
        self.out_conv = nn.Conv1d(dim // 2, MELS, 3, padding=1, bias=False)
        self.register_buffer("coef", torch.full((1, MELS, 1), MEL_SCALE))

    def forward(self, x):
        return self.out_conv(self.decoder(unfold_time(x))) * self.coef


class DVAE(nn.Module):
    """DVAE.safetensors: log-mel -> four codes every two frames -> log-mel.

    Two groups of two levels each; a level rounds four numbers to one of five values.
    """

    def __init__(self, dim=128, hidden=128, encoder=4, decoder=4, bottleneck=96, vq=256):
        super().__init__()
        self.register_buffer("coef", torch.full((1, MELS, 1), MEL_SCALE))
        self.downsample_conv = nn.Sequential(
            nn.Conv1d(MELS, dim, 3, padding=1), nn.GELU(), nn.Conv1d(dim, dim, 4, 2, 1), nn.GELU()
        )
        self.encoder = Stack(dim, vq, hidden, encoder, bottleneck)
        self.decoder = Stack(vq // 2, vq // 2, hidden, decoder, bottleneck)
        self.out_conv = nn.Conv1d(vq // 2, MELS, 3, padding=1, bias=False)
        self.project_in = nn.ModuleList(nn.Linear(vq // 2, DIGITS) for _ in range(2))
        self.project_out = nn.ModuleList(nn.Linear(DIGITS, vq // 2) for _ in range(2))

    def latents(self, mel):
        """Returns for each group (B, T, 4), before rounding, of a log-mel (B, 100, 2T)."""
        x = self.encoder(self.downsample_conv(mel / self.coef)).transpose(1, 2)
        return [project(half) for project, half in zip(self.project_in, x.chunk(2, -1))]

    def quantise(self, latent):
        """Returns the sum of a group's levels (B, T, 4) and [codes of level 0, of level 1].

        Straight through for the gradient; while training, level 1 is left out at times: level 0 must carry speech
        alone.
        """
        total, rest, codes = 0, latent, []
        for scale in (1.0, 0.25):
            y = torch.tanh(rest / scale) * 2.002
            q = y.round()
            q = (y + (q - y).detach()) / 2
            codes.append(((2 * q.detach() + 2).round().long() * torch.tensor([1, 5, 25, 125])).sum(-1))
            total = total + q * scale
            rest = rest - (q * scale).detach()
            if self.training and scale == 1.0 and torch.rand(()) < 0.3:
                break
        return total, codes

    def encode(self, mel):
        """Returns the codes (B, 4, T) of a log-mel (B, 100, 2T)."""
        codes = []
        for latent in self.latents(mel):
            codes += self.quantise(latent)[1]
        return torch.stack(codes, 1)

    def features(self, codes):
        """Returns the features (B, vq, T) of codes (B, 4, T)."""
        out = []
        for group in range(2):
            q = 0
            for level, scale in enumerate((1.0, 0.25)):
                code = codes[:, 2 * group + level, :, None]
                q = q + ((code // torch.tensor([1, 5, 25, 125])) % 5 - 2) / 2 * scale
            out.append(self.project_out[group](q.float()))
        return torch.cat(out, -1).transpose(1, 2)

    def decode(self, features):
        """Returns the log-mel (B, 100, 2T) of features."""
        return self.out_conv(self.decoder(unfold_time(features))) * self.coef

    def forward(self, mel):
        """Returns the log-mel that is left of a log-mel, and the rounded latents (B, T, 8)."""
        groups = [self.quantise(latent)[0] for latent in self.latents(mel)]
        features = torch.cat([project(q) for project, q in zip(self.project_out, groups)], -1).transpose(1, 2)
        return self.decode(features), torch.cat(groups, -1)


class Vocos(nn.Module):
    """Vocos.safetensors: log-mel (B, 100, T) -> wave (B, 256 (T - 1))."""

    def __init__(self, dim=192, inner=576, layers=6):
        super().__init__()
        self.embed = nn.Conv1d(MELS, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.convnext = nn.ModuleList(Block(dim, inner, 1, "gamma", 1 / layers) for _ in range(layers))
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)
        self.out = nn.Linear(dim, N_FFT + 2)
        nn.init.trunc_normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, mel):
        x = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        x = self.out(self.final_layer_norm(x.transpose(1, 2))).transpose(1, 2).float()
        magnitude, phase = x.chunk(2, 1)
        magnitude = torch.clamp(torch.exp(magnitude), max=1e2)
        spectrum = torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))
        return torch.istft(spectrum, N_FFT, HOP, window=WINDOW, center=True)


class RMSNorm(nn.Module):
    """Root-mean-square norm, in f32."""

    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


def rotate(x, cos, sin):
    """Returns x with rotary positions."""
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class Layer(nn.Module):
    """A layer of Llama."""

    def __init__(self, dim, heads, inner):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(dim, dim, bias=False) for _ in range(4))
        self.gate_proj, self.up_proj = (nn.Linear(dim, inner, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(inner, dim, bias=False)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(dim), RMSNorm(dim)

    def forward(self, x, cos, sin, mask, guided=False):
        """Returns the layer's output and, if `guided`, the log of head 0's attention."""
        b, t, dim = x.shape
        y = self.input_layernorm(x)
        projections = (self.q_proj, self.k_proj, self.v_proj)
        q, k, v = (p(y).view(b, t, self.heads, dim // self.heads).transpose(1, 2) for p in projections)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        attention = None
        if guided:
            # Head 0 by hand, since its weights are supervised.
            scores = (q[:, 0].float() @ k[:, 0].float().transpose(-1, -2)) / math.sqrt(dim // self.heads)
            attention = torch.log_softmax(scores.masked_fill(~mask, -1e4), -1)
            first = (attention.exp().to(v.dtype) @ v[:, 0])[:, None]
            others = F.scaled_dot_product_attention(q[:, 1:], k[:, 1:], v[:, 1:], is_causal=True)
            y = torch.cat((first, others), 1)
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o_proj(y.transpose(1, 2).reshape(b, t, dim))
        y = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y)), attention


class GPT(nn.Module):
    """gpt/model.safetensors without its embeddings: Llama, (B, T, dim) -> (B, T, dim)."""

    def __init__(self, dim=256, heads=4, inner=640, layers=5, guided=(1, 2)):
        super().__init__()
        self.layers = nn.ModuleList(Layer(dim, heads, inner) for _ in range(layers))
        self.norm = RMSNorm(dim)
        self.guided, self.head_dim = guided, dim // heads
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.5 / math.sqrt(p.shape[1]))
        for layer in self.layers:
            nn.init.normal_(layer.o_proj.weight, std=0.1 / math.sqrt(dim))
            nn.init.normal_(layer.down_proj.weight, std=0.1 / math.sqrt(inner))

    def forward(self, x):
        """Returns the normed hidden states, the guided layers' attentions, and every layer's output."""
        t = x.shape[1]
        frequency = 1.0 / 10000 ** (torch.arange(0, self.head_dim, 2).float() / self.head_dim)
        angle = torch.arange(t).float()[:, None] * frequency[None]
        cos, sin = torch.cat((angle.cos(), angle.cos()), -1), torch.cat((angle.sin(), angle.sin()), -1)
        mask = torch.ones(t, t, dtype=torch.bool).tril()
        attentions, outputs = [], []
        for i, layer in enumerate(self.layers):
            x, attention = layer(x, cos, sin, mask, i in self.guided)
            if attention is not None:
                attentions.append(attention)
            outputs.append(x)
        return self.norm(x), attentions, outputs


def load_state(path):
    """Returns the value of a .pt file; ValueError says if it is none."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as e:
        raise ValueError(f"{path}: not a state of PyTorch, or one that holds more than tensors and numbers") from e


def load_dvae(path):
    """Returns a trained DVAE, for use."""
    net = DVAE()
    fill(net, load_state(path), path)
    return net.eval()


def load_vocos(path):
    """Returns a trained vocoder, for use."""
    net = Vocos()
    fill(net, part(load_state(path), "net", path), path)
    return net.eval()


def part(state, key, path):
    """Returns an entry of a state, with an error that names the file."""
    if not isinstance(state, dict) or key not in state:
        raise ValueError(f"{path}: holds no {key!r}")
    return state[key]


def fill(net, tensors, path):
    """Loads tensors into a network, with an error that names the file."""
    try:
        net.load_state_dict(tensors)
    except (RuntimeError, TypeError, AttributeError) as e:
        raise ValueError(f"{path}: {e}") from e
