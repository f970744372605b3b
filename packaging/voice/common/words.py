r"""The whole-word rules of tokenizer.json, and how they are kept apart from it.

The tokenizer holds one run of rules {"type":"Replace","pattern":{"Regex":"\\bWORD\\b"},"content":PHONES}, thousands
of them. Packed, the run is one rule that stands for it, and a table of lines WORD<TAB>PHONES in the same order, in
which a phone is U+0100 + id in place of U+E000 + id: two bytes, not three.
"""

import json
import re

PLACEHOLDER = {"type": "Replace", "pattern": {"String": "@words"}, "content": ""}
WIDE, NARROW, PHONES = 0xE000, 0x100, 0x600  # first characters of phones, and how many there may be
RULE = re.compile(r"\\b([a-z](?:[a-z']*[a-z])?)\\b")


def dump(tokenizer):
    """Returns the text of tokenizer.json: compact, so that text and value tell each other."""
    return json.dumps(tokenizer, separators=(",", ":"), ensure_ascii=False)


def narrow(phones):
    """Returns phones as the table writes them; raises ValueError for other characters."""
    if not all(WIDE <= ord(c) < WIDE + PHONES for c in phones):
        raise ValueError("a whole-word rule's content holds other characters than phones")
    return "".join(chr(ord(c) - WIDE + NARROW) for c in phones)


def widen(phones):
    """Returns phones as tokenizer.json writes them; raises ValueError for other characters."""
    if not all(NARROW <= ord(c) < NARROW + PHONES for c in phones):
        raise ValueError("words.tsv: holds other characters than phones")
    return "".join(chr(ord(c) - NARROW + WIDE) for c in phones)


def rule(word, phones):
    """Returns the rule that replaces a whole word."""
    return {"type": "Replace", "pattern": {"Regex": rf"\b{word}\b"}, "content": phones}


def word_of(normalizer):
    """Returns the word that a rule replaces, or None if it is no whole-word rule."""
    found = RULE.fullmatch(normalizer.get("pattern", {}).get("Regex", "")) if normalizer["type"] == "Replace" else None
    return found and found[1] if found and normalizer == rule(found[1], normalizer["content"]) else None


def take_out(text):
    """Splits the text of tokenizer.json into the text without the whole-word rules, and their table.

    The first run of them is taken; a later one spells single letters that no word took, and stays where it is.
    Raises ValueError if there are none, or if the table could not be read back.
    """
    tokenizer = json.loads(text)
    rules = tokenizer["normalizer"]["normalizers"]
    start = next((i for i, n in enumerate(rules) if word_of(n) is not None), None)
    if start is None:
        raise ValueError("the tokenizer holds no whole-word rules")
    end = next((i for i in range(start, len(rules)) if word_of(rules[i]) is None), len(rules))
    if PLACEHOLDER in rules:
        raise ValueError("the whole-word rules have been taken out before")
    words = [(word_of(n), narrow(n["content"])) for n in rules[start:end]]
    tokenizer["normalizer"]["normalizers"] = rules[:start] + [PLACEHOLDER] + rules[end:]
    return dump(tokenizer), "".join(f"{word}\t{phones}\n" for word, phones in words)


def put_back(text, table):
    """Returns the text of tokenizer.json with the table's rules in the placeholder's place."""
    tokenizer = json.loads(text)
    rules = tokenizer["normalizer"]["normalizers"]
    if rules.count(PLACEHOLDER) != 1:
        raise ValueError("the packed tokenizer does not hold the rule @words exactly once")
    i = rules.index(PLACEHOLDER)
    words = [line.split("\t") for line in table.split("\n")[:-1]]
    if not table.endswith("\n") or any(len(w) != 2 for w in words):
        raise ValueError("words.tsv: every line must be WORD, a tab, PHONES")
    written = [rule(word, widen(phones)) for word, phones in words]
    tokenizer["normalizer"]["normalizers"] = rules[:i] + written + rules[i + 1 :]
    return dump(tokenizer)
