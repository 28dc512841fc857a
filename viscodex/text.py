"""Code out of an answer: fences, language, truncation, repetition.

in:  the text of a completion, why it ended, the language that the task asks for
out: an Answer: the code, its language, what is wrong with the answer, how it was written
not covered: what benchmarks themselves take for the code under protocol: paper (tasks/)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from viscodex.types import Answer, Completion, Problem

ALIASES: dict[str, tuple[str, ...]] = {
    "python": ("python", "py", "python3", "python2", "ipython", "jupyter", "pycon"),
    "html": ("html", "htm", "xhtml", "html5", "svg"),
    "javascript": ("javascript", "js", "node", "jsx", "mjs"),
    "typescript": ("typescript", "ts", "tsx"),
    "c++": ("c++", "cpp", "cxx", "cc", "c/c++", "c"),
    "bash": ("bash", "sh", "shell", "zsh", "console"),
    "go": ("go", "golang"),
    "rust": ("rust", "rs"),
    "c#": ("c#", "csharp", "cs"),
}
"""Language -> what fences call it; a language without a line is called by its own name."""

LENGTH_REASONS = ("length", "max_tokens", "max_length", "model_length")
TAIL = 8000  # characters at the end of an answer that are searched for a loop
MIN_REPEATED = 300  # characters that repeat what stands before them
MIN_TIMES = 6

_FENCE = re.compile(r"^[ \t>]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*?)[ \t]*$")
_INLINE = re.compile(r"```(?P<info>[\w+#/-]+)[ \t]+(?P<code>[^`\n]+)```")
_THOUGHT = re.compile(r"^.*</think(?:ing)?>", re.DOTALL)
_PAGE = re.compile(r"<!doctype\s+html|<html[\s>]|<body[\s>]|<svg[\s>]", re.IGNORECASE)
_PYTHON = re.compile(
    r"^(?:import [\w.]+|from [\w.]+ import |def \w+\(|class \w+|@\w|if __name__|\w+ = |print\(|for \w+ in )",
    re.MULTILINE,
)
_CODE_LINE: dict[str, re.Pattern[str]] = {
    "python": _PYTHON,
    "c++": re.compile(r"^\s*#include\s*[<\"]", re.MULTILINE),
    "java": re.compile(r"^\s*(?:public\s+)?class\s+\w+|^import java", re.MULTILINE),
    "go": re.compile(r"^package \w+$|^func \w+\(", re.MULTILINE),
    "rust": re.compile(r"^\s*(?:pub\s+)?fn \w+|^use \w+::", re.MULTILINE),
    "javascript": re.compile(r"^\s*(?:const|let|var|function|export|import)\s+\w+", re.MULTILINE),
}
"""How unfenced code of a language is known; html by its own tags."""


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block."""

    language: str  # first word behind the opening fence, lower case; may be empty
    code: str
    closed: bool


def read_answer(
    sample_id: str, completion: Completion, language: str = "", attempt: int = 0
) -> Answer:
    """The code in a completion, and what is wrong with it.

    Of several blocks the longest in the wanted language counts; of none in it the longest without
    a language, then the longest of all. Where nothing is fenced, text that is code is taken; so it is where
    a fence is closed that was never opened.

    Args:
        language: that the task asks for; empty: any.
    """
    text = _THOUGHT.sub("", completion.text.replace("\r\n", "\n"))
    notes: list[str] = []
    closed = True
    if not text.strip():
        notes.append("empty")
        code, found = "", ""
    elif ending := _unopened(text, language):
        notes.append("no_fence")
        code, found, closed = _unfenced(ending, language)
    elif blocks := fences(text):
        usable = _wanted(blocks, language)
        best = max(usable, key=lambda block: len(block.code))
        code, found, closed = best.code, best.language, best.closed
        if len(usable) > 1:
            notes.append("several_fences")
        if _prose(text):
            notes.append("prose")
    else:
        notes.append("no_fence")
        code, found, closed = _unfenced(text, language)
    return Answer(
        sample_id=sample_id,
        completion=completion,
        code=code,
        language=_plain_name(found) or (language if code.strip() else ""),
        problem=_problem(completion, text, code, closed),
        notes=tuple(notes),
        attempt=attempt,
    )


