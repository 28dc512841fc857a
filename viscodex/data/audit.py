"""What a data set of others is worth: how many pictures open, scripts run, pages render, answers
are cut.

in:  a Dataset, most often one that was imported
out: Audit: counts by category, with intervals where a sample of the rows was run; as Markdown
not covered: what an import refused for its form (importing.py); single failures (check.py)

Texts are looked at in every row, code is run in as many as are asked for, spread evenly. What was
found is noted as it comes, so that an audit of days may be killed and goes on.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from viscodex.data.ahead import in_order
from viscodex.data.check import Outcome, Runner, spread
from viscodex.data.dataset import Dataset, open_parquet
from viscodex.data.draft import Machine
from viscodex.data.sound import flaws
from viscodex.errors import BadDataset
from viscodex.files import write_atomically
from viscodex.syntax import parse
from viscodex.text import read_answer
from viscodex.types import Completion, Sample

Progress = Callable[[str, int, int], None]
CUT = "the answer ends before its code does"
SAVE_EVERY = 200  # rows between two notes
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class CategoryAudit:
    """What was found in one category; n of the rows that were looked at."""

    rows: int
    pictures: int  # of the rows whose pictures were opened
    broken_pictures: int
    cut: int  # answers, of all rows
    no_code: int  # answers without any, of all rows
    tried: int  # rows whose code was run or whose page was rendered
    ran: int
    why: dict[str, int] = field(
        default_factory=dict
    )  # kind of failure -> rows, the commonest first
    skipped: dict[str, int] = field(default_factory=dict)  # why not tried -> rows


@dataclass(frozen=True, slots=True)
class Audit:
    """What a data set is worth."""

    rows: int
    tried: int  # rows that were run, or for which it was found that they cannot be
    categories: dict[str, CategoryAudit]
    refused: dict[str, int] = field(default_factory=dict)  # by the import: reason -> rows

    def shares(self, category: str) -> tuple[float, float, float]:
        """(share that ran, low, high): a Wilson interval of 95 %; NaN where none was tried."""
        found = self.categories[category]
        return wilson(found.ran, found.tried)


def wilson(hits: int, n: int) -> tuple[float, float, float]:
    """Share and its 95 % interval (Wilson 1927)."""
    if n == 0:
        return math.nan, math.nan, math.nan
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return share, max(0.0, middle - half), min(1.0, middle + half)


def audit_dataset(
    dataset: Dataset,
    *,
    limit: int | None = 2_000,
    workers: int | None = None,
    runtime: str = "current",
    notes: Path | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Look at all texts, and run the code of `limit` rows.

    Args:
        limit: rows whose pictures are opened and whose code is run; None: all.
        notes: a file in which what was found is kept; an audit of the same data set and limit that
            was killed goes on from it. It stays behind; a finished one is read again at once.
        progress: called with ("texts" or "running", done, total).

    Raises:
        MissingPart, IsolationMissing: generated code cannot be run on this machine.
        BadDataset: a shard is damaged.
    """
    counts = _texts(dataset, progress)
    _running(dataset, counts, spread(len(dataset), limit), workers, runtime, notes, progress)
    found = {c: _category(rows) for c, rows in sorted(counts.items())}
    refused = {
        note.name: note.n_rejects
        for note in (dataset.manifest.filters if dataset.manifest else ())
        if note.n_rejects
    }
    return Audit(len(dataset), sum(c.tried for c in found.values()), found, refused)


def _category(rows: Counter[str]) -> CategoryAudit:
    def named(prefix: str) -> dict[str, int]:
        own = {key.removeprefix(prefix): n for key, n in rows.items() if key.startswith(prefix)}
        return dict(sorted(own.items(), key=lambda item: (-item[1], item[0])))

    return CategoryAudit(
        rows["rows"], rows["pictures"], rows["broken_pictures"], rows["cut"], rows["no_code"],
        rows["tried"], rows["ran"], named("why: "), named("skipped: "),
    )  # fmt: skip


# --- texts ----------------------------------------------------------------------------------------


def _texts(dataset: Dataset, progress: Progress | None) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for done, (category, answer) in enumerate(_answers(dataset), start=1):
        own = counts.setdefault(category, Counter())
        own["rows"] += 1
        problem = cut_or_empty(answer, category)
        if problem:
            own[problem] += 1
        if progress is not None and done % 500 == 0:
            progress("texts", done, len(dataset))
    return counts


