"""Stories and properties from which statements are put together.

in:  a Draw
out: openings for lists and texts, properties of numbers and letters with their Python expressions
not covered: the tasks themselves
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw

_LISTS = (
    ("readings", "A weather station logs one whole number each hour; the log is the list `{}`."),
    ("sales", "A kiosk notes its profit or loss of every day in the list `{}`."),
    ("values", "You are given the list `{}` of integers."),
    ("scores", "The scores of a quiz round are kept, in order of play, in the list `{}`."),
    ("steps", "A lift records how it moved each time, in the list `{}`."),
    ("nums", "Consider an integer list `{}`."),
    ("levels", "A river gauge stores its deviation from normal once a day in the list `{}`."),
    ("moves", "A game server writes the points of every move to the list `{}`."),
    (
        "items",
        "A conveyor belt carries items; the code numbers that pass the scanner form the list `{}`.",
    ),
    ("votes", "In an online poll every vote carries a weight; the weights, in order, are `{}`."),
    ("amounts", "A bank statement lists bookings as whole numbers in `{}`."),
    ("samples", "An audio recorder delivers the samples `{}`."),
)
_TEXTS = (
    ("text", "You are given a string `{}`."),
    ("message", "A chat client receives the string `{}`."),
    ("word", "Someone typed `{}` on an old keyboard."),
    ("line", "A log file contains the line `{}`."),
    ("label", "A parcel carries the label `{}`."),
    ("s", "Let `{}` be a string."),
    ("code", "A door lock reads the string `{}`."),
)


def a_list(draw: Draw) -> tuple[str, str]:
    """Name of a list parameter, and a sentence that introduces it."""
    name, sentence = draw.pick(*_LISTS)
    return name, sentence.format(name)


def a_text(draw: Draw) -> tuple[str, str]:
    """Name of a text parameter, and a sentence that introduces it."""
    name, sentence = draw.pick(*_TEXTS)
    return name, sentence.format(name)


def number_property(draw: Draw) -> tuple[str, str]:
    """(words that follow "numbers that are", expression of x)."""
    k, m = draw.randint(3, 9), draw.randint(3, 7)
    r = draw.randint(1, m - 1)
    return draw.pick(
        ("even", "x % 2 == 0"),
        ("odd", "x % 2 == 1"),
        (f"divisible by {k}", f"x % {k} == 0"),
        (f"not divisible by {m}", f"x % {m} != 0"),
        ("negative", "x < 0"),
        ("positive", "x > 0"),
        (f"greater than {k}", f"x > {k}"),
        (f"at most {k} in absolute value", f"abs(x) <= {k}"),
        (f"of the form {m}t + {r} for an integer t", f"x % {m} == {r}"),
        (
            "palindromes in decimal notation (ignoring a minus sign)",
            "str(abs(x)) == str(abs(x))[::-1]",
        ),
        ("of odd digit sum", "sum(int(c) for c in str(abs(x))) % 2 == 1"),
        (f"written with a digit {k} somewhere", f'"{k}" in str(x)'),
        ("prime", "x > 1 and all(x % p for p in range(2, int(x**0.5) + 1))"),
        ("perfect squares", "x >= 0 and int(x**0.5 + 0.5) ** 2 == x"),
        ("of absolute value with an even number of one bits", 'bin(abs(x)).count("1") % 2 == 0'),
        (f"even or greater than {k}", f"x % 2 == 0 or x > {k}"),
        (f"odd and below {k + 4}", f"x % 2 == 1 and x < {k + 4}"),
    )


def letter_property(draw: Draw) -> tuple[str, str]:
    """(words that follow "characters that are", expression of c)."""
    some = "".join(sorted(draw.some(draw.randint(3, 5), "abcdefghijklmnoprst")))
    edge = draw.pick("e", "h", "k", "n")
    return draw.pick(
        ("vowels (a, e, i, o, u)", 'c in "aeiou"'),
        ("consonants", 'c.isalpha() and c not in "aeiou"'),
        ("digits", "c.isdigit()"),
        (f"among the letters {', '.join(some)}", f'c in "{some}"'),
        (f"letters before {edge} in the alphabet", f'c.isalpha() and c < "{edge}"'),
        (f"letters, {edge} or later in the alphabet", f'c.isalpha() and c >= "{edge}"'),
        ("no letters", "not c.isalpha()"),
        (
            "letters at an even place of the alphabet (b, d, f, ...)",
            "c.isalpha() and ord(c) % 2 == 0",
        ),
    )


def change_of_number(draw: Draw) -> tuple[str, str]:
    """(what becomes of a number x, expression of x)."""
    k, m = draw.randint(2, 5), draw.randint(5, 11)
    return draw.pick(
        (f"multiplied by {k}", f"x * {k}"),
        ("squared", "x * x"),
        (f"increased by {m}", f"x + {m}"),
        (f"replaced by its remainder modulo {m} (a number from 0 to {m - 1})", f"x % {m}"),
        ("replaced by its digit sum (of the absolute value)", "sum(int(c) for c in str(abs(x)))"),
        ("replaced by its distance from " + str(m), f"abs(x - {m})"),
        ("negated", "-x"),
        (f"halved, rounding down, and then lowered by {k}", f"x // 2 - {k}"),
        ("replaced by its number of decimal digits", "len(str(abs(x)))"),
        ("replaced by its decimal reversal (sign dropped)", "int(str(abs(x))[::-1])"),
    )