def _problem(completion: Completion, text: str, code: str, closed: bool) -> Problem:
    if repeats(text):
        return "repetition"
    if completion.finish_reason in LENGTH_REASONS:
        return "truncated"
    if not code.strip():
        return "no_code"
    if not closed and completion.finish_reason is None:  # a model that stopped may forget a fence
        return "truncated"
    return "none"


def fences(text: str) -> list[Fence]:
    """All fenced blocks in order; the last may lack its end."""
    blocks: list[Fence] = []
    lines: list[str] | None = None
    mark, language, indent = "", "", 0
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if lines is None:
            if found:
                mark, language = found["mark"], _first_word(found["info"])
                lines, indent = [], len(line) - len(line.lstrip(" "))
        elif found and not found["info"] and found["mark"].startswith(mark):
            blocks.append(Fence(language, "\n".join(lines), True))
            lines = None
        else:
            lines.append(line[indent:] if not line[:indent].strip() else line)
    if lines is not None:
        tail = "\n".join(lines).rstrip()
        blocks.append(Fence(language, tail.removesuffix(mark), tail.endswith(mark)))
    if not blocks:
        found_inline = _INLINE.finditer(text)
        blocks = [
            Fence(_first_word(one["info"]), one["code"].strip(), True) for one in found_inline
        ]
    return blocks


def _first_word(info: str) -> str:
    return (re.split(r"[\s,{}:]", info.strip().lstrip("{."), maxsplit=1)[0]).lower()


def _plain_name(language: str) -> str:
    """The name of a language, whatever a fence calls it."""
    return next((name for name, words in ALIASES.items() if language in words), language)


def _wanted(blocks: list[Fence], language: str) -> list[Fence]:
    name = _plain_name(language.lower())
    whole = [block for block in blocks if block.code.strip()]
    right = [block for block in whole if name and _plain_name(block.language) == name]
    return right or [block for block in whole if not block.language] or whole or blocks


def _prose(text: str) -> bool:
    """There are words outside of all fences."""
    inside = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            inside = not inside
        elif not inside and re.search(r"\w", line):
            return True
    return False


def _unopened(text: str, language: str) -> str:
    """Code before the only mark of a fence, which ends what the prompt or nothing began; else empty."""
    marks = [found for line in text.split("\n") if (found := _FENCE.match(line))]
    if len(marks) != 1 or marks[0]["info"]:
        return ""
    before = text.partition(marks[0][0])[0].strip()
    return before if before and before == _unfenced(before, language)[0].strip() else ""


def _unfenced(text: str, language: str) -> tuple[str, str, bool]:
    """(code, language, whole) of an answer without fences; no code where it is prose."""
    name = _plain_name(language.lower())
    page = _PAGE.search(text)
    if name in ("", "html") and page:
        end = list(re.finditer(r"</(?:html|svg)\s*>", text, re.IGNORECASE))
        return text[page.start() : end[-1].end() if end else None], "html", bool(end)
    for other, pattern in _CODE_LINE.items():
        if name in ("", other):
            lines = list(pattern.finditer(text))
            if lines and (len(lines) > 1 or not text[: lines[0].start()].strip()):
                return text[lines[0].start() :], other, True
    return "", "", True


def repeats(text: str) -> bool:
    """The text ends in a loop: the same characters MIN_TIMES or more, over MIN_REPEATED characters.

    The longest periodic suffix, by the failure function of the reversed tail (Knuth, Morris and
    Pratt); blanks at the end and a last round that is cut off do not matter.
    """
    tail = text.rstrip()[-TAIL:][::-1]
    borders = [0] * len(tail)
    border = 0
    for n in range(1, len(tail)):
        while border and tail[n] != tail[border]:
            border = borders[border - 1]
        border += tail[n] == tail[border]
        borders[n] = border
        length, period = n + 1, n + 1 - border
        if (
            length >= MIN_REPEATED
            and length >= MIN_TIMES * period
            and tail[:period].strip("`-=*_# ")
        ):
            return True
    return False
