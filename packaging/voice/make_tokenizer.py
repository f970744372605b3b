#!/usr/bin/env python3
"""Write the voice's tokenizer: text -> phoneme-like tokens, with nothing but what the `tokenizers` format offers.

    make_tokenizer.py OUT [--words 4000]

Han characters become two tokens each (initial, final with tone): by Replace rules where the characters beside one
tell its reading, else through a precompiled character map of the commonest. Common English words become their
phonemes by whole-word Replace rules, words in the order of Whisper's (GPT-2's) vocabulary; what is left of Latin
letters goes through letter-to-sound rules. Every token is one private-use character, U+E000 + id.

Writes OUT/tokenizer.json and the two small files beside it. Needs requirements-teach.txt.
"""

import argparse
import base64
import json
import os
import re
import struct
import sys

from common.files import write_text
from common.tokens import BASE, ID, SPECIAL, VOCAB, side_files
from common.words import dump, rule

FIRST_CHARACTER = 0xE000
# Letters that no word of the list took, longest first; lookarounds and \b tell the place in the word.
LETTERS_TO_SOUND = [
    tuple(line.split("=>"))
    for line in r"""
tion=>ʃən sion=>ʒən ture=>ʧəɹ ough=>O augh=>ɔ eigh=>A tch=>ʧ dge=>ʤ igh=>I sch=>sk kn(?=[a-z])=>n wr=>ɹ ck=>k
ch=>ʧ sh=>ʃ th=>θ ph=>f wh=>w qu=>kw gh=>ɡ
a(?=[bcdfgklmnprstvz]es?\b)=>A i(?=[bcdfgklmnprstvz]es?\b)=>I o(?=[bcdfgklmnprstvz]es?\b)=>O
u(?=[bcdfgklmnprstvz]es?\b)=>u
ee|ea|ie=>i oo=>u ou=>W ow=>O ai|ay|ei|ey=>A oi|oy=>Y au|aw=>ɔ oa=>O ew|eu|ue=>u
are\b=>ɛɹ er\b=>əɹ ar=>ɑɹ or=>ɔɹ ir|ur|er=>ɜɹ ing\b=>ɪŋ ng\b=>ŋ nk=>ŋk c(?=[eiy])=>s g(?=[eiy])=>ʤ
le\b=>ᵊl es\b=>ᵻz ed\b=>d e\b=> y\b=>i \by=>j a\b=>ə o\b=>O
bb=>b dd=>d ff=>f gg=>ɡ ll=>l mm=>m nn=>n pp=>p rr=>ɹ ss=>s tt=>t zz=>z cc=>k
a=>æ b=>b c=>k d=>d e=>ɛ f=>f g=>ɡ h=>h i=>ɪ j=>ʤ k=>k l=>l m=>m n=>n o=>ɑ p=>p q=>k r=>ɹ s=>s t=>t u=>ʌ v=>v w=>w x=>ks
y=>ɪ z=>z
""".split()
]
LETTER_NAMES = (
    "ˈA bˈi sˈi dˈi ˈi ˈɛf ʤˈi ˈAʧ ˈI ʤˈA kˈA ˈɛl ˈɛm ˈɛn ˈO pˈi kjˈu ˈɑɹ ˈɛs tˈi jˈu vˈi dˈʌbᵊlju ˈɛks wˈI zˈi"
).split()
SHORT_FORMS = (
    "i'm i'll i've i'd it's that's he's she's there's what's let's don't doesn't didn't can't couldn't won't "
    "wouldn't isn't aren't wasn't weren't haven't hasn't shouldn't you're we're they're you'll we'll they'll you've "
    "we've they've who's here's where's o'clock"
).split()
SHORT_WORDS = "i a an am as at be by do go he if in is it me my no of oh ok on or so to up us we".split()
MORE_WORDS = "hundred thousand million hello goodbye welcome oclock thank degrees euros dollars".split()
SAMPLES = [
    "[Stts][spk_emb][speed_5]Hello world, this is a zorblatt test.[Ptts]",
    "你好，世界！我用python写程序。",
    "银行行长觉得长江的音乐很快乐。",
    "Don't you think it's time? John's cat",
    "The unbelievable tokenization.",
]


def character(token):
    """Returns the private-use character that stands for a token."""
    return chr(FIRST_CHARACTER + ID[token])


