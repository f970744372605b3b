"""Writes the seeds: small inputs that the readers take, from which the fuzzer goes on. Nothing in them is from a
published model. Run it in this folder: python3 make_seeds.py PROGRAM, where PROGRAM is chattts-rs; the MP3 needs
the package lameenc.
"""

import json
import lzma
import math
import pathlib
import pickle
import random
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
CONTROL = (
    "[Sasr] [Pasr] [Easr] [Stts] [Ptts] [Etts] [Sbreak] [Pbreak] [Ebreak] [uv_break] [v_break] [lbreak] [llbreak] "
    "[undefine] [laugh] [spk_emb] [empty_spk] [music] [pure]"
).split()
CONTROL += [f"[{family}_{n}]" for family, count in (("break", 8), ("laugh", 3), ("oral", 10), ("speed", 10))
            for n in range(count)]


def write(target, name, content):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def write_json(target, name, content):
    write(target, name, json.dumps(content, ensure_ascii=False))


# Texts.
ssml = {
    "breaks": '<speak>一<break/>二<break time="500ms"/>三<break time="1.5s"/><break strength="x-strong"/>四</speak>',
    "say-as": '<speak><say-as interpret-as="characters">G7</say-as> <say-as interpret-as="date" format="mdy">'
    '2/3/69</say-as> <say-as interpret-as="telephone">+86 10 5555</say-as> <say-as interpret-as="time" '
    'format="hms12">8:05pm</say-as> <say-as interpret-as="number" format="ordinal">3</say-as></speak>',
    "manner": '<?xml version="1.0"?><speak version="1.1" xml:lang="en-US"><p><s>Hi <prosody rate="80%">slow '
    '<prosody rate="x-fast">fast</prosody></prosody></s></p><p xml:lang="zh"><voice name="4099">你好</voice></p></speak>',
    "sub": '<speak><!-- no --><sub alias="World Wide Web">WWW</sub> &amp; &#x41;<![CDATA[ 1 < 2 ]]> [laugh]</speak>',
    "wrong": "<speak>\n<break time='99s'/>\n<b></speak>",
}
for name, text in ssml.items():
    write("ssml", name, text)
    write("compose", f"ssml-{name}", "1" + text)
markdown = {
    "blocks": "---\ntitle: x\n---\n# 标题\n\n> 引 *好*，[这里](http://a.b)\n\n1. 一\n2. two\n   - [x] 3\n\n---\n",
    "table": "| a | b |\n|---|:-:|\n| 1 | ~~2~~ |\n\n```rust\nlet x = 1;\n```\n\n![图](x.png) 2*3*4 1~2[^1]\n\n[^1]: 注\n",
    "html": "<div>a<br>b</div>\n\n<p>c &nbsp; d</p> [laugh](x) **12**%  \nend\\\n",
}
for name, text in markdown.items():
    write("markdown", name, text)
    write("compose", f"markdown-{name}", "2" + text)
texts = {
    "numbers": "总价是123.5元，比2023年涨了12%。Dr. Smith paid $5.20 at 8:05 pm, 3/4 of 1,000 km² (-3°C).",
    "signs": "É café 'quoted' “引” a—b… 😀👍🏽 ①②③ ℃ №7 x² H₂O 10:30-12:00 +86 138-0013-8000 http://a.b/c?d=1 a@b.cn",
    "tags": "好[uv_break]的[laugh] [lbreak] [oral_2] [Laugh] [uvbreak] 第3届\n\n第II章\tA&B 50/50 1e5 0x1F v1.2.3",
    "english": "In the 1990s, the 21st U.S. Army's 1st Lt. ran 5'10\" vs. 3x; e.g. 12:00 a.m. on Jan. 3rd, 2024 £1.5bn.",
    "chinese": "二〇二四年１月２日，第3次，约５～６個，1/3，-5℃，3:2，100kg，A4纸，T恤，K歌，電話12345678，％＆。",
}
for name, text in texts.items():
    write("normalize", name, text)
    write("tags", name, text)
    write("compose", f"text-{name}", ("4" if name == "english" else "0") + text)
