"""Readings of Han characters: the commonest of each, and the others where certain characters stand beside it.

What is counted is jieba's list of words, each as pypinyin reads it whole, as often as the list says it is written.
"""

import collections
import re

import jieba
from pypinyin import Style, pinyin

HAN = "[\u4e00-\u9fff]"
# Words of one character, of which pypinyin gives the first reading of its table.
ALONE = dict(长="chang2", 得="de5", 地="de5", 着="zhe5", 弹="tan2")
LEAST = 100  # how often words with a pair of characters are written, for the pair to tell a reading
SHARE = 0.8  # of them, those in which the reading is that one


def read(word):
    """Returns the reading of each character, as "hang2"."""
    return [r[0] for r in pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)]


def readings():
    """Returns {character: its commonest reading} and {(character, other reading): (before it, after it)}.

    The second is in order: what is written more often comes first.
    """
    total, pairs = collections.defaultdict(collections.Counter), {}
    for line in jieba.get_dict_file():
        word, count, _ = line.decode().split()
        if not re.fullmatch(HAN + "{1,4}", word):
            continue
        said = [ALONE[word]] if word in ALONE else read(word)
        if len(said) != len(word):
            continue
        for i, (c, r) in enumerate(zip(word, said)):
            total[c][r] += int(count)
            for side, j in ((0, i - 1), (1, i + 1)):
                if 0 <= j < len(word):
                    pairs.setdefault((c, side, word[j]), collections.Counter())[r] += int(count)
    first = {c: said.most_common(1)[0][0] for c, said in total.items()}
    beside, written = collections.defaultdict(lambda: ["", ""]), collections.Counter()
    for (c, side, other), said in pairs.items():
        r, count = said.most_common(1)[0]
        if r != first[c] and said.total() >= LEAST and count >= SHARE * said.total():
            beside[c, r][side] += other
            written[c, r] += count
    return first, {key: tuple(beside[key]) for key, _ in written.most_common()}
