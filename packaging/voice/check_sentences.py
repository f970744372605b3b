#!/usr/bin/env python3
"""Check that no sentence kept for measuring can have been trained on.

    check_sentences.py SENTENCES.txt... [--parts PART.pkl...]

A sentence is English or Mandarin by its letters. Compared are letters alone, without case, space and marks:
  - English against every example and definition of WordNet, those kept aside too, and against every template: a
    template with all that can fill it is one regular expression, so that this covers all it can ever say.
  - Mandarin against every template in the same way, jieba's words included.
  - both against the texts in PARTs (of generate.py or encode.py), whatever they came from.
Prints each sentence that is found and where, and exits with status 1. Needs requirements-teach.txt.
"""

import argparse
import random
import re
import sys

from common import english, mandarin
from common.files import read_lines, read_pickle

HAN = re.compile(mandarin.HAN)
CHECKED = 1000  # sentences drawn to see that the check finds them


def letters(text):
    """Returns what is compared of a sentence."""
    return re.sub(r"[\W\d_]", "", text.lower())


def either(options):
    """Returns a regular expression for any of some texts."""
    return "(?:" + "|".join(sorted({letters(o) for o in options}, key=len, reverse=True)) + ")"


def pattern(template, kinds):
    """Returns a regular expression for all that a template can say."""
    out, end = "", 0
    for found in re.finditer(r"\{([^{}]*)\}", template):
        out += re.escape(letters(template[end : found.start()]))
        name = "number" if re.fullmatch(r"\d+-\d+", found[1]) else found[1]
        out += kinds[name] if name in kinds else either(name.split("|"))
        end = found.end()
    return out + re.escape(letters(template[end:]))


def english_kinds():
    """Returns {name: regular expression} of what fills English templates."""
    e = english
    number = either([*e.ONES, *e.TENS, "hundred", "thousand", "and"]) + "+"
    return dict(
        number=number,
        amount=number,
        cents=f"(?:and{number}cents)?",
        digit=either(e.ONES),
        digits=either(e.ONES) + "+",
        object=either(e.OBJECTS),
        adjective=either(e.ADJECTIVES),
        verb=either(e.VERBS),
        who=either(e.PEOPLE + e.NAMES),
        name=either(e.NAMES),
        city=either(e.CITIES),
        day=either(e.DAYS),
        month=either(e.MONTHS),
        ordinal=either(e.ORDINALS),
    )


def mandarin_kinds():
    """Returns {name: regular expression} of what fills Mandarin templates."""
    m = mandarin
    words = {k: [w for w, _ in ws] for k, ws in m.Sentences(0).words.items()}
    number = "[零一二三四五六七八九十百千]+"
    kinds = {k: either(ws) for k, ws in words.items()}
    kinds.update(
        number=number,
        amount=number,
        price=number,
        phone=number,
        minutes=f"(?:半|一刻|{number}分)?",
        who=either(m.PEOPLE),
        degree=either(m.DEGREES),
        aux=either(m.AUXILIARIES),
        measure=either(m.MEASURES),
        city=either(m.CITIES + words["ns"]),
        time=either(m.TIMES + words["t"]),
    )
    return kinds


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sentences", nargs="+", help="text files, a sentence a line")
    p.add_argument("--parts", nargs="+", default=[], metavar="PART", help="speech whose texts are compared, too")
    a = p.parse_args()
    try:
        examples = {letters(s) for s in english.wordnet() + english.definitions()}
        spoken = {letters(u["text"]) for path in a.parts for u in read_pickle(path)}
        kinds = english_kinds(), mandarin_kinds()
        templates = [
            [(t, re.compile(pattern(t, k))) for t in module.TEMPLATES] for module, k in zip((english, mandarin), kinds)
        ]
        # The check itself: what is drawn must be found.
        r, han = random.Random(1), mandarin.Sentences(1)
        for _ in range(CHECKED):
            for compiled, drawn in zip(templates, (english.template(r), han.one())):
                if not any(regex.fullmatch(letters(drawn)) for _, regex in compiled):
                    raise ValueError(f"{drawn!r} comes from a template and is not recognised")
        found = 0
        for path in a.sentences:
            lines = read_lines(path)
            for line in lines:
                text, in_han = letters(line), bool(HAN.search(line))
                where = [t for t, regex in templates[in_han] if regex.fullmatch(text)]
                where += ["WordNet"] * (text in examples) + ["a part"] * (text in spoken)
                for place in where:
                    print(f"{path}: {line!r} is in {place}")
                found += bool(where)
            twice = len(lines) - len({letters(line) for line in lines})
            print(f"{path}: {len(lines)} sentences, {twice} of them twice")
    except (OSError, ValueError) as e:
        sys.exit(f"check_sentences: {e}")
    print(f"{found} found in training text")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
