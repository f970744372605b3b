#!/usr/bin/env python3
"""Measure Mandarin speech: the syllables that a recogniser mishears, with tones and without.

    recognise.py --language zh --model FOLDER < paths > HEARD.txt
    measure_zh.py TEXTS.txt HEARD.txt...     a line each, in the order of TEXTS

Both are compared as pinyin, figures as Han characters. A line counts with no more errors than it has syllables, since
recognisers loop at times. Needs requirements-teach.txt.
"""

import argparse
import re
import sys

import cn2an
from pypinyin import Style, lazy_pinyin

from common.files import read_lines
from common.score import edit_distance

DIGITS = "零一二三四五六七八九"


def syllables(text, style):
    """Returns the pinyin of a text's Han characters and figures, of which long ones are told digit by digit."""

    def said(number):
        return cn2an.an2cn(number) if len(number) < 5 else "".join(DIGITS[int(digit)] for digit in number)

    spoken = re.sub(r"\d+", lambda m: said(m[0]), text)
    return lazy_pinyin(re.sub(r"[^\u4e00-\u9fff]", "", spoken), style=style, neutral_tone_with_five=True)


def rate(texts, heard, style):
    """Returns the share of syllables that were misheard, in percent."""
    pairs = [(syllables(a, style), syllables(b, style)) for a, b in zip(texts, heard)]
    return 100 * sum(min(edit_distance(a, b), len(a)) for a, b in pairs) / sum(len(a) for a, _ in pairs)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("texts", help="what was to be said, a line a sentence")
    p.add_argument("heard", nargs="+", help="what recognise.py heard of it")
    a = p.parse_args()
    try:
        texts = read_lines(a.texts)
        for path in a.heard:
            with open(path, encoding="utf-8") as f:
                heard = f.read().splitlines()
            if not texts or len(heard) != len(texts):
                raise ValueError(f"{path}: {len(heard)} lines heard of {len(texts)}")
            tones, none = (rate(texts, heard, style) for style in (Style.TONE3, Style.NORMAL))
            print(f"{path}: {tones:.1f} % with tones, {none:.1f} % without")
    except (OSError, ValueError) as e:
        sys.exit(f"measure_zh: {e}")


if __name__ == "__main__":
    main()