def phonemes(text):
    """Returns the characters of English phonemes."""
    return "".join(character("en" + p) for p in text)


def replace(regex, content):
    """Returns a Replace rule."""
    return {"type": "Replace", "pattern": {"Regex": regex}, "content": content}


def double_array(keys):
    """Returns the units of a darts-clone trie (which `Precompiled` searches) for {bytes: value}."""
    trie = {}
    for key, value in keys.items():
        node = trie
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = value
    units, bases, taken = {0: 0}, set(), {0}
    first = 1

    def place(node, at):
        nonlocal first
        labels = [0 if byte is None else byte for byte in node]
        base = first
        while not (
            base not in bases
            and (at ^ base) < (1 << 21)
            and all((base ^ label) not in taken for label in labels)
            and 0 not in [base ^ label for label in labels]
        ):
            base += 1
        bases.add(base)
        if base - first > 64:
            first = base - 32
        for label in labels:
            taken.add(base ^ label)
        offset = at ^ base
        link = offset << 10 if offset < (1 << 21) else ((offset >> 8) << 10) | (1 << 9)
        units[at] = (units.get(at, 0) & 0xFF) | link | ((1 << 8) if None in node else 0)
        for byte, child in node.items():
            if byte is None:
                units[base] = child | (1 << 31)
            else:
                units[base ^ byte] = byte
        for byte, child in node.items():
            if byte is not None:
                place(child, base ^ byte)

    place(trie, 0)
    return [units.get(i, 0) for i in range((max(units) // 256 + 1) * 256)]


def precompiled(mapping):
    """Returns sentencepiece's character map of {text: replacement}, in base 64."""
    replacements, keys, seen = b"", {}, {}
    for text, content in mapping.items():
        if content not in seen:
            seen[content] = len(replacements)
            replacements += content.encode() + b"\0"
        keys[text.encode()] = seen[content]
    units = double_array(keys)
    raw = struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + replacements
    return base64.b64encode(raw).decode()


def syllable(reading):
    """Returns the characters of a reading's tokens; none if it is no syllable of the model's."""
    from common.mandarin import split_syllable

    if not re.fullmatch("[a-zü]+[1-5]?", reading):
        return ""
    initial, final = split_syllable(reading)
    tokens = (["zi" + initial] if initial else []) + ["zf" + final]
    return "".join(character(t) for t in tokens) if all(t in ID for t in tokens) else ""


def han_map():
    """Returns {Han character: its tokens' characters}, and the rules for other readings of some of them."""
    from common.readings import read, readings

    first, beside = readings()
    out, rules = {}, {}
    for code in range(0x4E00, 0x9FA6):
        han = chr(code)
        try:
            han.encode("gb18030")
        except UnicodeEncodeError:
            continue
        said = syllable(first.get(han) or read(han)[0])
        if said:
            out[han] = said
    # A rule for each reading, whatever it is of.
    for (han, reading), (before, after) in beside.items():
        places = ([f"(?<=[{before}]){han}"] if before else []) + ([f"{han}(?=[{after}])"] if after else [])
        if syllable(reading):
            rules.setdefault(syllable(reading), []).extend(places)
    return out, [replace("|".join(places), said) for said, places in rules.items()]


def common_words(count, tokenizer_json):
    """Returns the commonest English words: whole-word pieces of a GPT-2 vocabulary, in the order they were merged."""
    with open(tokenizer_json, encoding="utf-8") as f:
        vocab = json.load(f)["model"]["vocab"]
    words = [w[1:].lower() for w, _ in sorted(vocab.items(), key=lambda x: x[1]) if re.fullmatch("Ġ[A-Za-z]+", w)]
    return list(dict.fromkeys(w for w in words if len(w) > 2 or w in SHORT_WORDS))[:count]


def lexicon(count, tokenizer_json):
    """Returns {word: phonemes}, short forms first: a rule takes what an earlier one left, so "i'm" comes before "i"."""
    from common.english import CITIES, DAYS, FIXED, MONTHS, NAMES, ONES, ORDINALS, TENS, say

    own = [*FIXED, *ONES, *TENS, *MONTHS, *DAYS, *NAMES, *CITIES, *ORDINALS, *MORE_WORDS]
    words = list(dict.fromkeys(SHORT_FORMS + [w.lower() for w in own] + common_words(count, tokenizer_json)))
    said = {w: say(w) for w in sorted(words, key=lambda w: "'" not in w)}
    return {w: p for w, p in said.items() if p and all("en" + c in ID for c in p)}


def normalizers(words, han, readings):
    """Returns the rules, in order, for {word: phonemes} and what `han_map` returns."""
    comma, stop, question, space = character(","), character("."), character("?"), phonemes(" ")
    rules = [
        dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=False, strip_accents=True, lowercase=True),
        replace("[，、；：;:,—]+", ","),
        replace("[。！!.…]+", "."),
        replace("[？?]+", "?"),
        replace("[’‘`]", "'"),
        replace("-", " "),
        *readings,
        dict(type="Precompiled", precompiled_charsmap=precompiled(han)),
        replace(",(?=[a-z])", ", "),
    ]
    rules += [rule(word, phonemes(p)) for word, p in words.items()]
    rules += [replace("'s\\b", phonemes("z")), replace("'", "")]
    rules += [rule(letter, phonemes(p)) for letter, p in zip("abcdefghijklmnopqrstuvwxyz", LETTER_NAMES)]
    rules += [replace(regex, phonemes(p)) for regex, p in LETTERS_TO_SOUND]
    # Mandarin's tokens lie together, between its first initial and the first of ChatTTS's own.
    mandarin = f"[{character('zizh')}-{chr(FIRST_CHARACTER + ID['[Sasr]'] - 1)}]"
    rules += [
        replace(r"\s+", " "),
        replace(rf"(?<={mandarin}) ", ""),
        replace(rf" (?={mandarin})", ""),
        replace(" (?=[,.?])", ""),
        replace("^[ ,.?]+", ""),
        replace(" +$", ""),
        replace(r"(?<=[,.?])[,.?]+", ""),
        replace(",", comma),
        replace(r"\.", stop),
        replace(r"\?", question),
        replace(" ", space),
        replace("[^\ue000-\uf8ff]", ""),
    ]
    return rules


def tokenizer_of(words, han, readings):
    """Returns the value of tokenizer.json for {word: phonemes} and what `han_map` returns."""
    special = BASE + SPECIAL
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return dict(
        version="1.0",
        truncation=None,
        padding=None,
        added_tokens=[dict(id=ID[t], content=t, **flags) for t in special],
        normalizer=dict(type="Sequence", normalizers=normalizers(words, han, readings)),
        pre_tokenizer=dict(type="Split", pattern={"Regex": "."}, behavior="Isolated", invert=False),
        post_processor=None,
        decoder=dict(type="WordPiece", prefix="##", cleanup=True),
        model=dict(
            type="WordPiece",
            unk_token="[UNK]",
            continuing_subword_prefix="##",
            max_input_chars_per_word=100,
            vocab={t if t in special else character(t): i for t, i in ID.items()},
        ),
    )


def write(folder, text):
    """Writes tokenizer.json and the files beside it."""
    os.makedirs(folder, exist_ok=True)
    write_text(f"{folder}/tokenizer.json", text)
    for name, content in side_files().items():
        write_text(f"{folder}/{name}", content)


def show(token):
    """Returns a token as a person reads it."""
    kind = token[:2]
    return token[2:] + " " * (kind == "zf") if kind in ("en", "zi", "zf") else token


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", help="folder to write; made if it is not there")
    p.add_argument("--words", type=int, default=4000, help="common words, besides the templates' own (default: 4000)")
    p.add_argument("--vocabulary", metavar="FILE", help="a tokenizer.json of GPT-2's kind (default: Whisper tiny.en's)")
    a = p.parse_args()
    try:
        if a.vocabulary is None:
            from recognise import bundled_model

            a.vocabulary = f"{bundled_model()}/tokenizer.json"
        words = lexicon(a.words, a.vocabulary)
        text = dump(tokenizer_of(words, *han_map()))
    except (ImportError, OSError, KeyError, ValueError) as e:
        sys.exit(f"make_tokenizer: {e}")
    write(a.out, text)
    print(f"{a.out}: {len(words)} words, {len(text.encode())} bytes")

    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{a.out}/tokenizer.json")
    for sample in SAMPLES:
        ids = tokenizer.encode(sample, add_special_tokens=False).ids
        print(sample, "->", "".join(show(VOCAB[i]) for i in ids))


if __name__ == "__main__":
    main()
