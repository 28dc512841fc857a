"""Retention: what a model could do before a merge or a training, and can do after it.

in:  a set of questions (built in, or a folder of the same form), recorded answers
out: text: algorithms from words alone; vision: reading, values and types from pictures without any code
not covered: perplexity of code, which needs the model itself (models/likelihood.py); comparing two
    runs (viscodex compare); making the set (benchmarks/retention_set.py)

    FOLDER/items.jsonl   {"id", "set": algorithm | reading | values | types | completion, "question",
                          "picture": file (vision), "answer" (vision), "tests" (algorithm), "text" (completion)}
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Indel

from viscodex.errors import BadDataset
from viscodex.execute.sandbox import isolation
from viscodex.tasks.mmcode import Problem, judge
from viscodex.tasks.task import Benchmark, Item, Picture, ProtocolName, mean_of_attempts
from viscodex.types import Answer, Message, Score

BUILT_IN = Path(__file__).parent / "retention_items"
ITEMS = "items.jsonl"
SETS: dict[str, str] = {
    "algorithm": "text", "reading": "vision", "values": "vision", "types": "vision",
}  # fmt: skip
"""Set of questions -> whether it asks the language model alone, or the eyes too."""
COMPLETION = "completion"  # texts for perplexity; nobody is asked about them
NEAR = 0.05  # relative difference up to which a value counts as read
WHOLE = "score"  # the mean over all items, by which two models are compared
_LONG = 4  # a reply of so many times the words of the answer lists instead of answering
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_FORM = f"A folder with {ITEMS}; docs/evaluation.md has its form."


@dataclass(frozen=True, slots=True)
class Asked:
    """What scoring needs of a question."""

    set: str
    answer: str = ""
    problem: Problem | None = None
    others: tuple[str, ...] = ()  # types: all answers of the set


class Retention:
    """Text-only and vision-only questions; the built-in set was made by our own builders."""

    name = "retention"
    language = ""
    headline: tuple[str, ...] = ("text", "vision", *SETS, WHOLE)
    options: tuple[str, ...] = ()
    protocols: tuple[ProtocolName, ...] = ("strict",)  # it is ours: there is no official scorer
    built_in = BUILT_IN  # the data that are there without --data

    def read(self, place: Path, split: str = "") -> Benchmark:
        """The questions of a folder; `split` is text, vision or one of the sets."""
        rows = [row for row in read_rows(place) if row["set"] != COMPLETION]
        types = tuple(dict.fromkeys(row["answer"] for row in rows if row["set"] == "types"))
        chosen = [row for row in rows if split in ("", row["set"], SETS[row["set"]])]
        if not chosen:
            raise BadDataset("there are no questions in it", f"{place} {split}".strip(), _FORM)
        items = tuple(_item(place, row, types) for row in chosen)
        digest = hashlib.sha256()
        for row in chosen:
            digest.update(json.dumps(row, sort_keys=True).encode())
            if row.get("picture"):
                digest.update(hashlib.sha256((place / row["picture"]).read_bytes()).digest())
        return Benchmark(
            self.name, items, str(place), digest.hexdigest(), settings={"split": split}
        )

    def scorer(
        self, benchmark: Benchmark, *, protocols: Sequence[ProtocolName] = ("strict",), **how: Any
    ) -> RetentionScorer:
        """Ready to score."""
        return RetentionScorer(**how)

    def values(self, item: Item, scores: Sequence[Score]) -> dict[str, float]:
        """The mean over the answers to an item."""
        return mean_of_attempts(scores)

    def totals(
        self, benchmark: Benchmark, rows: Mapping[str, Sequence[Score]], protocol: ProtocolName
    ) -> dict[str, Any]:
        """How many answers are literally right, beside those that are near enough."""
        exact = [s.detail["exact"] for scores in rows.values() for s in scores if s.detail]
        return {"exact": sum(exact), "of": len(benchmark.items)}


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The lines of a set, those for perplexity too.

    Raises:
        BadDataset: it is not there, or a line is not whole.
    """
    file = folder / ITEMS
    if not file.is_file():
        raise BadDataset("there is no such set of questions", str(file), _FORM)
    rows: list[dict[str, Any]] = []
    for n, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            rows.append({"id": str(row["id"]), **row})
            _check(row, folder)
        except (ValueError, LookupError, TypeError) as error:
            raise BadDataset(
                "a question is not whole", f"{file}, line {n}: {error!r}", _FORM
            ) from error
    return rows