write("tags", "row", "[oral_2][laugh_0][break_6][speed_4]")
write("tags", "bare", "oral_2, laugh_0 speed_4")
write("tags", "long", "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少？" * 8 + "A sentence. Another one, with a clause; and more! " * 8)
write_json("homophones", "table", {"後": "后", "裏": "里", "é": "e"})
write_json("homophones", "wrong", {"xyzzy": "xyzzy", "a": 1})
words = [*"今天好你我一二三，。、,.", "h", "##e", "##l", "##o", "hello", "##s", "a"]
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *CONTROL]
special = vocabulary[:5] + CONTROL
tokenizer = {
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [{"id": vocabulary.index(token), "content": token, "single_word": False, "lstrip": False,
                      "rstrip": False, "normalized": False, "special": True} for token in special],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                   "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": None,
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {word: i for i, word in enumerate(vocabulary)}},
}
write_json("tokenizer", "whole.json", tokenizer)
few = ["[UNK]", "a", "##b", "今", "[spk_emb]", "[Ebreak]", "[break_0]"]
added = {"single_word": True, "lstrip": True, "rstrip": True, "normalized": True, "special": False}
small = tokenizer | {
    "added_tokens": [added | {"id": i, "content": few[i]} for i in range(4, 7)],
    "truncation": {"direction": "Right", "max_length": 256, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 256}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                "pad_type_id": 0, "pad_token": "[PAD]"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "model": tokenizer["model"] | {"vocab": {word: i for i, word in enumerate(few)}},
}
write_json("tokenizer", "small.json", small)
processor = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
             {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
             "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}}}
decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip",
           "content": " ", "start": 1, "stop": 0}, {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"}]}
splits = {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\s+|今"},
          "behavior": "Isolated", "invert": False}, {"type": "Digits", "individual_digits": True},
          {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
          {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}]}
write_json("tokenizer", "other.json", small | {"post_processor": processor, "decoder": decoder, "pre_tokenizer": splits})
write("tokenizer", "text", "今天 hello [uv_break]hells é [laugh]，a\n")

