"""Problems about texts: counting, encoding, ciphers, palindromes, parsing, dates.

in:  a Draw
out: Problems
not covered: brackets and expressions with a stack (structures.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw, fill
from viscodex.data.problems.problem import Problem
from viscodex.data.problems.vocabulary import a_text, letter_property

_LENGTH = "1 <= len({}) <= 1000"
_LOWER = "the text consists of lowercase letters and digits"


def _words(d: Draw, n: int, letters: str = "abcde") -> list[str]:
    return [d.text(d.randint(1, 5), letters) for _ in range(n)]


def count_letters(d: Draw) -> Problem:
    """Positions and numbers of characters with a property."""
    a, opening = a_text(d)
    words, test = letter_property(d)
    goal, end = d.pick(
        ("how many characters are {}", "len(places)"),
        ("the largest gap between the indices of two successive characters that are {} (0 if there are fewer than two)", "max((q - p for p, q in zip(places, places[1:])), default=0)"),
        ("the sum of the indices (from 0) of the characters that are {}", "sum(places)"),
        ("the index of the last character that is one of those that are {}, or -1", "places[-1] if places else -1"),
        ("how many of the characters that are {} stand at an even index", "sum(p % 2 == 0 for p in places)"),
        ("how many characters lie strictly between the first and the last of those that are {} (0 if there are fewer than two)", "places[-1] - places[0] - 1 if len(places) > 1 else 0"),
    )  # fmt: skip
    code = f"""
def measure({a}: str) -> int:
    places = []
    for index, c in enumerate({a}):
        if {test}:
            places.append(index)
    return {end}
"""
    ask = f"{opening} Return {goal.format(words)}."
    cases = d.cases(12, lambda: [d.text(d.randint(4, 18), "abcdefghiklmnoprst0125")], ["a"], ["z9"], ["bcbcbc"])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "The indices of the wanted characters are collected in one pass.",
        (_LENGTH.format(a), _LOWER),
        difficulty=0.1,
    )


def transform_text(d: Draw) -> Problem:
    """Rewrite some characters, drop others."""
    a, opening = a_text(d)
    (words, test), (other, drop) = letter_property(d), letter_property(d)
    change, expression = d.pick(
        ("doubled", "c + c"),
        ("put in brackets", '"(" + c + ")"'),
        ("written in upper case", "c.upper()"),
        ("replaced by an underscore", '"_"'),
        ("replaced by its successor in the ASCII table", "chr(ord(c) + 1)"),
        ("followed by its index in the original text (from 0)", "c + str(index)"),
        ("replaced by the number of times it has occurred so far, itself included", f"str({a}[:index + 1].count(c))"),
    )  # fmt: skip
    final, end = d.pick(
        ("", '"".join(done)'), (" Finally the result is reversed.", '"".join(done)[::-1]'),
        (" Finally the length of the result is appended.", '"".join(done) + str(len("".join(done)))'),
    )  # fmt: skip
    code = f"""
def rewrite({a}: str) -> str:
    done = []
    for index, c in enumerate({a}):
        if {test}:
            done.append({expression})
        elif not ({drop}):
            done.append(c)
    return {end}
"""
    if "index" not in expression:
        code = code.replace(f"index, c in enumerate({a})", f"c in {a}")
    ask = f"{opening} Build a new text from left to right: characters that are {words} are {change}; of the others, those that are {other} are dropped and the rest is kept.{final} Return the new text."
    cases = d.cases(
        12, lambda: [d.text(d.randint(4, 14), "abcdefghiklmnoprst0125")], ["a"], ["k"], ["7"]
    )
    return Problem(
        ask,
        code,
        cases,
        "Each character is looked at once; the order of the rules matters.",
        (_LENGTH.format(a), _LOWER),
        difficulty=0.15,
    )


def run_lengths(d: Draw) -> Problem:
    """Run-length coding in one of several dialects, or its inverse."""
    a, opening = a_text(d)
    least = d.randint(2, 4)
    order = d.flag()
    pack = 'f"{n}{c}"' if order else 'f"{c}{n}"'
    sep = d.pick("", "-", "|", ".")
    if d.flag(0.35):
        code = f"""