def _check(row: Mapping[str, Any], folder: Path) -> None:
    kind = row["set"]
    if kind == COMPLETION:
        needed: tuple[str, ...] = ("text",)
    elif kind == "algorithm":
        needed = ("question", "tests")
    elif kind in SETS:
        needed = ("question", "answer", "picture")
        if not (folder / row["picture"]).is_file():
            raise ValueError(f"no picture {row['picture']}")
    else:
        raise ValueError(f"no set {kind}")
    if lacks := [name for name in needed if not isinstance(row.get(name), str) or not row[name]]:
        raise ValueError(f"no {', '.join(lacks)}")


def _item(folder: Path, row: Mapping[str, Any], types: tuple[str, ...]) -> Item:
    kind = row["set"]
    problem = None
    if kind == "algorithm":
        tests = json.loads(row["tests"])
        problem = Problem(tuple(tests["inputs"]), tuple(tests["outputs"]), tests.get("fn_name"))
    mark = "<image>\n" if row.get("picture") else ""
    return Item(
        id=row["id"],
        prompt=(Message("user", mark + row["question"]),),
        images=(Picture(folder / row["picture"]),) if mark else (),
        data=Asked(kind, str(row.get("answer", "")), problem, types if kind == "types" else ()),
        groups={"set": (kind,)},
        metrics=(SETS[kind], kind, WHOLE),
    )


class RetentionScorer:
    """Runs programs, compares texts.

    Args:
        seconds: of CPU time for each test of a program.
        tier, allow_unsafe: of the isolation.
    """

    def __init__(
        self,
        *,
        seconds: float = 10.0,
        tier: str | None = None,
        allow_unsafe: bool = False,
        **_: object,
    ) -> None:
        self.seconds = seconds
        self.where: dict[str, Any] = {"tier": tier, "allow_unsafe": allow_unsafe}
        self.settings: dict[str, Any] = {
            "tier": tier or isolation().tier, "cpu_limit_s": seconds, "near": NEAR,
        }  # fmt: skip

    def __enter__(self) -> RetentionScorer:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        """One Score: the value of the item's set, of text or vision, and of the whole."""
        asked: Asked = item.data
        status, reason = "", ""
        if asked.problem is not None:
            verdict = judge(
                asked.problem, answer.code, compat=False, seconds=self.seconds, **self.where
            )
            value = float(verdict.passed)
            exact = verdict.passed
            status = verdict.execution.status if answer.code.strip() else "no_code"
            reason = verdict.execution.reason or ("" if exact else "wrong output")
        else:
            said = answer.completion.text
            value = RULES[asked.set](said, asked)
            exact = plain(said) == plain(asked.answer)
            reason = "" if value == 1 else "another answer"
        return (
            Score(
                sample_id=item.id,
                values={SETS[asked.set]: value, asked.set: value, WHOLE: value},
                reason=reason,
                status=status,
                problem=answer.problem if asked.problem is not None else "none",
                attempt=answer.attempt,
                protocol="strict",
                detail={"exact": exact},
            ),
        )


# --- comparing texts ------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Lower case, one blank between words, no fences, quotes and marks at the ends of words."""
    text = unicodedata.normalize("NFKC", text).lower().replace("```", " ")
    text = re.sub(r"[\"'\u201c\u201d\u2018\u2019`*|]", " ", text)
    words = (word.strip(".,;:!?()[]{}") for word in text.split())
    return " ".join(word for word in words if word)


def reading(said: str, asked: Asked) -> float:
    """How much of the text was read, in order: 1 - indel distance / both lengths."""
    return float(Indel.normalized_similarity(plain(said), plain(asked.answer)))


def value_of(said: str, asked: Asked) -> float:
    """1 where the reply is the answer: its numbers within NEAR, or its words and little else."""
    reply, right = plain(said), plain(asked.answer)
    if len(reply.split()) > _LONG * len(right.split()) + 8:
        return 0.0
    wanted, found = _numbers(asked.answer), _numbers(said)
    if wanted:
        near = len(found) >= len(wanted) and all(
            math.isclose(a, b, rel_tol=NEAR, abs_tol=1e-9)
            for a, b in zip(wanted, found, strict=False)
        )
        return float(near)
    return float(bool(right) and f" {right} " in f" {reply} ")


def type_of(said: str, asked: Asked) -> float:
    """1 where the reply names the type, and none of the others."""
    reply = f" {plain(said)} "
    named = {name for name in asked.others if f" {plain(name)} " in reply}
    longest = {n for n in named if not any(n != m and plain(n) in plain(m) for m in named)}
    return float(longest == {asked.answer})


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in _NUMBER.findall(text)]


RULES = {"reading": reading, "values": value_of, "types": type_of}
"""Set -> how near a reply comes to the answer, 0 to 1."""