# Bulk work.
rows = [
    {"text": "你好", "id": 7, "out": "a/b.wav", "role": 2222, "seed": 18446744073709551615, "prompt": "[oral_2]",
     "speed": 3, "refine": True, "temperature": [0.1, 0.2, 0.3, 0.4], "top_p": 1, "top_k": 5},
    {"text": "hi", "repetition_penalty": 1.5, "max_tokens": 100, "min_tokens": 10, "sample_rate": 16000,
     "voice_codes": "v.safetensors", "voice_text": "said", "decoder": False, "lang": "zh", "strict": True},
    {"text": "a", "id": "x", "name_emoji": False, "ssml": False, "markdown": None, "rng": "stream", "split": True,
     "trim": False, "normalize_loudness": -16, "normalize": True},
]
write("manifest", "rows", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
write("manifest", "wrong", '{"text": 5}\n{"text": "a", "tempreature": 1}\n{"text": "a", "out": "../x"}\n[1]\n{"text": "a"} x')
write_json("table", "array", rows)
write("table", "comma", 'id,text,role,speed\nwelcome,"欢迎, ""x""\n第二",2222,\nhold,Hold.,4099,4\n\n')
write("table", "semicolon", "\ufeffTEXT;Top-P;strict\r\na;0.5;true\r\n;;\r\n")
write("table", "tab", "text\tout\tvoice codes\tvoice text\nhi\ta.wav\tv\tw\n")
write("names", "fields", "{index:05}-{id}_{seed:020}.wav\nanna/7\nowner/name@v1\nabcdef0123456789")
write("names", "text", "{{x}}/{text}.{role}.{hash}\nCON.wav\ndemo\nf00\n第二课 É́ ...")
entry = {"name": "a/b.wav", "key": "0" * 64, "sha256": "0" * 64, "bytes": 1, "seconds": 0.5, "seed": 42, "time": 1700000000}
lines = [entry, entry | {"key": "1" * 64}, {"forgotten": "a/b.wav"}, entry | {"name": "../outside"}, entry | {"name": "c"}]
write("ledger", "lines", "\n".join(map(json.dumps, lines)) + '\n{"name": "torn')
write("ledger", "one", json.dumps(entry) + "\n")

# Voices.
def filters():
    return [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]


def packed(raw):
    return lzma.compress(raw, format=lzma.FORMAT_RAW, filters=filters())


def base16384(raw):
    text = ""
    for at in range(0, len(raw), 7):
        group = raw[at:at + 7]
        bits = int.from_bytes(group.ljust(7, b"\0"), "big")
        text += "".join(chr(0x4E00 + (bits >> (42 - 14 * i)) % 0x4000) for i in range(-(-len(group) * 8 // 14)))
        if len(group) < 7:
            text += chr(0x3D00 + len(group))
    return text


def halves(count):
    return struct.pack(f"<{count}e", *(random.gauss(0, 2) for _ in range(count)))


random.seed(1)
short, even = halves(8), struct.pack("<768e", *([1, -2, 0.5, 0] * 192))
codes = struct.pack("<HH", 4, 5) + packed(struct.pack("<20H", *range(100, 120)))
write("voice_string", "speaker", base16384(packed(short)))
write("voice_string", "even", base16384(packed(even)))
write("voice_string", "codes", base16384(codes))
write("voice_string", "raw-speaker", b"\0" + packed(short))
write("voice_string", "raw-long", b"\0" + packed(even))
write("voice_string", "raw-codes", b"\0" + codes)
write("voice_string", "raw-stored", b"\0\x01\0\x03" + struct.pack("<2e", 1, 2) + b"\0")
for name, text in {"mix": "mix:anna*0.7 + torch-f16:-1*0.3+蘁淰", "seed": "forge-cuda:7", "file": r"C:\v\a.PT",
                   "name": "旁白_2.v-1", "number": "2222", "none": "none"}.items():
    write("voice_string", name, text)
numbers = [round(random.gauss(0, 2), 1) for _ in range(768)]
write("voice_file", "lines.txt", "\n".join(map(str, numbers)))
write("voice_file", "wrong.csv", "seed,emb\n1,xyzzy\n")
write_json("voice_file", "card.json", {"_type": "DcSpk", "data": {"meta": {"name": "xyzzy"}, "token": [
    {"type": "x", "data": base16384(packed(even))}], "samples": [], "refs": [1]}})
write_json("voice_file", "numbers.json", [1] * 768)
write_json("voice_file", "wrong.json", {"xyzzy": "xyzzy"})
write("voice_file", "string.txt", base16384(codes))


def npy(kind, raw, version=1):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (768,), }}".ljust(117) + "\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + raw


write("voice_file", "half.npy", npy("<f2", even))
write("voice_file", "single.npy", npy("<f4", struct.pack("<768f", *numbers), version=2))


def safetensors(tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (kind, shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":"))
    text += " " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text.encode() + data


write("voice_file", "vector.safetensors", safetensors({"v": ("F16", [1, 768], even)}))
write("voice_file", "codes.safetensors", safetensors({"codes": ("I64", [2, 2], struct.pack("<4q", 1, 2, 3, 624))}))
several = {"a": ("F32", [2, 3], struct.pack("<6f", *range(6))), "b": ("F16", [3], struct.pack("<3e", 1, 2, 3)),
           "c": ("BF16", [1, 2, 1], b"\0\x3f\0\xbf"), "d": ("I8", [0], b""), "e": ("F32", [], b"\0" * 4)}
write("weights", "several", safetensors(several, {"format": "pt"}))
write("weights", "one", safetensors({"weight": ("F64", [1], b"\0" * 8)}))
write("weights", "none", safetensors({}))


# Pickles, written by hand as PyTorch writes a tensor.
def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def whole(number):
    return b"M" + struct.pack("<H", number)


def storage(kind, count):
    return b"(" + text("storage") + b"ctorch\n" + kind + b"\n" + text("0") + text("cpu") + whole(count) + b"tQ"


def tensor(kind, count, shape=None, stride=1):
    shape = count if shape is None else shape
    return (b"ctorch._utils\n_rebuild_tensor_v2\nq\0(" + storage(kind, count) + b"K\0" + whole(shape) + b"\x85"
            + whole(stride) + b"\x85\x89ccollections\nOrderedDict\n)RtR")


write("torch", "half", b"\x80\x02" + tensor(b"HalfStorage", 768) + b".VALUES" + even)
write("torch", "single", b"\x80\x02}q\1" + text("v") + tensor(b"FloatStorage", 1600, 768, 2) + b"s.VALUES"
      + struct.pack("<1600f", *range(1600)))
write("torch", "parameter", b"\x80\x02ctorch._utils\n_rebuild_parameter\n(" + tensor(b"BFloat16Storage", 768)
      + b"\x88ccollections\nOrderedDict\n)RtR.VALUES" + b"\x80\x3f" * 768)
write("torch", "hostile", b"cposix\nsystem\n(X\x05\0\0\0xyzzytR.")
for protocol in range(6):
    content = [base16384(packed(short)), 1, -(1 << 70), 1.5, None, True, b"x", {"a": (1, 2)}]
    write("torch", f"protocol-{protocol}", pickle.dumps(content, protocol))
    if protocol >= 2:
        write("voice_file", f"string-{protocol}.pkl", pickle.dumps(base16384(packed(short)), protocol))
magic, storages = 0x1950A86A20F9469CFC6C, struct.pack("<Q", 768) + even
old = [pickle.dumps(magic, 2), pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2),
       b"\x80\x02" + tensor(b"HalfStorage", 768) + b".", pickle.dumps(["0"], 2), storages]
write("voice_file", "old.pt", b"".join(old))
write("roles", "all.toml", f'''# Roles
[roles.anna]
seed = "torch-f32:2222"
note = "calm"
[roles.7]
mix = "anna*0.7 + 2222*0.3"
# of a friend
[roles.bob]
speaker = "{base16384(packed(short))}"
source = "https://a.b"
[roles."旁白"]
codes = "{base16384(codes)}"
text = "what it says"
''')
write("roles", "table.toml", 'roles = { a = { seed = 1 }, b = { mix = "b*1" } }\n')
write("roles", "wrong.toml", '[roles.a]\nseed = "xyzzy"\n[roles.b]\nsead = 1\n')


# Samples, longer than the three seconds that one needs, at rates that keep them small.
def speech(rate, seconds=3.3):
    """Syllables of a buzz with pauses between them, 16 bits."""
    samples = []
    for i in range(int(rate * seconds)):
        t = i / rate
        loud = max(0.0, math.sin(2 * math.pi * 1.7 * t)) ** 2
        buzz = sum(math.sin(2 * math.pi * 120 * k * t) / k for k in range(1, 12))
        samples.append(int(9000 * loud * buzz + random.gauss(0, 4)))
    return samples


def wav(tag, rate, width, raw, channels=1, extra=b"", size=None):
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * width * channels, width * channels, width * 8)
    if tag == 0xFFFE:
        form += struct.pack("<HHI", 22, width * 8, 4) + b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    size = len(raw) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + extra + b"data" + struct.pack("<I", size) + raw
    return b"RIFF" + struct.pack("<I", len(body)) + body


