"""Mandarin training sentences, from templates and the word list of jieba, and their tokens.

A sentence becomes a list of units (tokens, ipa): `tokens` are what the model reads (an initial such as "zh" and a
final with its tone such as "ong1"), `ipa` is what the teacher reads (misaki's phonemes).
"""

import logging
import random
import re

import jieba
from misaki.transcription import pinyin_to_ipa
from misaki.zh import ZHG2P
from pypinyin import Style, lazy_pinyin

from common.templates import fill
from common.tokens import INITIALS, TONES

jieba.setLogLevel(logging.WARNING)

HAN = "[\u4e00-\u9fff]"
PUNCTUATION = {"，": ",", "。": ".", "？": "?", "、": ",", "！": ".", "；": ",", "：": ","}
DIGITS = "零一二三四五六七八九"
# How many of the commonest words of each of jieba's kinds are drawn from (nouns, verbs, adjectives, idioms, ...).
KINDS = dict(n=4000, v=2500, vn=600, a=700, d=200, t=150, ns=400, nr=300, i=1500, l=800)
PEOPLE = "我 你 他 她 我们 你们 他们 大家 老师 妈妈 爸爸 朋友 这个人 先生 女士 医生 孩子 您".split()
DEGREES = "很 非常 特别 有点 最 真 太 不 不太 比较 十分 更".split()
AUXILIARIES = "想 要 会 能 可以 应该 喜欢 正在 已经 没有 不想 必须 需要 打算 开始".split()
MEASURES = "个 本 张 条 只 辆 件 位 家 次 杯 块 座 台 间".split()
CITIES = "北京 上海 广州 深圳 杭州 南京 成都 西安 武汉 重庆 天津 苏州 青岛 大连 昆明".split()
TIMES = ["今天", "明天", "昨天", "现在", "刚才", "下午", "早上", "晚上", "周末"]
TEMPLATES = [
    "{who}{aux}{v}{n}。",
    "{who}{time}{aux}去{city}{v}。",
    "{who}的{n}{degree}{a}。",
    "这{measure}{n}{degree}{a}，那{measure}{n}{degree}{a}。",
    "{n}和{n}都{degree}{a}。",
    "因为{n}{degree}{a}，所以{who}{d}{v}。",
    "如果{who}{v}{n}，就{aux}{v}。",
    "请问，{city}怎么走？",
    "请{v}{who}的{n}，谢谢。",
    "今天是{1-12}月{1-31}号，星期{一|二|三|四|五|六|日}。",
    "现在是{上午|下午|晚上|早上}{1-12}点{minutes}。",
    "{n}的价格是{price}{元|块钱|美元}。",
    "电话号码是{phone}。",
    "{city}今天{晴天|多云|有雨|下雪|有风|阴天}，气温{1-39}度。",
    "开往{city}的列车{即将|马上|已经}{到站|发车|进站|晚点}。",
    "{您好|你好|早上好|晚上好|大家好|再见|欢迎光临|谢谢|对不起|没关系|不客气}，{欢迎|请|我们}{v}{n}。",
    "{n}{v}{n}，{i}。",
    "{i}，{i}。",
    "{l}，{vn}{n}。",
    "{who}{v}了{1-99}{measure}{n}。",
    "{nr}在{city}{v}{n}。",
    "你{知道|喜欢|觉得|记得|想要}{n}吗？",
    "{n}为什么{degree}{a}呢？",
    "{a}的{n}，{a}的{n}，{v}{vn}。",
    "把{n}{放在|送到|带给|交给}{n}{里|上|旁边}。",
    "按{0-9}号键{v}{n}，按{0-9}号键{v}{n}。",
    "{v}、{v}、{v}。",
    "第{1-99}{个|次|章|页|名|天}{n}{d}{v}。",
    "{amount}，{amount}。",
    "{n}。",
    "{n}{v}。",
]


def number(n):
    """Returns a number below ten thousand in Chinese figures."""
    if n < 10:
        return DIGITS[n]
    if n < 20:
        return "十" + (DIGITS[n - 10] if n > 10 else "")
    out, zero = "", False
    for unit, size in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        q, n = divmod(n, size)
        if q:
            out += ("零" if zero else "") + DIGITS[q] + unit
            zero = False
        elif out and n:
            zero = True
    return out


