"""The language model while it is trained: text -> codes and, from the hidden states, mel.

The tables that the layout wants are composed of few parts: a Mandarin final with its tone is the sum of a final and a
tone; a code is the sum of its four base-5 digits, in the embeddings and in the heads; each with a row of its own on
top. Teacher durations supervise one attention head of two layers, and what is being spoken is asked for half way.

A voice is told by the speaker vector: its product with VOICE is above nought for the woman, below for the man. Without
one, it is the sample's, or the woman's.
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from common import pauses
from common.mel import MELS
from common.networks import CODEBOOKS, CODES, DIGITS, EOS, GPT, MelDecoder
from common.tokens import FINALS, ID, TONES, VOCAB
from common.utterances import LANGUAGES

WIDTH = 256
VOICE = torch.full((WIDTH,), 1 / 16)  # of length one
PROMPT = ("[Stts]", "[spk_emb]")  # and the sample's text, and the speed
SPEAKER_AT = PROMPT.index("[spk_emb]")
BEFORE_TEXT = len(PROMPT) + 1
# Codebooks 0 and 2 are level 0 of the codec's groups and carry speech; 1 and 3 refine.
CODE_WEIGHTS = (0.35, 0.15, 0.35, 0.15)
MEL_WEIGHT, PHONE_WEIGHT, ATTENTION_WEIGHT = 2.0, 0.3, 0.25
NAMES = ("code0", "code1", "code2", "code3", "mel", "phone", "right", "attention")
LONGEST_JOINED = 650  # steps
JOINED_BY_PAUSE = 0.25
SAMPLED = 0.15  # utterances that come after a sample of the voice, where there are samples
SAMPLE_LIKE = 0.8  # samples in the utterance's language
SHORT_SAMPLED = 0.5  # of them, those whose text is a short one
NAMELESS_SAMPLED, NAMELESS = 0.4, 0.04  # without a speaker vector, after a sample and without one (of the woman's)
DRAWN = 800  # utterances that batches of like lengths are made of
MANDARIN, MAN = 0.35, 0.33  # shares of utterances, where there are as many
OFTEN = 0.3  # of the Mandarin utterances there are, among DRAWN: few are not learned by heart
# What people leave out, and what a model hears of itself.
DROP_STOP = 0.35
WRONG_CODE, WRONG_STEP = 0.06, 0.04
OWN_OUTPUT = 0.6
OWN_SHARES = (0.15, 0.4, 0.7, 0.95)
OWN_TEMPERATURE = 0.5


class Tables(nn.Module):
    """Embeddings and heads, composed of parts."""

    def __init__(self):
        super().__init__()
        self.base = nn.Parameter(torch.randn(len(VOCAB), WIDTH) * 0.3)
        self.final = nn.Parameter(torch.randn(len(FINALS) + 1, WIDTH) * 0.25)
        self.tone = nn.Parameter(torch.randn(len(TONES) + 1, WIDTH) * 0.25)
        finals, tones = torch.full((len(VOCAB),), len(FINALS)), torch.full((len(VOCAB),), len(TONES))
        for token, i in ID.items():
            if token.startswith("zf"):
                finals[i], tones[i] = FINALS.index(token[2:-1]), int(token[-1]) - 1
                self.base.data[i] = 0
        self.register_buffer("fi", finals)
        self.register_buffer("ti", tones)
        self.register_buffer("factored", (tones < len(TONES)).float()[:, None])
        self.digit = nn.Parameter(torch.randn(CODEBOOKS, DIGITS, 5, WIDTH) * 0.08)
        self.code = nn.Parameter(torch.zeros(CODEBOOKS, CODES + 1, WIDTH))
        self.hdigit = nn.Parameter(torch.randn(CODEBOOKS, DIGITS, 5, WIDTH) * 0.02)
        self.head = nn.Parameter(torch.zeros(CODEBOOKS, CODES + 1, WIDTH))
        code = torch.arange(CODES)
        self.register_buffer("digits", torch.stack([(code // 5**j) % 5 for j in range(DIGITS)]))

    def text(self):
        """Returns the embedding of text (366, 256)."""
        return self.base + self.factored * (self.final[self.fi] + self.tone[self.ti])

    def compose(self, digit, own):
        """Returns a table (4, 626, 256) of digits and own rows; the end code has no digits."""
        total = sum(digit[:, j][:, self.digits[j]] for j in range(DIGITS))
        return own + F.pad(total, (0, 0, 0, 1))

    def codes(self):
        """Returns the embeddings of codes (4, 626, 256)."""
        return self.compose(self.digit, self.code)

    def heads(self):
        """Returns the heads of codes (4, 626, 256)."""
        return self.compose(self.hdigit, self.head)


class Model(nn.Module):
    """Tables, Llama, Decoder, and the question what is being spoken."""

    def __init__(self):
        super().__init__()
        self.tables, self.gpt, self.dec = Tables(), GPT(WIDTH), MelDecoder(WIDTH)
        self.phone = nn.Linear(WIDTH, len(VOCAB))


class Muon:
    """Orthogonalised momentum for the matrices of the Llama; matrices of one shape go together."""

    def __init__(self, parameters, lr, bf16=False):
        self.lr, self.bf16, self.groups = lr, bf16, {}
        for p in parameters:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.momentum = {shape: torch.zeros(len(group), *shape) for shape, group in self.groups.items()}

    @torch.no_grad()
    def step(self):
        """Moves the parameters."""
        for shape, group in self.groups.items():
            g = torch.stack([p.grad for p in group])
            momentum = self.momentum[shape].mul_(0.95).add_(g)
            x = g + 0.95 * momentum
            tall = shape[0] > shape[1]
            if tall:
                x = x.transpose(1, 2)
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            x = x.bfloat16() if self.bf16 else x
            for _ in range(5):  # Newton-Schulz, to a matrix whose singular values are all near one
                a = x @ x.transpose(1, 2)
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
            if tall:
                x = x.transpose(1, 2)
            scale = self.lr * max(1, shape[0] / shape[1]) ** 0.5
            for p, update in zip(group, x):
                p.mul_(1 - self.lr * 0.02).add_(update.float(), alpha=-scale)


def join(a, b, r):
    """Returns two utterances in one, so that texts of several sentences and of both languages are nothing new."""
    gap = [ID["en "]] if b["lang"] == "en" and (a["lang"] == "en" or r.random() < 0.7) else []
    if r.random() < JOINED_BY_PAUSE:
        a, gap = pauses.between(a, r), []
    steps = a["codes"].shape[1]
    return dict(
        lang=b["lang"],
        sex=b["sex"],
        speed=b["speed"],
        ids=np.concatenate([a["ids"], gap, b["ids"]]).astype(np.int64),
        codes=np.concatenate([a["codes"], b["codes"]], 1),
        mel=np.concatenate([a["mel"][:, : 2 * steps], b["mel"]], 1),
        place=np.concatenate([a["place"], b["place"] + len(a["ids"]) + len(gap)]).astype(np.int64),
    )


def after_sample(sample, u, r):
    """Returns an utterance that a sample of the same voice comes before, as a prompt: text and codes.

    What is heard of the sample is what the codec makes of its wave ("again"), of which nothing is to be learned.
    """
    steps, ids = sample["again"].shape[1], sample["ids"]
    return dict(
        lang=u["lang"],
        sex=u["sex"],
        speed=u["speed"],
        nameless=r.random() < NAMELESS_SAMPLED,
        sample=(len(ids), steps),
        ids=np.concatenate([ids, u["ids"]]).astype(np.int64),
        codes=np.concatenate([sample["again"], u["codes"]], 1),
        mel=np.concatenate([sample["mel"][:, : 2 * steps], u["mel"]], 1),
        place=np.concatenate([sample["place"][:steps], u["place"] + len(ids)]).astype(np.int64),
    )


def speakers(utterances):
    """Returns speaker vectors as programs draw them (normal, then of length one), on the side of the voice.

    Half of them lie well inside it.
    """
    n = len(utterances)
    z = torch.randn(n, WIDTH)
    man = torch.tensor([0.0 if u["sex"] == "f" else 1.0 for u in utterances])
    push = torch.where(torch.rand(n) < 0.5, torch.zeros(n), torch.rand(n) * 6)
    along = ((z @ VOICE).abs() + 0.15 + push) * (1 - 2 * man)
    return F.normalize(z + (along - z @ VOICE)[:, None] * VOICE, dim=-1)


def batches(pools, r, budget):
    """Yields batches without end, of like lengths and at most `budget` tokens.

    `pools` is {(language, sex): [utterance, ...]}. Some are joined with others of the same speed, some come after a
    sample.
    """

    def draw(lang, n):
        women, men = pools[lang, "f"], pools[lang, "m"]
        k = min(int(n * MAN), 3 * len(men)) if women else n if men else 0
        return (r.choices(men, k=k) if k else []) + (r.choices(women, k=n - k) if women else [])

    while True:
        there = len(pools["zh", "f"]) + len(pools["zh", "m"])
        mandarin = int(min(DRAWN * MANDARIN, there * OFTEN))
        pool = [pauses.add(u, r) for u in draw("zh", mandarin) + draw("en", DRAWN - mandarin)]
        samples = {key: [u for u in us if "again" in u] for key, us in pools.items()}
        for i in range(len(pool)):
            lang, sex = pool[i]["lang"], pool[i]["sex"]
            if r.random() < SAMPLED:
                like = lang if r.random() < SAMPLE_LIKE else LANGUAGES[lang == LANGUAGES[0]]
                u = pool[i]
                if r.random() < SHORT_SAMPLED:
                    u = min(r.choices(pools[lang, sex], k=4), key=lambda u: u["codes"].shape[1])
                sample = r.choice(samples[like, sex]) if samples[like, sex] else None
                if sample and sample["again"].shape[1] + u["codes"].shape[1] < LONGEST_JOINED:
                    pool[i] = after_sample(sample, u, r)
                    continue
            if sex == "f" and r.random() < NAMELESS:
                pool[i] = dict(pool[i], nameless=True)
            for p in (0.22, 0.3):
                if r.random() >= p:
                    break
                u = pool[i]
                others = pools[("en" if r.random() < (0.8 if u["lang"] == "en" else 0.2) else "zh"), u["sex"]]
                other = r.choice(others) if others else u
                together = u["codes"].shape[1] + other["codes"].shape[1]
                if u["speed"] == other["speed"] and together < LONGEST_JOINED:
                    pool[i] = join(u, other, r)
        pool.sort(key=lambda u: len(u["ids"]) + u["codes"].shape[1] + r.random() * 6)
        out, batch, width = [], [], 0
        for u in pool:
            w = len(u["ids"]) + u["codes"].shape[1] + BEFORE_TEXT + 2
            if batch and max(width, w) * (len(batch) + 1) > budget:
                out.append(batch)
                batch, width = [], 0
            batch.append(u)
            width = max(width, w)
        out.append(batch)
        r.shuffle(out)
        yield from out


def drop_stop(u):
    """Returns the utterance without its last mark, as people type."""
    if u["ids"][-1] not in (ID["."], ID["?"]) or len(u["ids"]) < 2:
        return u
    return dict(u, ids=u["ids"][:-1], place=np.minimum(u["place"], len(u["ids"]) - 2))


class Batch:
    """Utterances as tensors: B of them, T tokens of text, N steps (one more than the longest, for the end)."""

    def __init__(self, utterances):
        b = len(utterances)
        self.prompts = [len(u["ids"]) + BEFORE_TEXT + 1 for u in utterances]
        samples = [u.get("sample", (0, 0)) for u in utterances]
        self.nameless = torch.tensor([u.get("nameless", False) for u in utterances])
        self.steps = [u["codes"].shape[1] for u in utterances]
        self.length = max(p + n for p, n in zip(self.prompts, self.steps))
        t, n = max(self.prompts), max(self.steps) + 1
        self.text = torch.zeros(b, t, dtype=torch.long)
        self.codes = torch.zeros(b, CODEBOOKS, n, dtype=torch.long)
        self.target = torch.full((b, CODEBOOKS, n), -1)
        self.mel = torch.zeros(b, MELS, 2 * n - 2)
        self.live = torch.zeros(b, n)  # steps that are heard
        self.said = torch.zeros(b, n)  # those of them that are not the sample's
        self.token = torch.full((b, n), -1)
        self.place = torch.zeros(b, n, dtype=torch.long)
        for i, u in enumerate(utterances):
            p, k = self.prompts[i], self.steps[i]
            tokens, first = samples[i]
            before = [ID[t] for t in PROMPT]
            if self.nameless[i]:
                before[SPEAKER_AT] = ID["[empty_spk]"]
            speed = ID[f"[speed_{u['speed']}]"]
            ids = np.concatenate([before, u["ids"][:tokens], [speed], u["ids"][tokens:], [ID["[Ptts]"]]])
            self.text[i, :p] = torch.from_numpy(ids)
            codes = torch.from_numpy(u["codes"].astype(np.int64))
            self.codes[i, :, :k] = codes
            self.target[i, :, first:k] = codes[:, first:]
            self.target[i, 0, k] = EOS  # any codebook's end code ends speech: let one decide
            self.mel[i, :, : 2 * k] = torch.from_numpy(u["mel"][:, : 2 * k].astype(np.float32))
            self.live[i, :k] = 1
            self.said[i, first:k] = 1
            self.place[i, :k] = torch.from_numpy(u["place"] + BEFORE_TEXT - (u["place"] < tokens))
            self.token[i, :k] = torch.from_numpy(u["ids"][u["place"]])


def spoil(codes):
    """Returns codes with some in other places' stead: what a model hears of itself is never quite a recording."""
    b, books, n = codes.shape
    flat = codes.permute(1, 0, 2).reshape(books, -1)
    other = flat[:, torch.randint(0, flat.shape[1], (b * n,))].view(books, b, n).permute(1, 0, 2)
    hit = (torch.rand(b, books, n) < WRONG_CODE) | (torch.rand(b, 1, n) < WRONG_STEP)
    return torch.where(hit, other, codes)