def unpack({a}: str) -> str:
    done = []
    number = ""
    for c in {a}:
        if c.isdigit():
            number += c
        else:
            done.append(c * int(number or "1"))
            number = ""
    return "{sep}".join(done)
"""
        join = f" The expanded runs are joined with `{sep}`." if sep else ""
        ask = f"{opening} It is a packed text: a number before a letter says how often the letter stands there; a letter without a number stands once. Expand it.{join}"
        cases = d.cases(10, lambda: ["".join(d.pick("", "2", "3", "12") + d.choice("abxyz") for _ in range(d.randint(2, 6)))], ["a"], ["10b"])  # fmt: skip
        return Problem(
            ask,
            code,
            cases,
            "Digits are collected until a letter uses them up.",
            (_LENGTH.format(a),),
            difficulty=0.25,
        )
    code = f"""
def pack({a}: str) -> str:
    done = []
    start = 0
    for end in range(1, len({a}) + 1):
        if end == len({a}) or {a}[end] != {a}[start]:
            c, n = {a}[start], end - start
            done.append({pack} if n >= {least} else c * n)
            start = end
    return "{sep}".join(done)
"""
    how = "its number followed by the letter" if order else "the letter followed by its number"
    join = f" The pieces are joined with `{sep}`." if sep else ""
    ask = f"{opening} Pack it: every maximal run of at least {least} equal letters becomes {how}; shorter runs stay as they are.{join} Return the packed text."
    cases = d.cases(12, lambda: ["".join(d.choice("abc") * d.randint(1, 5) for _ in range(d.randint(2, 6)))], ["a"], ["b" * least], ["c" * (least - 1)])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "The start of the present run is remembered; a run ends where the letter changes.",
        (_LENGTH.format(a), "lowercase letters only"),
        difficulty=0.3,
    )


def cipher(d: Draw) -> Problem:
    """Shift ciphers with keys that depend on the place."""
    a, opening = a_text(d)
    key, expression = d.pick(
        ("by `key`", "key"), ("by `key` times its index (from 0)", "key * index"),
        ("by `key` at even indices and backwards by `key` at odd ones (indices from 0)", "key if index % 2 == 0 else -key"),
        ("by `key` plus the number of letters before it", "key + seen"),
        ("by the number of letters before it plus twice `key`", "seen + 2 * key"),
        ("by its index (from 0), and vowels by `key` in addition", 'index + (key if c in "aeiou" else 0)'),
    )  # fmt: skip
    back = d.flag()
    sign, way = ("-", "back") if back else ("+", "on")
    code = f"""
def shift({a}: str, key: int) -> str:
    done = ""
    seen = 0
    for index, c in enumerate({a}):
        if not c.islower():
            done += c
            continue
        done += chr((ord(c) - ord("a") {sign} ({expression})) % 26 + ord("a"))
        seen += 1
    return done
"""
    if "seen" not in expression:
        code = code.replace("    seen = 0\n", "").replace("        seen += 1\n", "")
    if "index" not in expression:
        code = code.replace(f"index, c in enumerate({a})", f"c in {a}")
    ask = f"{opening} Every lowercase letter is moved {way} in the alphabet {key}, going round from z to a{' and back' if back else ''}. Other characters stay. Return the new text."
    cases = d.cases(10, lambda: [d.text(d.randint(3, 12), "abcxyzeio-1"), d.randint(1, 30)], ["z", 1], ["-", 4], ["aa", 26])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Letters are numbers modulo 26.",
        (_LENGTH.format(a), "0 <= key <= 10**6"),
        difficulty=0.25,
    )


def palindromes(d: Draw) -> Problem:
    """Substrings that read the same backwards."""
    a, opening = a_text(d)
    goal, start, update = d.pick(
        ("how many substrings (counted by position, length at least {})", 0, "best += 1"),
        ("the length of the longest substring (of length at least {}, otherwise 0)", 0, "best = max(best, right - left + 1)"),
        ("the sum of the lengths of all substrings (length at least {})", 0, "best += right - left + 1"),
    )  # fmt: skip
    least = d.randint(1, 3)
    extra, more = d.pick(
        ("", ""),
        (" and begin with a vowel (a, e, i, o, u)", f' and {a}[left] in "aeiou"'),
        (" and have an even length", " and (right - left) % 2 == 1"),
        (" and have an odd length", " and (right - left) % 2 == 0"),
    )
    code = f"""
