"""English training sentences and their pronunciation.

Sentences come from templates and from the example sentences and definitions of WordNet 3.0. A word is always read the
same way, since tokenizer.json can only look words up; so the teacher is given exactly the phonemes that the model will
be given.
"""

import glob
import random
import re

from common.templates import fill

# Weak forms, and words of two readings: one for each.
FIXED = {
    "a": "ɐ",
    "an": "ɐn",
    "the": "ðə",
    "to": "tə",
    "of": "əv",
    "and": "ænd",
    "for": "fɔɹ",
    "in": "ɪn",
    "is": "ɪz",
    "i": "ˈI",
    "at": "æt",
    "was": "wʌz",
    "are": "ɑɹ",
    "as": "æz",
    "or": "ɔɹ",
    "that": "ðæt",
    "from": "fɹʌm",
    "by": "bˈI",
    "used": "jˈuzd",
    "read": "ɹˈid",
    "live": "lˈɪv",
}
WORDNET = "/usr/share/wordnet"
# Shares of sentences; the others are WordNet's examples.
TEMPLATE, DEFINITION = 0.3, 0.25
_g2p = None
_said = dict(FIXED)
MARKS = {"!": ".", ";": ",", ":": ","}


def say(word):
    """Returns the phonemes of one lower-case word, or "" if the dictionary and its rules know none."""
    global _g2p
    if word not in _said:
        if _g2p is None:
            from hibari.g2p import G2P  # only for teacher speech and the tokenizer

            _g2p = G2P()
        _said[word] = (_g2p(word) or "").strip().replace(" ", "")
    return _said[word]


def phonemes(text):
    """Returns a sentence's phonemes, or "" if a word has none.

    Words lie one space apart; of punctuation only , . ? are left.
    """
    text = text.lower().replace("’", "'")
    out = ""
    for piece in re.findall(r"[a-z]+(?:'[a-z]+)*|[,.?!;:]", text):
        if piece[0].isalpha():
            p = say(piece)
            if not p:
                return ""
            out += (" " if out else "") + p
        elif out and out[-1] not in ",.?":
            out += MARKS.get(piece, piece)
    return out if out[-1:] in ".?" else out + "."


def glosses(folder):
    """Yields the text of each of WordNet's entries: a definition, then examples in quotes."""
    files = sorted(glob.glob(folder + "/data.*"))
    if not files:
        raise FileNotFoundError(f"{folder}: no data.* files; install Debian's package wordnet-base")
    for path in files:
        with open(path, encoding="latin-1") as f:
            for line in f:
                if not line.startswith("  "):  # the licence
                    yield line.split("|", 1)[1]


def speakable(texts):
    """Returns those of 3 to 14 words without figures or rare marks, sorted, each once."""
    stripped = {text.strip(" ;,\n") for text in texts}
    return sorted(t for t in stripped if re.fullmatch(r"[A-Za-z',.?!;: -]+", t) and 3 <= len(t.split()) <= 14)


def wordnet(folder=WORDNET):
    """Returns WordNet's example sentences; raises FileNotFoundError if it is not there."""
    return speakable(quoted for gloss in glosses(folder) for quoted in re.findall(r'"([^"]+)"', gloss))


