"""Shingles: what remains of a program or a text when layout, comments and names are taken away.

in:  code with its language, or natural text
out: tokens, and the 64-bit hashes of every run of k tokens
not covered: comparing them (duplicates.py, decontaminate.py)

Nothing is parsed or run: one regular expression for each family of languages cuts the text, so
broken code has shingles too. A renamed or reformatted copy keeps its tokens: comments, blanks,
quote styles, trailing commas and spellings of a number are gone, names that the author chose are
one token. Keywords, attributes, keyword arguments, called functions and literals stay, so charts
of one template with other data or other calls differ.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

NAME = "\N{MIDDLE DOT}"
"""Stands for a name that the author chose."""

CODE_RUN = 7
"""Tokens in a shingle of code."""
TEXT_RUN = 5
"""Words in a shingle of text."""

_PYTHON_KEPT = frozenset(keyword.kwlist) | frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "dict",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "frozenset",
        "input",
        "int",
        "isinstance",
        "iter",
        "len",
        "list",
        "map",
        "max",
        "min",
        "next",
        "open",
        "ord",
        "chr",
        "pow",
        "print",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "sorted",
        "str",
        "sum",
        "super",
        "tuple",
        "type",
        "zip",
        "self",
    ]
)
_OTHER_KEPT = _PYTHON_KEPT | frozenset(
    [
        "abstract",
        "boolean",
        "byte",
        "case",
        "catch",
        "char",
        "const",
        "constructor",
        "default",
        "delete",
        "do",
        "double",
        "end",
        "export",
        "extends",
        "final",
        "fn",
        "foreach",
        "fun",
        "func",
        "function",
        "implements",
        "impl",
        "interface",
        "let",
        "long",
        "match",
        "mut",
        "new",
        "null",
        "package",
        "private",
        "protected",
        "public",
        "readonly",
        "ref",
        "return",
        "select",
        "short",
        "static",
        "string",
        "struct",
        "switch",
        "then",
        "this",
        "throw",
        "throws",
        "trait",
        "true",
        "false",
        "typeof",
        "undefined",
        "unless",
        "until",
        "use",
        "using",
        "val",
        "var",
        "void",
        "when",
        "where",
        "SELECT",
        "FROM",
        "WHERE",
        "JOIN",
        "GROUP",
        "BY",
        "ORDER",
        "INSERT",
        "UPDATE",
        "DELETE",
    ]
)

# every alternative ends at the end of the text at the latest: time is linear whatever is unclosed
_STRING = (
    r'(?P<string>[rRbBuUfF]{0,2}(?:"""(?:\\.|[^\\])*?(?:"""|\Z)|\'\'\'(?:\\.|[^\\])*?(?:\'\'\'|\Z)'
    r'|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?))'
)
_REST = (
    r"(?P<number>0[xX][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<mark>[*/<>=!]{2,3}|[^\w\s])"
)
_PYTHON = re.compile(rf"(?P<comment>\#[^\n]*)|{_STRING}|{_REST}", re.S)
_HASHED = re.compile(rf"(?P<comment>\#[^\n]*|--[^\n]*)|{_STRING}|{_REST}", re.S)
_SLASHED = re.compile(
    rf"(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))|{_STRING}|`(?:\\.|[^`\\])*`?|{_REST}", re.S
)
_MARKUP = re.compile(
    r"(?P<comment><!--.*?(?:-->|\Z)|/\*.*?(?:\*/|\Z))"
    r"|(?P<own>\b(?:class|id|for|name)\s*=\s*(?:\"[^\"]*\"|'[^']*'))"
    r"|(?P<selector>(?<=[\s,}>;])[.\#][A-Za-z_][\w-]*(?=[^{};\"'<>]{0,200}\{))"
    r"|(?P<name>\#[\da-fA-F]{3,8}\b|[^\W\d][\w-]*)"
    r"|(?P<number>\d[\d_]*\.?\d*|\.\d+)|(?P<mark></|[^\w\s\"'])",
    re.S,
)
_NO_TEXT = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^<>]*>?", re.S | re.I
)
_FIELD = re.compile(r"\{[^{}]*\}")
_FIELD_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*(?![\w(])")
_WORD = re.compile(r"\w+")

_GRAMMARS = {
    "python": _PYTHON, "py": _PYTHON, "html": _MARKUP, "css": _MARKUP, "xml": _MARKUP,
    "svg": _MARKUP, "vue": _MARKUP, "bash": _HASHED, "sh": _HASHED, "shell": _HASHED, "r": _HASHED,
    "ruby": _HASHED, "yaml": _HASHED, "sql": _HASHED, "lua": _HASHED, "": _PYTHON,
}  # fmt: skip
"""Language -> how it is cut; the others write comments as C does."""


def code_tokens(code: str, language: str) -> list[str]:
    """The tokens of a program without its layout, its comments and its author's names."""
    grammar = _GRAMMARS.get(language.casefold(), _SLASHED)
    if grammar is _MARKUP:
        return list(_markup_tokens(code))
    return _without_trailing_commas(list(_program_tokens(code, grammar)))


def _program_tokens(code: str, grammar: re.Pattern[str]) -> Iterable[str]:
    kept = _PYTHON_KEPT if grammar is _PYTHON else _OTHER_KEPT
    before, depth = "", 0  # the last token, and how many parentheses are open
    matches = list(grammar.finditer(code))
    for i, found in enumerate(matches):
        kind, text = found.lastgroup, found[0]
        if kind == "comment" or text == ";":
            continue
        after = matches[i + 1][0] if i + 1 < len(matches) else ""
        if kind == "name":
            before = text if _stays(text, before, after, depth, kept) else NAME
            yield before
        elif kind == "number":
            yield _number(text)
            before = "0"
        elif kind == "mark":
            depth = max(depth + (text == "(") - (text == ")"), 0)
            before = text
            yield text
        else:
            before = '"'
            yield '"'
            yield from _string_words(text)


def _stays(name: str, before: str, after: str, depth: int, kept: frozenset[str]) -> bool:
    """Whether the name is the language's or a library's: keyword, attribute, keyword argument."""
    if name in kept or before in (".", "import", "from"):
        return True
    return depth > 0 and after == "=" and before in (",", "(")


def _number(text: str) -> str:
    try:
        return format(float(int(text, 0) if text[:2] in ("0x", "0X") else text), ".6g")
    except (ValueError, OverflowError):
        return text


def _string_words(text: str) -> list[str]:
    """The words of a string; names in the braces of an f-string are the author's."""
    body = text.lstrip("rRbBuUfF").strip("\"'`")
    if "f" in text[:2].casefold():
        body = _FIELD.sub(lambda field: _FIELD_NAME.sub(NAME, field[0]), body)
    return re.findall(r"[\w\N{MIDDLE DOT}]+|\#", body.casefold())


def _without_trailing_commas(tokens: list[str]) -> list[str]:
    following = [*tokens, ""][1:]
    return [
        token
        for token, after in zip(tokens, following, strict=True)
        if token != "," or after not in (")", "]", "}")
    ]


def _markup_tokens(code: str) -> Iterable[str]:
    for found in _MARKUP.finditer(code):
        kind, text = found.lastgroup, found[0]
        if kind == "own":
            yield text.split("=")[0].strip().casefold()
            yield NAME
        elif kind == "selector":
            yield NAME
        elif kind == "number":
            yield _number(text)
        elif kind != "comment":
            yield text.casefold()


def spoken_text(code: str, language: str) -> str:
    """What of a program is natural language: comments and strings, or the text of a page."""
    grammar = _GRAMMARS.get(language.casefold(), _SLASHED)
    if grammar is _MARKUP:
        return _NO_TEXT.sub(" ", code)
    told = (found for found in grammar.finditer(code) if found.lastgroup in ("comment", "string"))
    return "\n".join(found[0] for found in told)


def text_tokens(text: str) -> list[str]:
    """The words of a text, without case and punctuation."""
    return _WORD.findall(text.casefold())


def shingles(tokens: Sequence[str], run: int) -> NDArray[np.uint64]:
    """The hashes of every run of so many tokens, each once, ascending; # (S,)

    Fewer tokens than a run are one shingle; no tokens are none.
    """
    if not tokens:
        return np.empty(0, np.uint64)
    if len(tokens) <= run:
        return np.array([_digest("\0".join(tokens))], np.uint64)
    each = np.fromiter(map(_digest, tokens), np.uint64, len(tokens))
    windows = np.lib.stride_tricks.sliding_window_view(each, run)
    mixed = np.zeros(len(windows), np.uint64)
    for column in range(run):
        mixed = (mixed ^ windows[:, column]) * _PRIME
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def _digest(token: str) -> int:
    return xxhash.xxh3_64_intdigest(token.encode("utf-8", "surrogatepass"))


_PRIME = np.uint64(0x9E3779B97F4A7C15)