def palindromes({a}: str) -> int:
    best = {start}
    for middle in range(2 * len({a}) - 1):
        left = middle // 2
        right = left + middle % 2
        while left >= 0 and right < len({a}) and {a}[left] == {a}[right]:
            if right - left + 1 >= {least}{more}:
                {update}
            left -= 1
            right += 1
    return best
"""
    brute = f"""
def palindromes({a}: str) -> int:
    best = 0
    for left in range(len({a})):
        for right in range(left + {least - 1}, len({a})):
            part = {a}[left:right + 1]
            if part == part[::-1]{more}:
                {update}
    return best
"""
    ask = f"{opening} Return {goal.format(least)} that {'read' if 'many' in goal or 'sum' in goal else 'reads'} the same forwards and backwards{extra if 'many' in goal or 'sum' in goal else extra.replace('begin', 'begins').replace('have', 'has')}."
    cases = d.cases(
        12, lambda: [d.text(d.randint(4, 12), "aabe")], ["a"], ["bb"], ["abcba"], ["aeea"]
    )
    return Problem(
        ask,
        code,
        cases,
        "Palindromes grow from their middle; there are 2n - 1 middles.",
        (_LENGTH.format(a),),
        brute,
        difficulty=0.4,
    )


def words_of_line(d: Draw) -> Problem:
    """Split, select, order, join."""
    keep, test = d.pick(
        ("with at least {k} letters", "len(w) >= {k}"), ("that begin with a vowel", 'w[0] in "aeiou"'),
        ("whose first and last letters are equal", "w[0] == w[-1]"), ("without the letter e", '"e" not in w'),
        ("with an odd number of letters", "len(w) % 2 == 1"), ("that have a repeated letter", "len(set(w)) < len(w)"),
    )  # fmt: skip
    k = d.randint(2, 4)
    order, arrange = d.pick(
        ("in their original order", "kept"), ("in alphabetical order", "sorted(kept)"),
        ("from the shortest to the longest, ties in alphabetical order", "sorted(kept, key=lambda w: (len(w), w))"),
        ("in reverse order", "kept[::-1]"), ("ordered by their last letter, ties in alphabetical order", "sorted(kept, key=lambda w: (w[-1], w))"),
    )  # fmt: skip
    change, expression = d.pick(
        ("", "w"),
        (" reversed letter by letter,", "w[::-1]"),
        (" with a capital first letter,", "w.capitalize()"),
        (" with its length appended,", "w + str(len(w))"),
        (" cut to its first two letters,", "w[:2]"),
    )
    sep = d.pick(" ", "-", ",", "/")
    code = f"""
def select(line: str) -> str:
    kept = [w for w in line.split() if {test.format(k=k)}]
    return "{sep}".join({expression} for w in {arrange})
"""
    ask = f"The string `line` holds words of lowercase letters, separated by one or more blanks. Take the words {keep.format(k=k)}, {order}, each of them{change or ' unchanged,'} and join them with `{sep}`. Return the joined text (empty if no word qualifies)."
    cases = d.cases(12, lambda: [d.pick(" ", "  ").join(_words(d, d.randint(3, 8), "abeilnost"))], ["a"], ["noon level"], ["ee  oo  b"])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "`split()` without arguments takes care of repeated blanks.",
        ("1 <= len(line) <= 1000",),
        difficulty=0.15,
        form="calls",
    )


def anagram_groups(d: Draw) -> Problem:
    """Group words that agree in something."""
    same, key = d.pick(
        ("use the same letters equally often", '"".join(sorted(w))'), ("use the same set of letters", '"".join(sorted(set(w)))'),
        ("have the same vowels in the same order", '"".join(c for c in w if c in "aeiou")'),
        ("have the same pattern of repetitions (such as abba and noon)", "str([w.index(c) for c in w])"),
        ("agree in first letter and length", "w[0] + str(len(w))"), ("agree in last letter", "w[-1]"),
    )  # fmt: skip
    goal, end, kind = d.pick(
        ("the size of the largest group", "max(map(len, groups.values()), default=0)", "int"),
        ("the number of groups with at least two words", "sum(len(g) > 1 for g in groups.values())", "int"),
        ("the sizes of all groups in ascending order", "sorted(map(len, groups.values()))", "list[int]"),
        ("how many unordered pairs of words are in the same group", "sum(len(g) * (len(g) - 1) // 2 for g in groups.values())", "int"),
        ("how many words are alone in their group", "sum(len(g) == 1 for g in groups.values())", "int"),
    )  # fmt: skip
    code = f"""