def _answers(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """(category, answer) of all rows; no picture is read."""
    for path in sorted((dataset.folder / "data").glob("*.parquet")):
        try:
            with open_parquet(path) as file:
                for batch in file.iter_batches(256, columns=["category", "messages"]):
                    for row in batch.to_pylist():
                        yield row["category"], row["messages"][-1]["content"]
        except (OSError, ValueError, pa.ArrowException) as error:
            raise BadDataset("a shard is damaged", f"{path}: {error}"[:300]) from None


def cut_or_empty(answer: str, category: str) -> str:
    """ "cut" where an answer ends before its code does, "no_code" where it has none; else empty.

    Cut is: a fence that nothing closes, a page without its end, Python that breaks off: it cannot be
    parsed, and what stops the parser is the end of the text.
    """
    language = {"html": "html"}.get(category, "python" if category != "qa" else "")
    read = read_answer("", Completion(answer), language)
    if read.problem in ("truncated", "repetition"):
        return "cut"
    if not read.code.strip():
        return "no_code"
    if category == "html":
        return "" if re.search(r"</html\s*>|</body\s*>", read.code, re.I) else "cut"
    return "cut" if category in ("chart", "algorithm") and _breaks_off(read.code) else ""


def _breaks_off(code: str) -> bool:
    try:
        parse(code)
    except SyntaxError as error:
        last = len(code.rstrip().splitlines())
        unfinished = "never closed" in (error.msg or "") or "unterminated" in (error.msg or "")
        return unfinished or "EOF" in (error.msg or "") or (error.lineno or 0) >= last
    except (ValueError, RecursionError, MemoryError):
        return False
    return False


# --- pictures and code ----------------------------------------------------------------------------


def _running(
    dataset: Dataset,
    counts: dict[str, Counter[str]],
    places: list[int],
    workers: int | None,
    runtime: str,
    notes: Path | None,
    progress: Progress | None,
) -> None:
    identity = [dataset.manifest.content if dataset.manifest else "", len(dataset), len(places)]
    known = _read_notes(notes, identity)
    done: dict[str, dict[str, int]] = known.get("counts", {})
    at = int(known.get("at", 0))
    tally = {category: Counter(rows) for category, rows in done.items()}
    with Machine(runtime, workers or 1) as machine:
        runner = Runner(machine)

        def look(item: tuple[str, Sample | None]) -> tuple[str, Counter[str]]:
            return _looked(item[1], runner)

        for (_, _), (category, found) in in_order(look, _samples(dataset, places[at:]), workers):
            tally.setdefault(category, Counter()).update(found)
            at += 1
            if notes is not None and (at % SAVE_EVERY == 0 or at == len(places)):
                _write_notes(notes, identity, at, tally)
            if progress is not None:
                progress("running", at, len(places))
    for category, rows in tally.items():
        counts.setdefault(category, Counter()).update(rows)


def _samples(dataset: Dataset, places: list[int]) -> Iterator[tuple[str, Sample | None]]:
    for index in places:
        try:
            yield dataset.where(index), dataset[index]
        except BadDataset:
            yield dataset.where(index), None


def _looked(sample: Sample | None, runner: Runner) -> tuple[str, Counter[str]]:
    found: Counter[str] = Counter()
    if sample is None:
        return "damaged", found
    found["pictures"] += len(sample.images)
    found["broken_pictures"] += sum(f.name == "broken_image" for f in flaws(sample))
    outcome = Outcome()
    runner.run(sample, outcome)
    if outcome.skipped:
        found[f"skipped: {outcome.skipped}"] += 1
    elif "ran" in outcome.did:
        found["tried"] += 1
        if outcome.failures:
            found[f"why: {_kind(*outcome.failures[0])}"] += 1
        else:
            found["ran"] += 1
    return sample.category, found


def _kind(what: str, why: str) -> str:
    """A failure without what is particular to one row: "error: ModuleNotFoundError", "timeout"."""
    head = why.split("\n")[0]
    named = re.search(r"\b([A-Z]\w*(?:Error|Exception|Interrupt|Exit))\b", head)
    status = head.partition(":")[0][:40]
    return f"{status}: {named[1]}" if named else (status if what == "run" else what)


def _read_notes(notes: Path | None, identity: list[Any]) -> Mapping[str, Any]:
    if notes is None or not notes.is_file():
        return {}
    try:
        found = json.loads(notes.read_bytes())
    except ValueError:
        return {}
    return found if found.get("identity") == identity else {}


def _write_notes(
    notes: Path, identity: list[Any], at: int, tally: Mapping[str, Counter[str]]
) -> None:
    counts = {category: dict(rows) for category, rows in tally.items()}
    write_atomically(notes, json.dumps({"identity": identity, "at": at, "counts": counts}))


# --- for people -----------------------------------------------------------------------------------


def audit_markdown(audit: Audit) -> str:
    """Tables of an audit."""
    lines = [
        f"{audit.rows:,} rows; the code of {audit.tried:,} was run.",
        "",
        "| category | rows | pictures opened | broken | tried | ran | 95 % | answers cut | no code |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, c in audit.categories.items():
        share, low, high = audit.shares(name)
        ran = "-" if math.isnan(share) else f"{share:.1%}"
        interval = "-" if math.isnan(share) else f"{low:.1%} to {high:.1%}"
        lines.append(
            f"| {name} | {c.rows:,} | {c.pictures:,} | {c.broken_pictures:,} | {c.tried:,} | {ran} "
            f"| {interval} | {c.cut:,} | {c.no_code:,} |"
        )
    why = [(name, what, n) for name, c in audit.categories.items() for what, n in c.why.items()]
    if why:
        lines += ["", "| category | why it does not run | rows |", "|---|---|---|"]
        lines += [f"| {name} | {what.replace('|', ' ')} | {n:,} |" for name, what, n in why[:30]]
    if audit.refused:
        lines += ["", "| refused by the import | rows |", "|---|---|"]
        lines += [f"| {name} | {n:,} |" for name, n in audit.refused.items()]
    return "\n".join(lines) + "\n"
