"""Errors between what should have been said and what was heard."""

import re

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
ORDINALS = dict(one="first", two="second", three="third", five="fifth", eight="eighth", nine="ninth", twelve="twelfth")
NUMBER_WORDS = {*ONES, *TENS, *(name for _, name in SCALES)}
CURRENCIES = {"$": "dollars", "£": "pounds", "€": "euros"}


def edit_distance(a, b):
    """Returns the least number of insertions, deletions and substitutions between two sequences."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def cardinal(n):
    """Returns a number's words, without "and"."""
    if n < 20:
        return [ONES[n]]
    if n < 100:
        return [TENS[n // 10 - 2]] + (cardinal(n % 10) if n % 10 else [])
    for size, name in SCALES:
        if n >= size:
            return cardinal(n // size) + [name] + (cardinal(n % size) if n % size else [])


def year(n):
    """Returns a year's words: 1998 is nineteen ninety eight."""
    if 1100 <= n < 2000 or 2010 <= n < 2100:
        low = n % 100
        return cardinal(n // 100) + (["hundred"] if not low else ["oh"] * (low < 10) + cardinal(low))
    return cardinal(n)


def figures(text):
    """Returns the words of a number in figures."""
    whole, _, decimals = text.replace(",", "").partition(".")
    if len(whole) > 12 or (len(whole) > 1 and whole[0] == "0"):
        words = [ONES[int(d)] for d in whole]
    elif len(whole) == 4 and "," not in text and not decimals:
        words = year(int(whole))
    else:
        words = cardinal(int(whole))
    return words + (["point"] + [ONES[int(d)] for d in decimals] if decimals else [])


def ordinal(n):
    """Returns the words of a number that counts a place."""
    *before, last = cardinal(n)
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return [*before, ORDINALS.get(last, regular)]


def words(text):
    """Returns the words that are compared: lower case, no marks, numbers in words however they were written.

    Recognisers write figures where a text has words, and the other way round. "And" within a number, and "o'clock",
    are left out on both sides.
    """
    text = text.lower().replace("’", "'")
    text = re.sub(r"([$£€])\s?(\d[\d,]*(?:\.\d+)?)( (?:thousand|million|billion))?", _money, text)
    text = re.sub(r"(\d{1,2}):(\d{2})\b", _clock, text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: " ".join(ordinal(int(m[1]))), text)
    text = re.sub(r"\d+(?:,\d{3})*(?:\.\d+)?", lambda m: f" {' '.join(figures(m[0]))} ", text)
    text = text.replace("%", " percent ").replace("per cent", "percent").replace("&", " and ").replace("-", " ")
    out = re.sub(r"[^a-z' ]", " ", text).replace("o'clock", " ").replace("'", "").split()
    within = [
        w == "and" and 0 < i < len(out) - 1 and {out[i - 1], out[i + 1]} <= NUMBER_WORDS for i, w in enumerate(out)
    ]
    return [w for w, drop in zip(out, within) if not drop]


def _money(found):
    return f"{' '.join(figures(found[2]))}{found[3] or ''} {CURRENCIES[found[1]]}"


def _clock(found):
    hour, minute = int(found[1]), int(found[2])
    return " ".join(cardinal(hour) + (["oh"] if 0 < minute < 10 else []) + (cardinal(minute) if minute else []))
