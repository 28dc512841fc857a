"""MMCode: programming problems that need their pictures, judged by running tests.

in:  problems with tests, recorded answers
out: pass@1, pass@k, by image tag
not covered: running and comparing (execute/program.py); fetching the data set

`paper` takes the code, runs it and compares as MMCode's checker does. `strict` finds the code in any
usual fence and runs it as a program of its own for each test: no rewriting as a function, binary
standard input, recursion limit and exit() as Python has them, and a limit for each test alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from viscodex.errors import BadDataset
from viscodex.execute import program
from viscodex.execute.sandbox import isolation
from viscodex.tasks.archive import Row, Tree, is_table, picture_of, read_rows
from viscodex.tasks.executions import Executions, is_final
from viscodex.tasks.task import Benchmark, Item, Picture, ProtocolName
from viscodex.types import Answer, Message, Score

K = (1, 5, 10)
_SYSTEM = (
    "You are a professional programming contester trying to solve algorithmic problems. The "
    "problems come with a description and some images, and you should write a Python solution."
)
_INTRO = (
    "You are required to solve a programming problem. Please enclose your code inside a "
    "```python``` block.  Do not write a main() function. If Call-Based format is used, return the "
    "result in an appropriate place instead of printing it.\n\n"
)
_TAG = re.compile(r"!\[image\]\([^)\n]*\)")
_BLOCK = re.compile(r"```python(.*?)```", re.DOTALL)
_STEPS = (
    "Fetch mmcode_test.jsonl.gz of the data set likaixin/MMCode and give the file; its zip of\n"
    "folders (data.json, images/1.png, ...) and parquet files are read too."
)
_MIN_HEIGHT = 480  # pixels; lower pictures are enlarged, as in the paper's runs


@dataclass(frozen=True, slots=True)
class Problem:
    """What scoring needs of a problem."""

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    fn_name: str | None


class MMCode:
    """The benchmark of arXiv 2404.09486: 263 problems in its test split."""

    name = "mmcode"
    language = "python"
    headline: tuple[str, ...] = ("pass@1",)
    options: tuple[str, ...] = ()

    def read(self, place: Path, split: str = "") -> Benchmark:
        """The problems of a file or folder; `split` is test (default where rows say it) or extra."""
        return read_mmcode(place, split)

    def scorer(
        self, benchmark: Benchmark, *, protocols: Sequence[ProtocolName] = ("paper",), **how: Any
    ) -> MMCodeScorer:
        """Ready to score."""
        return MMCodeScorer(protocols, **how)

    def values(self, item: Item, scores: Sequence[Score]) -> dict[str, float]:
        """pass@k for each k of which there are enough answers."""
        passed = [score.values["pass@1"] for score in scores if "pass@1" in score.values]
        n, c = len(passed), int(sum(passed))
        return {f"pass@{k}": pass_at_k(n, c, k) for k in K if k <= n}

    def totals(
        self, benchmark: Benchmark, rows: Mapping[str, Sequence[Score]], protocol: ProtocolName
    ) -> dict[str, Any]:
        """How many problems were solved by the first answer."""
        firsts = [scores[0].values.get("pass@1", 0.0) for scores in rows.values() if scores]
        return {"solved": int(sum(firsts)), "of": len(benchmark.items)}


class MMCodeScorer:
    """Runs each answer on the tests of its problem.

    Args:
        protocols: what to score.
        seconds: of CPU time for each test; the official 20.
        executions: directory of what answers did; None: nothing is kept.
        tier, allow_unsafe: of the isolation.
    """

    def __init__(
        self,
        protocols: Sequence[ProtocolName] = ("paper",),
        *,
        seconds: float = 20.0,
        executions: Path | None = None,
        tier: str | None = None,
        allow_unsafe: bool = False,
        **_: object,
    ) -> None:
        self.protocols, self.seconds = tuple(protocols), seconds
        self.where: dict[str, Any] = {"tier": tier, "allow_unsafe": allow_unsafe}
        self.settings: dict[str, Any] = {
            "tier": tier or isolation().tier,
            "cpu_limit_s": seconds,
            "numpy": np.__version__,
        }
        self.executions = Executions(executions, (program,), self.settings, sys.version)

    def __enter__(self) -> MMCodeScorer:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        """One Score for each protocol."""
        return tuple(self._score(item, answer, name) for name in self.protocols)

    def _score(self, item: Item, answer: Answer, protocol: ProtocolName) -> Score:
        paper = protocol == "paper"
        code = extract(answer.completion.text) if paper else answer.code
        verdict = self.executions.get(
            program.Verdict,
            (code, paper, item.data),
            lambda: judge(item.data, code, compat=paper, seconds=self.seconds, **self.where),
            lambda found: is_final(found.execution.status),
        )
        right = sum(result is True for result in verdict.results)
        done = verdict.execution
        reason = done.reason or ("" if verdict.passed else "wrong output")
        status = done.status if code.strip() else "no_code"
        return Score(
            sample_id=item.id,
            values={
                "pass@1": float(verdict.passed),
                "tests": right / max(1, len(item.data.inputs)),
            },
            reason=reason,
            status=status,
            problem=answer.problem,
            notes=answer.notes,
            attempt=answer.attempt,
            protocol=protocol,
            detail={"results": list(verdict.results)},
        )


def judge(
    problem: Problem, code: str, *, compat: bool, seconds: float = 20.0, **where: Any
) -> program.Verdict:
    """Run the code on the tests of a problem.

    Args:
        compat: as the official checker does it (protocol: paper).
        where: tier, allow_unsafe.
    """
    if problem.fn_name is not None:
        return program.judge_calls(
            code, problem.fn_name, problem.inputs, problem.outputs, seconds=seconds, **where
        )
    tests = list(zip(problem.inputs, problem.outputs, strict=True))
    return program.judge_stdio(code, tests, compat=compat, seconds=seconds, **where)


def extract(reply: str) -> str:
    """The official rule: the first ```python block, else all of the reply."""
    found = _BLOCK.search(reply)
    return found[1] if found else reply


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that one of k answers drawn from n, c of them right, is right; Chen et al. 2021, eq. 1."""
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def aggregate(
    results: Mapping[str, Sequence[Sequence[bool | int]]],
    tags: Mapping[str, Sequence[str]],
    ks: Sequence[int] = K,
) -> dict[str, Any]:
    """The official sums: pass@k over all problems that have rows, and over those of each tag.

    Args:
        results: problem -> answers -> results of tests (-2, -1, False, True).
        tags: problem -> image tags; a problem counts once in each.
    """
    unknown = sorted(set(results) - set(tags))
    if unknown:
        raise ValueError(f"no such problems: {', '.join(unknown)}")
    total = _pass(results, ks)
    by_tag: dict[str, dict[str, Sequence[Sequence[bool | int]]]] = {}
    for name, answers in results.items():
        for tag in dict.fromkeys(tags[name]):
            by_tag.setdefault(tag, {})[name] = answers
    return {**total, **{tag: _pass(inside, ks) for tag, inside in by_tag.items()}}


def _pass(
    results: Mapping[str, Sequence[Sequence[bool | int]]], ks: Sequence[int]
) -> dict[str, Any]:
    counts = {
        name: (len(answers), sum(all(r > 0 for r in answer) for answer in answers))
        for name, answers in results.items()
    }
    fewest = min((n for n, _ in counts.values()), default=0)
    detail = {
        f"pass@{k}": {name: pass_at_k(n, c, k) for name, (n, c) in counts.items()}
        for k in ks
        if k <= fewest
    }
    means = {name: float(np.mean(list(each.values()))) for name, each in detail.items()}
    return {**means, "detail": detail}


# --- prompt ---------------------------------------------------------------------------------------


def question_text(question: str, input_output: str, starter_code: str) -> str:
    """The official user prompt behind its introduction; its oddities (a stray backslash) included."""
    if _tests(input_output).get("fn_name") or starter_code:
        form = "\\Please write your code using Call-Based format."
    else:
        form = "\nPlease write your code using Standard IO, i.e. input() and print()."
    start = ""
    if starter_code:
        start = f"The starter code is provided as below. Please finish the code.\n{starter_code}\n"
    return f"\nQUESTION:\n{question}{form}{start}\nANSWER:\n"


def _tests(input_output: str) -> dict[str, Any]:
    try:
        tests = json.loads(input_output)
    except ValueError:
        return {}
    return tests if isinstance(tests, dict) else {}


def with_marks(text: str, n_images: int) -> str:
    """Image k stands behind text k; one more tag than images is dropped, a tagless text ends with one."""
    parts = _TAG.split(text)
    if len(parts) == 1:
        return text + "<image>" * min(1, n_images)
    told = [part + ("<image>" if n < n_images else "") for n, part in enumerate(parts[:-1])]
    return "".join(told) + parts[-1]


# --- published files ------------------------------------------------------------------------------


def read_mmcode(place: Path, split: str = "") -> Benchmark:
    """The problems of a .jsonl(.gz), .parquet, or of a folder or zip with data.json and images/.

    Raises:
        BadDataset: it is not there or not MMCode, or a problem is not whole.
    """
    if not place.exists():
        raise BadDataset("there is no such file or folder", str(place), _STEPS)
    if place.is_file() and is_table(place.name):
        rows = [(row, _pictures(row)) for row in read_rows(place.name, place.read_bytes())]
    else:
        rows = list(_from_tree(Tree(place), split))
    splits = {row.get("data_split") for row, _ in rows}
    if split not in ("", "test") and splits == {None} and split not in str(place):
        raise BadDataset(
            "the problems do not say of which split they are",
            f"{place}, --split {split}",
            "Give the file of that split, without --split.",
        )
    if split or splits > {"test"}:
        rows = [one for one in rows if one[0].get("data_split", split) == (split or "test")]
    if not rows:
        raise BadDataset(
            "there are no problems of MMCode in it", f"{place} {split}".strip(), _STEPS
        )
    items = tuple(_item(row, pictures, n) for n, (row, pictures) in enumerate(rows, 1))
    if len({item.id for item in items}) < len(items):
        raise BadDataset("a problem is there twice", str(place), "Problem ids must be unique.")
    digest = hashlib.sha256()
    for item in items:
        told = [
            item.id,
            item.prompt[1].content,
            item.data.inputs,
            item.data.outputs,
            item.data.fn_name,
        ]
        digest.update(json.dumps(told, default=str).encode())
    return Benchmark(
        "mmcode", items, str(place), digest.hexdigest(), settings={"split": split or "test"}
    )


def _from_tree(tree: Tree, split: str) -> Iterator[tuple[Row, list[Picture]]]:
    """data.json beside images/1.png, ... for each problem; or tables inside of the folder."""
    found = False
    for folder, names in tree.folders().items():
        data = [name for name in names if PurePosixPath(name).name == "data.json"]
        if data:
            found = True
            (row,) = read_rows("data.jsonl", json.dumps(json.loads(tree.text(data[0]))).encode())
            here = [
                n for n in tree.names if PurePosixPath(n).parent.as_posix() == f"{folder}/images"
            ]
            numbered = sorted(here, key=_number)
            yield row, [tree.picture(name) for name in numbered]
    if not found:
        tables = [n for n in tree.names if is_table(n) and (not split or split in n)]
        tables = [n for n in tables if "test" in n] or tables
        for name in tables:
            for row in read_rows(name, tree.read(name)):
                yield row, _pictures(row)


def _number(name: str) -> tuple[int, str]:
    stem = PurePosixPath(name).stem
    return (int(stem) if stem.isdigit() else 1 << 30, stem)


def _pictures(row: Row) -> list[Picture]:
    found = [picture_of(one) for one in row.get("images") or ()]
    return [picture for picture in found if picture is not None]


def _item(row: Row, pictures: Sequence[Picture], n: int) -> Item:
    name = str(row.get("problem_id") or row.get("id") or n)
    text = str(row.get("question") or "")
    said = row.get("input_output")
    said = said if isinstance(said, str) else json.dumps(said)
    tests = _tests(said)
    inputs, outputs = tests.get("inputs"), tests.get("outputs")
    if not text or not isinstance(inputs, list) or not isinstance(outputs, list) or not inputs or len(inputs) != len(outputs):  # fmt: skip
        raise BadDataset(
            "a problem is not whole",
            f"{name} (row {n}): question of {len(text)} characters, input_output {said[:80]!r}",
            'input_output is JSON text with as many "inputs" as "outputs".',
        )
    shown = with_marks(text, len(pictures))
    asked = question_text(shown, said, str(row.get("starter_code") or ""))
    images = tuple(Picture(p.source, _MIN_HEIGHT) for p in pictures[: shown.count("<image>")])
    return Item(
        id=name,
        prompt=(Message("system", _SYSTEM), Message("user", _INTRO + asked)),
        images=images,
        data=Problem(tuple(inputs), tuple(outputs), tests.get("fn_name")),
        groups={
            "tag": tuple(map(str, row.get("image_tags") or ())),
            "source": (str(row["source"]),) if row.get("source") else (),
        },
    )