slow = speech(4000)
write("sample", "8-bit.wav", wav(1, 4000, 1, bytes(128 + s // 256 for s in slow)))
write("sample", "ulaw.wav", wav(7, 4000, 1, bytes(random.randrange(256) for _ in slow)))
write("sample", "16-bit.wav", wav(0xFFFE, 4000, 2, struct.pack(f"<{len(slow)}h", *slow), extra=b"LIST\4\0\0\0INFO"))
write("sample", "float.wav", wav(3, 4000, 4, struct.pack("<40f", *([0.5, -0.5] * 20))))
write("sample", "open.wav", wav(6, 8000, 1, bytes(range(256)), channels=2, size=0xFFFFFFFF))
write("sample", "24-bit.wav", wav(1, 44100, 3, bytes(300)))
program = pathlib.Path(sys.argv[1]).resolve()
source = HERE / "seeds" / "sample" / "speech.flac"
subprocess.run([program, "synth", "-m", "demo", "-t", "The train leaves at nine, from platform four.", "--seed", "1",
                "--sample-rate", "4000", "-o", source], check=True, stdout=subprocess.DEVNULL)
import lameenc  # noqa: E402  The last, so that all else is there without it.

encoder = lameenc.Encoder()
encoder.set_bit_rate(8)
encoder.set_in_sample_rate(8000)
encoder.set_channels(1)
encoder.set_quality(2)
sound = speech(8000)
mp3 = bytes(encoder.encode(struct.pack(f"<{len(sound)}h", *sound)) + encoder.flush())
write("sample", "speech.mp3", mp3)
write("sample", "tagged.mp3", b"ID3\4\0\0\0\0\0\x15TIT2\0\0\0\x0b\0\0\0a name...." + mp3[:400])
write("sample", "behind.mp3", b"mp3 " + mp3[:800])

# The files of a model.
config = {"hidden_size": 48, "intermediate_size": 96, "vocab_size": 0, "num_hidden_layers": 2, "num_attention_heads": 4,
          "num_key_value_heads": 4, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 512,
          "refines": False, "bos_token_id": 1, "eos_token_id": [1, 2], "tie_word_embeddings": False, "use_cache": True}
write_json("config", "tiny", config)
write_json("config", "scaled", config | {"rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}})
write_json("packed", "nothing", {})
write_json("packed", "fact", {"__metadata__": {"type": "f32", "chattts-rs-packed": "1"}})
write_json("packed", "shape", {"__metadata__": {"shape decoder/decoder.conv_in.0.weight": "1 18446744073709551615 3"}})
write_json("packed", "offset", {"spk_stat/std": {"shape": [1, 768], "dtype": "F16"}})

# Answers of a hub.
def answer(status, headers, body=b""):
    return f"HTTP/1.1 {status} X\r\n".encode() + "".join(f"{k}: {v}\r\n" for k, v in headers).encode() + b"\r\n" + body


commit, etag = ("X-Repo-Commit", "0123456789abcdef0123456789abcdef01234567"), ("ETag", '"0a1b2c"')
MARK = b"\n%%\n"
write("hub", "plain", answer(200, [commit, etag, ("Content-Length", 5)], b"hello"))
write("hub", "storage", answer(302, [commit, ("X-Linked-Etag", '"abc"'), ("X-Linked-Size", 5), ("Location", "http://b.c/d")])
      + MARK + answer(200, [("Content-Length", 5)], b"hello"))
write("hub", "relative", answer(307, [("Location", "/api/x")]) + MARK
      + answer(200, [commit, ("ETag", 'W/"abc"'), ("Transfer-Encoding", "chunked")], b"5\r\nhello\r\n0\r\n\r\n"))
write("hub", "resumed", answer(200, [commit, etag, ("Content-Length", 9)], b"hello") + MARK
      + answer(206, [commit, etag, ("Content-Range", "bytes 5-8/9"), ("Content-Length", 4)], b"more"))
write("hub", "refused", answer(404, [("X-Error-Message", "Repository not found\x1b[31m")]))
write("hub", "busy", answer(503, [("Retry-After", 1)]) + MARK + answer(416, [("Content-Range", "bytes */5")]))
