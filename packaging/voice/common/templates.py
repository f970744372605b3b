"""Sentences from templates."""

import re


def fill(template, kinds, r):
    """Returns the template with its braces filled in, from left to right.

    {NAME} is what kinds[NAME]() draws, {A|B|C} one of these, and {1-30} what kinds["number"](n) says of a number
    between the two.
    """

    def draw(found):
        text = found[1]
        if text in kinds:
            return kinds[text]()
        bounds = re.fullmatch(r"(\d+)-(\d+)", text)
        if bounds:
            return kinds["number"](r.randint(int(bounds[1]), int(bounds[2])))
        return r.choice(text.split("|"))

    return re.sub(r"\{([^{}]*)\}", draw, template)
