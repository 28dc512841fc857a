"""What became of the answers: executions, how answers were written, bits per byte of code.

in:  runs of one benchmark, one of each system
out: Rows of counts, one for each protocol; protocols that count alike share one
not covered: how they are written (text.py, page.py), what the statuses mean for a score (tasks/)

A status is of an execution, a note of a text: one answer has one status and any number of notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from viscodex.report.run import Run

NOT_RUN = "not run"
_FIRST = ("items", "no answer", "answers", "ok")
_LAST = (NOT_RUN, "unscored", "missing")
ADDING = (
    "Executions: the answers by their status; the statuses add up to the answers. Notes: how answers are "
    "written; one answer may have several of them, or none."
)
_MEANT = {
    "no answer": "items without any",
    NOT_RUN: "judged by the text alone, nothing was executed (a keyword case of InfiBench-V, a question on a picture)",
    "unscored": "no score could be given, for the reason that is told",
    "missing": "the model was asked and gave no answer",
    "no_code": "there is no code, or none in the form that the protocol asks for",
    "truncated": "it ends before its code does",
    "repetition": "it repeats itself to its end",
    "empty": "there is no text",
    "no_fence": "the code stands in no fence",
    "several_fences": "more than one block of code, of which the longest counts",
    "prose": "text beside the code",
}
"""Column -> what it counts; those that say it themselves are not there."""


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of one system."""

    name: str
    protocols: tuple[str, ...]  # that all count so
    counts: dict[str, int]  # those that are 0 may lack


def tables(runs: Sequence[Run]) -> list[tuple[str, list[Row]]]:
    """What is counted of a benchmark and its rows: executions, and apart from them notes."""
    both = (("executions", executions(runs)), ("notes on answers", notes(runs)))
    return [(what, rows) for what, rows in both if rows]


def executions(runs: Sequence[Run]) -> list[Row]:
    """Items, answers, and the answers by their status: the statuses add up to the answers."""
    return [row for run in runs for row in _rows(run, _executed)]


def notes(runs: Sequence[Run]) -> list[Row]:
    """Notes on how answers are written; nothing where there are none."""
    rows = [row for run in runs for row in _rows(run, _noted)]
    return rows if any(row.counts for row in rows) else []


def unscored(run: Run) -> list[str]:
    """Why answers have no score, in words."""
    found: dict[tuple[str, int], list[str]] = {}
    for protocol, report in run.reports.items():
        for reason, n in report.unscored.items():
            found.setdefault((reason, n), []).append(protocol)
    return [f"{n} unscored ({', '.join(names)}): {reason}" for (reason, n), names in found.items()]


def columns(rows: Iterable[Row]) -> list[str]:
    """All that is counted, in the order of a table."""
    found = {name for row in rows for name, n in row.counts.items() if n or name in _FIRST[::2]}
    ends = [name for name in _LAST if name in found]
    starts = [name for name in _FIRST if name in found]
    return [*starts, *sorted(found - {*starts, *ends}), *ends]


def meaning(names: Iterable[str]) -> str:
    """A line that explains the columns that need it."""
    return "; ".join(f"{name}: {_MEANT[name]}" for name in dict.fromkeys(names) if name in _MEANT)


def _rows(run: Run, count: Callable[[Run, str], dict[str, int]]) -> list[Row]:
    """One for each protocol; those that count alike are one."""
    found: list[tuple[dict[str, int], list[str]]] = []
    for protocol in run.reports:
        counts = count(run, protocol)
        same = next((names for held, names in found if held == counts), None)
        if same is None:
            found.append((counts, [protocol]))
        else:
            same.append(protocol)
    return [Row(run.name, tuple(names), counts) for counts, names in found]


def _executed(run: Run, protocol: str) -> dict[str, int]:
    report = run.reports[protocol]
    n_answers = sum(len(item.answers) for item in run.items)
    return {
        "items": report.n,
        "no answer": report.n - sum(bool(item.answers) for item in run.items),
        "answers": n_answers,
        **report.statuses,
        NOT_RUN: max(0, n_answers - sum(report.statuses.values())),
    }


def _noted(run: Run, protocol: str) -> dict[str, int]:
    counted = run.reports[protocol].problems
    return {name: n for name, n in counted.items() if name != "unanswered"}


# --- bits per byte --------------------------------------------------------------------------------

CODE_NOTE = (
    "Bits per byte of code, without any question: lower is better, and models of different tokenizers can "
    "be compared. One figure for all texts, so there is no interval."
)


@dataclass(frozen=True, slots=True)
class CodeFit:
    """How well a system continues code; `why` where it was not measured."""

    name: str
    bits_per_byte: float | None
    perplexity: float | None  # per token
    n_texts: int
    why: str = ""


def code_fits(runs: Iterable[Run]) -> list[CodeFit]:
    """Of the runs that say it (retention); nothing where none does."""
    found = []
    for run in runs:
        said = run.settings.get("code")
        if isinstance(said, dict) and "bits_per_byte" in said:
            bits, each = float(said["bits_per_byte"]), float(said["perplexity"])
            found.append(CodeFit(run.name, bits, each, int(said.get("n_texts", 0))))
        elif said:
            found.append(CodeFit(run.name, None, None, 0, str(said)))
    return found


def code_change(a: Run, b: Run) -> str:
    """Bits per byte before and after, as a sentence; empty where neither run says it."""
    fits = code_fits([a, b])
    told = "; ".join(f"{one.name} {_bits(one)}" for one in fits)
    if len(fits) < 2 or fits[0].bits_per_byte is None or fits[1].bits_per_byte is None:
        return f"Bits per byte of code: {told}." if told else ""
    if fits[0].n_texts != fits[1].n_texts:
        return f"Bits per byte of code, over different texts and not to be compared: {told}."
    change = f"{fits[1].bits_per_byte - fits[0].bits_per_byte:+.3f}".replace("-", "\u2212")
    return f"Bits per byte of code over {fits[0].n_texts:,} texts (lower is better): {told} ({change})."


def _bits(one: CodeFit) -> str:
    return one.why if one.bits_per_byte is None else f"{one.bits_per_byte:.3f}"