def definitions(folder=WORDNET):
    """Returns WordNet's definitions; raises FileNotFoundError if it is not there."""
    return speakable(gloss.split('"', 1)[0] for gloss in glosses(folder))


ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
MONTHS = "January February March April May June July August September October November December".split()
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth twentieth thirtieth"
).split()
NAMES = (
    "Anna Tom Maria John Sarah Peter Emma David Linda Michael Alice James Laura Robert Julia Daniel Sophie George "
    "Helen Mark"
).split()
CITIES = (
    "London Paris Boston Chicago Berlin Madrid Rome Sydney Toronto Dublin Vienna Denver Seattle Austin Oxford "
    "Cambridge Shanghai Beijing Tokyo Singapore"
).split()
OBJECTS = (
    "book car house dog cat phone window door table river garden computer letter picture ticket train bus coffee "
    "dinner cake song movie game lesson story question answer problem meeting message report office hotel key bag "
    "shirt coat bird tree flower bridge market school"
).split()
ADJECTIVES = (
    "good new old big small long short red blue green white black happy sad easy hard warm cold early late quiet "
    "loud clean fast slow bright dark strong young beautiful different important simple expensive cheap"
).split()
VERBS = (
    "see find open close buy sell read write hear need want like bring take make show send keep leave watch use "
    "move clean check change"
).split()
PEOPLE = ["I", "you", "we", "they", "my friend", "the doctor", "the teacher", "her mother", "his brother"]
TEMPLATES = [
    "{Hello|Hi|Good morning|Good evening|Good afternoon}, {my name is|this is|I am} {name}.",
    "{Hello|Hi there|Welcome}, how {are you today|can I help you|may I help you|are you doing}?",
    "{Thank you for calling|Welcome to} the {adjective} {object} {shop|company|service|center}.",
    "For {sales|support|billing|help|information|English|Chinese}, press {digit}.",
    "Press {digit} to {verb} the {object}, or press {digit} to {verb} a {object}.",
    "{The price is|That will be|It costs|The total is} {amount} {dollars|euros|pounds|yuan}{cents}.",
    "The train to {city} {leaves|departs|arrives} {from platform|at platform|on track} {1-30}.",
    "The next {train|bus|flight|ship} to {city} is {late|on time|delayed|now boarding}.",
    "Today is {day}, {month} {ordinal}.",
    "The {meeting|lesson|party|show|game} is on {day} at {1-12} {o clock|thirty|fifteen|forty five}.",
    "It is {1-12} {10-59} in the {morning|afternoon|evening}.",
    "The weather in {city} is {sunny|cloudy|rainy|windy|cold|warm|hot|snowy} today, with {1-40} degrees.",
    "Please {verb} the {adjective} {object} {now|again|tomorrow|before lunch|on the table|after work}.",
    "Can {who} {verb} the {object}?",
    "{who} {wanted to|had to|will|would like to|should|could not|cannot} {verb} a {adjective} {object}.",
    "There {are|were} {amount} {object}s in the {object}.",
    "The {adjective} {object} is {very|quite|too|not|really} {adjective}.",
    "My number is {digits}.",
    "{Yes|No|Well|Sorry|Okay|Of course}, {who} {will|can|must|may} {verb} it {today|later|soon|here|at home}.",
    "{Where|When|Why|How} {did|can|will|should} {who} {verb} the {object}?",
    "{amount}.",
    "{Thank you|Goodbye|See you|Have a nice day|Good night}, {name}.",
    "If it {rains|snows|works|is late}, {who} {will|can} {verb} the {object} at {home|work|school|the station}.",
    "This is a test of the {adjective} speech {model|system|program}.",
]


def number(n):
    """Returns a number below ten thousand in words."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10 - 2] + (" " + ONES[n % 10] if n % 10 else "")
    if n < 1000:
        return ONES[n // 100] + " hundred" + (" and " + number(n % 100) if n % 100 else "")
    return number(n // 1000) + " thousand" + (" " + number(n % 1000) if n % 1000 else "")


def template(r):
    """Returns a sentence from a template, drawn with `r`."""
    c = r.choice
    kinds = dict(
        number=number,
        amount=lambda: number(c([r.randint(0, 20), r.randint(0, 99), r.randint(100, 999), r.randint(1000, 9999)])),
        cents=lambda: c(["", f" and {number(r.randint(2, 99))} cents"]),
        digit=lambda: c(ONES[:10]),
        digits=lambda: " ".join(c(ONES[:10]) for _ in range(r.randint(3, 8))),
        object=lambda: c(OBJECTS),
        adjective=lambda: c(ADJECTIVES),
        verb=lambda: c(VERBS),
        who=lambda: c([*PEOPLE, c(NAMES)]),
        name=lambda: c(NAMES),
        city=lambda: c(CITIES),
        day=lambda: c(DAYS),
        month=lambda: c(MONTHS),
        ordinal=lambda: c(ORDINALS),
    )
    text = fill(c(TEMPLATES), kinds, r)
    return text[0].upper() + text[1:]


class Sentences:
    """Draws training sentences without end; `held` are WordNet's examples that training never sees."""

    def __init__(self, seed, held_out=400):
        self.r = random.Random(seed)
        examples = wordnet()
        random.Random(0).shuffle(examples)
        self.held, self.train = examples[:held_out], examples[held_out:]
        self.defined = definitions()

    def one(self):
        """Returns a sentence."""
        kind = self.r.random()
        if kind < TEMPLATE:
            return template(self.r)
        text = self.r.choice(self.defined if kind < TEMPLATE + DEFINITION else self.train)
        return text + ("" if text[-1] in ".?!" else ".")