def groups_of(words: list[str]) -> {kind}:
    groups = {{}}
    for w in words:
        groups.setdefault({key}, []).append(w)
    return {end}
"""
    ask = f"Two words belong to the same group if they {same}. Given the list `words` of non-empty lowercase words, return {goal}."
    cases = d.cases(10, lambda: [_words(d, d.randint(4, 9), "abeo")], [["a"]], [["ab", "ba", "ab"]], [["noon", "abba", "deed", "e"]])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Words of one group share a key; a dictionary collects them.",
        ("1 <= len(words) <= 1000",),
        difficulty=0.25,
    )


def subsequence(d: Draw) -> Problem:
    """Is one text hidden in another, under some rule."""
    rule, step, start = d.pick(
        ("in this order, but not necessarily next to each other", "place + 1", 0),
        (
            "in this order, with at least one other character between any two successive ones",
            "place + 2",
            0,
        ),
        ("in this order, not using the first character of `text`", "place + 1", 1),
        ("in this order, always at least three positions apart", "place + 3", 0),
    )
    order, flip = d.pick(("", ""), (" read from right to left", "[::-1]"))
    code = f"""
def hidden(text: str, pattern: str) -> bool:
    place = {start}
    for c in pattern{flip}:
        place = text.find(c, place)
        if place < 0:
            return False
        place = {step}
    return True
"""
    gap = {"place + 1": 1, "place + 2": 2, "place + 3": 3}[step]
    brute = f"""
def hidden(text: str, pattern: str) -> bool:
    def match(i, j):
        if j == len(pattern):
            return True
        return any(text[k] == pattern{flip}[j] and match(k + {gap}, j + 1) for k in range(i, len(text)))
    return match({start}, 0)
"""
    ask = f"Decide whether all characters of `pattern`{order} can be found in `text` {rule}."
    cases = d.cases(14, lambda: [d.text(d.randint(5, 12), "abc"), d.text(d.randint(1, 4), "abc")], ["a", "a"], ["ab", "abc"], ["abcabcabc", "abc"], ["cba", "ab"], ["xaxbxc", "abc"])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Taking the earliest possible place each time is never worse.",
        ("1 <= len(text), len(pattern) <= 10**5",),
        brute,
        difficulty=0.3,
    )


def parse_records(d: Draw) -> Problem:
    """Records of a small format, summed by key."""
    sep, inner = d.pick((";", "="), (",", ":"), ("|", "->"), (" ", "="), (";", ":"))
    rule, update = d.pick(
        ("the sum of its numbers", "table.get(key, 0) + int(value)"), ("the last number", "int(value)"),
        ("the largest number", "max(table.get(key, 0), int(value))"), ("how many times it occurs", "table.get(key, 0) + 1"),
    )  # fmt: skip
    order, sort = d.pick(
        ("in alphabetical order of the names", "sorted(table)"),
        (
            "from the largest to the smallest result, ties in alphabetical order",
            "sorted(table, key=lambda key: (-table[key], key))",
        ),
        ("in order of first appearance", "list(table)"),
    )
    skip, test = d.pick(
        ("", ""),
        (" Records with an empty name are ignored.", "not key"),
        (" Records whose number is 0 are ignored.", "int(value) == 0"),
        (" Records whose name begins with x are ignored.", 'key.startswith("x")'),
    )
    guard = f"        if {test}:\n            continue\n" if test else ""
    code = f"""
def summarise(record: str) -> list[str]:
    table = {{}}
    for field in record.split("{sep}"):
        key, value = field.split("{inner}")
{guard}        table[key] = {update}
    return [key + " " + str(table[key]) for key in {sort}]