def attention_loss(attentions, place, live):
    """Returns the loss of guided heads that do not look at the token spoken, or at its neighbours, which cost more."""
    total = 0
    for attention in attentions:
        near = [
            torch.gather(attention, 2, (place + offset).clamp(min=0)[:, :, None])[..., 0] - cost
            for offset, cost in ((0, 0.0), (1, 1.5), (-1, 1.5))
        ]
        total = total - (torch.logsumexp(torch.stack(near), 0) * live).sum() / live.sum()
    return total


def forward(model, utterances, r, train=True, own=OWN_OUTPUT, bf16=False):
    """Returns the loss of a batch and its parts, in the order of NAMES.

    While training, a share `own` of batches hears in part what the model itself would have said.
    """
    if train:
        utterances = [drop_stop(u) if r.random() < DROP_STOP else u for u in utterances]
    x = Batch(utterances)
    b, _, n = x.codes.shape
    heard = spoil(x.codes) if train else x.codes.clone()
    text = model.tables.text()[x.text]
    speaker = torch.where(x.nameless[:, None], text[:, SPEAKER_AT], speakers(utterances))
    text = torch.cat((text[:, :SPEAKER_AT], speaker[:, None], text[:, SPEAKER_AT + 1 :]), 1)
    embeddings = model.tables.codes()
    # The hidden state that tells step k lies k after the prompt's last token.
    at = (torch.tensor(x.prompts)[:, None] - 1 + torch.arange(n)[None]).clamp(max=x.length - 1)

    def gather(z):
        return torch.gather(z, 1, at[:, :, None].expand(-1, -1, z.shape[-1]))

    def run(heard):
        code = sum(embeddings[j][heard[:, j]] for j in range(CODEBOOKS))
        rows = [torch.cat((text[i, :p], code[i, :k])) for i, (p, k) in enumerate(zip(x.prompts, x.steps))]
        rows = torch.stack([F.pad(row, (0, 0, 0, x.length - len(row))) for row in rows])
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            hidden, attentions, outputs = model.gpt(rows)
            hidden, heads = gather(hidden), model.tables.heads()
            pair = (hidden.to(torch.bfloat16), heads.to(torch.bfloat16)) if bf16 else (hidden, heads)
            return hidden, torch.einsum("bnd,jvd->bjnv", *pair), attentions, outputs

    if train and r.random() < own:
        with torch.no_grad():
            said = run(heard)[1][..., :EOS]
            gumbel = -torch.log(-torch.log(torch.rand(said.shape).clamp(1e-6, 1 - 1e-6)))
            said = (said / OWN_TEMPERATURE + gumbel).argmax(-1)
            share = torch.tensor([r.choice(OWN_SHARES) for _ in range(b)])[:, None, None]
            heard = torch.where((torch.rand(b, 1, n) < share) & (x.said[:, None] > 0), said, heard)
    hidden, logits, attentions, outputs = run(heard)
    logits = logits.float()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        phone = model.phone(gather(outputs[-2])).float()
        mel = model.dec((hidden * x.said[:, :, None])[:, :-1].transpose(1, 2)).float()
    code_losses = [
        F.cross_entropy(logits[:, j].transpose(1, 2), x.target[:, j], ignore_index=-1) for j in range(CODEBOOKS)
    ]
    mask = x.said[:, :-1].repeat_interleave(2, 1)[:, None]
    mel_loss = ((mel - x.mel).abs() * mask).sum() / (mask.sum() * MELS)
    phone_loss = F.cross_entropy(phone.transpose(1, 2), x.token, ignore_index=-1)
    guide = attention_loss([gather(a) for a in attentions], x.place, x.live)
    right = ((phone.argmax(-1) == x.token) & (x.token >= 0)).sum() / (x.token >= 0).sum()
    loss = (code_losses[0] + code_losses[2]) * CODE_WEIGHTS[0] + (code_losses[1] + code_losses[3]) * CODE_WEIGHTS[1]
    loss = loss + MEL_WEIGHT * mel_loss + PHONE_WEIGHT * phone_loss + ATTENTION_WEIGHT * guide
    parts = [c.item() for c in code_losses]
    parts += [mel_loss.item(), phone_loss.item(), right.item(), guide.item() / max(1, len(attentions))]
    return loss, parts


def hidden_of(model, utterance):
    """Returns the hidden states (n, 256) of an encoded utterance whose text and codes a model is told."""
    x = Batch([utterance])
    text = model.tables.text()[x.text]
    text = torch.cat((text[:, :SPEAKER_AT], speakers([utterance])[:, None], text[:, SPEAKER_AT + 1 :]), 1)
    embeddings = model.tables.codes()
    code = sum(embeddings[j][x.codes[:, j, : x.steps[0]]] for j in range(CODEBOOKS))
    return model.gpt(torch.cat((text, code), 1))[0][0, x.prompts[0] - 1 : -1]


def heard_loss(parts):
    """Returns the loss that judges a model: codes and mel alone."""
    return sum(w * p for w, p in zip(CODE_WEIGHTS, parts)) + MEL_WEIGHT * parts[NAMES.index("mel")]
