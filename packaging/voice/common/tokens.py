"""The vocabulary: 366 tokens, each near a sound.

English is read as phonemes ("en" + one IPA-like sign), Mandarin as an initial ("zi" + "zh") and a final with its tone
("zf" + "ong1"). The order is the order of the rows in the text embedding, so nothing may move.
"""

import json

import numpy as np

BASE = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Tokens of ChatTTS that steer it.
SPECIAL = (
    "[Sasr] [Pasr] [Easr] [Stts] [Ptts] [Etts] [Sbreak] [Pbreak] [Ebreak] [uv_break] [v_break] [lbreak] [llbreak] "
    "[undefine] [laugh] [spk_emb] [empty_spk] [music] [pure]"
).split()
SPECIAL += [f"[break_{i}]" for i in range(8)] + [f"[laugh_{i}]" for i in range(3)]
SPECIAL += [f"[oral_{i}]" for i in range(10)] + [f"[speed_{i}]" for i in range(10)]

# Two letters before one, so that the longest is found first.
INITIALS = "zh ch sh b p m f d t n l g k h j q x r z c s y w".split()
# v stands for ü, and ii for the i of zi and zhi.
FINALS = (
    "a o e er ai ei ao ou an en ang eng ong i ii ia ie iao iu ian in iang ing iong u ua uo uai ui uan un uang ueng "
    "v ve van vn vang vong io ue m n ng hm"
).split()
TONES = "12345"
PHONEMES = list(dict.fromkeys(" AIOQWYTbdfhijklmnpstuvwzæðŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒʔʤʧˈˌːθᵊᵻɨxyceao"))

VOCAB = (
    BASE
    + [",", ".", "?"]
    + ["en" + p for p in PHONEMES]
    + ["zi" + i for i in INITIALS]
    + [f"zf{f}{t}" for f in FINALS for t in TONES]
    + SPECIAL
)
ID = {token: i for i, token in enumerate(VOCAB)}


def token_ids(utterance):
    """Returns the ids of an utterance's tokens; raises KeyError for a token that is not in the vocabulary."""
    ids = []
    for t in utterance["tokens"]:
        if t in ",.?":
            ids.append(ID[t])
        elif utterance["lang"] == "en":
            ids.append(ID["en" + t])
        elif t[-1] in TONES:
            ids.append(ID["zf" + t])
        else:
            ids.append(ID["zi" + t])
    return np.array(ids)


def side_files():
    """Returns {name: text} of the files that ChatTTS keeps beside tokenizer.json; they say nothing of their own."""
    names = dict(unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    config = dict(tokenizer_class="BertTokenizer", do_lower_case=True, tokenize_chinese_chars=True, strip_accents=None)
    config.update(names, additional_special_tokens=SPECIAL)
    return {
        "tokenizer_config.json": json.dumps(config, indent=1),
        "special_tokens_map.json": json.dumps(dict(additional_special_tokens=SPECIAL, **names), indent=1),
    }