"""
    name = {";": "semicolons", ",": "commas", "|": "bars", " ": "blanks"}[sep]
    ask = f"The string `record` holds fields of the form `name{inner}number`, separated by {name}. For every name determine {rule}.{skip} Return one text `name result` for each name, {order}."

    def make() -> list[str]:
        names = ["x", "xy", "b", "cat", "d"] + ([""] if test == "not key" else [])
        return [
            sep.join(d.choice(names) + inner + str(d.randint(0, 9)) for _ in range(d.randint(3, 7)))
        ]

    return Problem(
        ask,
        code,
        d.cases(
            10, make, [f"b{inner}4"], [f"d{inner}0{sep}b{inner}3{sep}d{inner}2{sep}xy{inner}5"]
        ),
        "Fields are split, then folded into a dictionary.",
        ("numbers are at least 0",),
        difficulty=0.3,
        form="calls",
    )


def clock(d: Draw) -> Problem:
    """Arithmetic with times of day."""
    step = d.pick(15, 30, 20, 10, 60, 45)
    how, expression = d.pick(
        (f"rounded down to a multiple of {step} minutes after midnight", f"total // {step} * {step}"),
        (f"rounded up to a multiple of {step} minutes after midnight", f"-(-total // {step}) * {step}"),
        (f"moved on by {step} minutes", f"total + {step}"), (f"moved back by {step} minutes", f"total - {step}"),
        ("mirrored at noon (as far after 12:00 as it was before, and the other way round)", "24 * 60 - total"),
    )  # fmt: skip
    show, text = d.pick(
        ("in the same format", 'f"{hour:02d}:{minute:02d}"'),
        ("as `h:mm am` or `h:mm pm` (12-hour clock, no leading zero of the hour)", 'f"{(hour + 11) % 12 + 1}:{minute:02d} {\'am\' if hour < 12 else \'pm\'}"'),
        ("as minutes since midnight", 'str(total)'), ("as `HhMM`, without a leading zero of the hour", 'f"{hour}h{minute:02d}"'),
    )  # fmt: skip
    code = f"""
def convert(time: str, wait: int) -> str:
    hour, minute = map(int, time.split(":"))
    total = hour * 60 + minute + wait
    total = ({expression}) % (24 * 60)
    hour, minute = divmod(total, 60)
    return {text}
"""
    ask = f"A clock shows `time` in the form HH:MM (24 hours). After `wait` further minutes the time is read again, {how}. Return the result {show}; the clock goes round at midnight."
    cases = d.cases(12, lambda: [f"{d.randint(0, 23):02d}:{d.randint(0, 59):02d}", d.randint(0, 900)], ["00:00", 0], ["23:59", 1], ["12:00", 0], ["11:45", 15])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Times are minutes since midnight, modulo 1440.",
        ("0 <= wait <= 10**5",),
        difficulty=0.2,
    )


def calendar(d: Draw) -> Problem:
    """Dates without and with the library."""
    goal, expression, kind = d.pick(
        ("how many days lie between them (0 if they are equal)", "abs((b - a).days)", "int"),
        ("how many Sundays lie in the span, both dates included", "sum((a + timedelta(k)).weekday() == 6 for k in range((b - a).days + 1))", "int"),
        ("how many weekdays (Monday to Friday) lie in the span, both dates included", "sum((a + timedelta(k)).weekday() < 5 for k in range((b - a).days + 1))", "int"),
        ("how many times a month begins after the first date, up to and including the second date", "(b.year - a.year) * 12 + b.month - a.month", "int"),
        ("the age in whole years, on the second date, of somebody born on the first one", "b.year - a.year - ((b.month, b.day) < (a.month, a.day))", "int"),
        ("the date halfway between them (rounded to the earlier day), in the same format", '(a + (b - a) // 2).strftime("{f}")', "str"),
        ("how many days with a date number divisible by seven (7, 14, 21, 28) lie in the span, both dates included", "sum((a + timedelta(k)).day % 7 == 0 for k in range((b - a).days + 1))", "int"),
    )  # fmt: skip
    shape, f = d.pick(
        ("YYYY-MM-DD", "%Y-%m-%d"), ("DD.MM.YYYY", "%d.%m.%Y"), ("MM/DD/YYYY", "%m/%d/%Y")
    )
    code = fill("""