def words_by_kind():
    """Returns {kind: [(word, count), ...]} of jieba's list, the commonest first."""
    kinds = {}
    for line in jieba.get_dict_file():
        word, count, kind = line.decode().split()
        if re.fullmatch(HAN + "{1,4}", word) and (len(word) > 1 or kind in "nvad"):
            kinds.setdefault(kind, []).append((word, int(count)))
    for words in kinds.values():
        words.sort(key=lambda x: -x[1])
    return kinds


class Sentences:
    """Draws training sentences without end."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        kinds = words_by_kind()
        self.words = {k: kinds.get(k, [])[:n] for k, n in KINDS.items()}
        # Rare words more often than their share, common ones less.
        self.weights = {k: [count**0.4 for _, count in words] for k, words in self.words.items()}
        r, c = self.r, self.r.choice
        self.kinds = {k: (lambda k=k: self.word(k)) for k in KINDS}
        self.kinds.update(
            number=number,
            who=lambda: c(PEOPLE),
            degree=lambda: c(DEGREES),
            aux=lambda: c(AUXILIARIES),
            measure=lambda: c(MEASURES),
            city=lambda: c(CITIES) if r.random() < 0.5 else self.word("ns"),
            time=lambda: c([*TIMES, self.word("t")]),
            minutes=lambda: c(["", "半", number(r.randint(10, 59)) + "分", "一刻"]),
            price=lambda: number(c([r.randint(1, 99), r.randint(100, 9999)])),
            phone=lambda: "".join(c(DIGITS) for _ in range(r.randint(5, 8))),
            amount=self.amount,
        )

    def word(self, kind):
        """Returns a word of a kind."""
        return self.r.choices(self.words[kind], self.weights[kind])[0][0]

    def amount(self):
        """Returns a number: figure by figure at times, else as it is counted."""
        r = self.r
        if r.random() < 0.3:
            return "".join(r.choice(DIGITS) for _ in range(r.randint(3, 8)))
        return number(r.choice([r.randint(1, 10), r.randint(1, 99), r.randint(100, 999), r.randint(1000, 9999)]))

    def one(self):
        """Returns a sentence."""
        return fill(self.r.choice(TEMPLATES), self.kinds, self.r)


def split_syllable(pinyin):
    """Splits "zhong1" into ("zh", "ong1").

    Finals that sound different get names of their own: v for ü, ii for the i of zi and zhi.
    """
    if pinyin[-1] not in TONES:
        pinyin += "5"
    body, tone = pinyin[:-1], pinyin[-1]
    initial = next((i for i in INITIALS if body.startswith(i)), "")
    final = body[len(initial) :].replace("ü", "v")
    if final[:1] == "u" and initial in ("j", "q", "x", "y"):
        final = "v" + final[1:]
    if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s"):
        final = "ii"
    return initial, final + tone


def units(sentence):
    """Returns [(tokens, ipa), ...], a syllable or a mark each; word boundaries are a space in ipa alone.

    Raises ValueError for what is neither Han nor a known mark.
    """
    read = []
    for word in jieba.lcut(sentence):
        if word in PUNCTUATION:
            mark = PUNCTUATION[word]
            read.append(([mark], mark + " "))
            continue
        if not re.fullmatch(HAN + "+", word):
            raise ValueError(f"{word!r} is not Han")
        if read and not read[-1][1].endswith(" "):
            read[-1] = (read[-1][0], read[-1][1] + " ")
        for pinyin in lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True):
            read.append((list(split_syllable(pinyin)), pinyin))
    # What a reader does and the table of readings does not say: tone sandhi, on the teacher's side only.
    spoken = [pinyin.strip() for _, pinyin in read]

    def tone(i):
        return spoken[i][-1] if 0 <= i < len(spoken) and spoken[i][-1:] in TONES else ""

    for i in range(len(spoken)):
        if tone(i) == "3" and tone(i + 1) == "3" and not read[i][1].endswith(" "):
            spoken[i] = spoken[i][:-1] + "2"
        if spoken[i] == "bu4" and tone(i + 1) == "4":
            spoken[i] = "bu2"
    out = []
    for (tokens, raw), pinyin in zip(read, spoken):
        tail = " " if raw.endswith(" ") else ""
        if pinyin in (",", ".", "?"):
            out.append((tokens, [pinyin + tail]))
            continue
        ipa = [ZHG2P.retone(p).replace("\u032f", "") for p in pinyin_to_ipa(pinyin)[0]]
        tokens = [t for t in tokens if t]
        if len(tokens) == 2 and len(ipa) >= 2:
            out.append((tokens, [ipa[0], "".join(ipa[1:]) + tail]))
        else:
            out.append((tokens, ["".join(ipa) + tail]))
    return out