from datetime import datetime, timedelta


def span(first: str, second: str) -> $kind:
    a = datetime.strptime(first, "$f")
    b = datetime.strptime(second, "$f")
    return $expression
""", kind=kind, f=f, expression=expression.replace("{f}", f))  # fmt: skip
    if "timedelta" not in expression:
        code = code.replace("datetime, timedelta", "datetime")

    def show(day: int) -> str:
        import datetime

        return (datetime.date(2019, 1, 1) + datetime.timedelta(day)).strftime(f)

    def make() -> list[str]:
        one = d.randint(0, 2400)
        return [show(one), show(one + d.randint(0, 900))]

    ask = f"`first` and `second` are two dates in the format {shape}; the second is not before the first. Return {goal}."
    return Problem(
        ask,
        code,
        d.cases(10, make, [show(59), show(59)], [show(424), show(425)], [show(0), show(365)]),
        "The standard library knows leap years; the rest is counting.",
        ("years 1900 to 2100",),
        difficulty=0.25,
    )


def common_part(d: Draw) -> Problem:
    """What two texts have in common."""
    goal, code_body, brute_body = d.pick(
        (
            "length of the longest text that is a prefix of one and a suffix of the other (either way round)",
            "    best = 0\n    for a, b in ((one, other), (other, one)):\n        for n in range(1, min(len(a), len(b)) + 1):\n            if a[:n] == b[-n:]:\n                best = max(best, n)\n    return best",
            "    sizes = range(min(len(one), len(other)), 0, -1)\n    return next((n for n in sizes if one.startswith(other[-n:]) or other.startswith(one[-n:])), 0)",
        ),
        (
            "length of the longest common substring",
            "    best = 0\n    row = [0] * (len(other) + 1)\n    for a in one:\n        new = [0]\n        for k, b in enumerate(other):\n            new.append(row[k] + 1 if a == b else 0)\n            best = max(best, new[-1])\n        row = new\n    return best",
            "    parts = {one[i:j] for i in range(len(one)) for j in range(i + 1, len(one) + 1)}\n    return max((len(p) for p in parts if p in other), default=0)",
        ),
        (
            "smallest number of characters that must be deleted, in both texts together, so that they become anagrams of each other",
            "    count = {}\n    for c in one:\n        count[c] = count.get(c, 0) + 1\n    for c in other:\n        count[c] = count.get(c, 0) - 1\n    return sum(abs(n) for n in count.values())",
            "    return sum(abs(one.count(c) - other.count(c)) for c in set(one + other))",
        ),
        (
            "number of indices at which the two texts agree, after the shorter one was repeated to the length of the longer one",
            "    long, short = (one, other) if len(one) >= len(other) else (other, one)\n    return sum(c == short[k % len(short)] for k, c in enumerate(long))",
            "    n = max(len(one), len(other))\n    return sum(a == b for a, b in zip((one * n)[:n], (other * n)[:n]))",
        ),
    )  # fmt: skip
    name = d.pick("compare", "overlap", "match_texts")
    code, brute = (
        f"\ndef {name}(one: str, other: str) -> int:\n{body}\n" for body in (code_body, brute_body)
    )
    ask = f"Two non-empty lowercase texts `one` and `other` are given. Return the {goal}."
    cases = d.cases(12, lambda: [d.text(d.randint(2, 9), "abc"), d.text(d.randint(2, 9), "abc")], ["a", "b"], ["abc", "abc"], ["aab", "baa"])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "The definition is followed step by step, without looking at anything twice.",
        ("lengths up to 500",),
        brute,
        difficulty=0.35,
    )


TEMPLATES = {
    "count_letters": count_letters, "transform_text": transform_text, "run_lengths": run_lengths, "cipher": cipher,
    "palindromes": palindromes, "words_of_line": words_of_line, "anagram_groups": anagram_groups,
    "subsequence": subsequence, "parse_records": parse_records, "clock": clock, "calendar": calendar,
    "common_part": common_part,
}  # fmt: skip
