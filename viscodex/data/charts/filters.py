"""Why a chart is not kept: broken, blank, cut off, empty, unreadable, tied to files, unseeded.

in:  a Draft of any chart script and the Evidence of its run, ours or not
out: filters(thresholds): the Filters in order; THRESHOLDS with what each means
not covered: duplicates and contamination (the pipeline's)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from viscodex.data.draft import Draft, Evidence, Filter, Finding
from viscodex.syntax import parse


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number at which a filter decides."""

    value: float
    explain: str


THRESHOLDS: Mapping[str, Threshold] = {
    "min_side": Threshold(200, "pixels; a figure with a shorter side is too small to read"),
    "max_side": Threshold(2400, "pixels; a longer side is no figure of a document"),
    "min_ink": Threshold(0.012, "share of the pixels that are not of the most common colour"),
    "max_edge": Threshold(0.0, "share of the outermost pixels that carry ink"),
    "max_outside": Threshold(0.5, "pixels by which a line of text may leave the picture"),
    "min_marks": Threshold(3, "data points drawn"),
    "max_overlap": Threshold(0.12, "share of a line of text that another one may cover"),
    "min_font": Threshold(8.0, "pixels of the smallest font"),
    "min_contrast": Threshold(48, "of 255, between a text and its ground"),
    "max_difference": Threshold(0.0, "share of the pixels that differ between two runs"),
}
"""Default values; each may be set in the recipe."""

Check = Callable[[Draft, Evidence], Finding | None]


def filters(thresholds: Mapping[str, float]) -> tuple[Filter, ...]:
    """All filters, in the order in which they are asked.

    Args:
        thresholds: a value for each name in THRESHOLDS.
    """
    t = thresholds
    return (
        Filter("external_files", "The script reads files or addresses, which nobody else has.", _external),
        Filter("execution", "The script must run to its end in the sandbox.", _execution),
        Filter("no_figure", "The script must draw exactly one figure.", _one_figure),
        Filter("odd_size", "The picture is too small to read or larger than a document's.",
               _all(_least("width", t["min_side"], "pixels wide"), _least("height", t["min_side"], "pixels high"),
                    _most("width", t["max_side"], "pixels wide"), _most("height", t["max_side"], "pixels high")),
               _named(t, "min_side", "max_side")),
        Filter("blank", "The picture is of nearly one colour.", _least("ink", t["min_ink"], "of the picture is ink"),
               _named(t, "min_ink")),
        Filter("clipped", "Ink or text reaches the edge of the picture: something is cut off.",
               _all(_most("edge", t["max_edge"], "of the picture's edge carries ink"),
                    _most("outside", t["max_outside"], "pixels of a text lie outside")),
               _named(t, "max_edge", "max_outside")),
        Filter("few_marks", "Too little data is drawn to learn from.", _least("marks", t["min_marks"], "data points are drawn"),
               _named(t, "min_marks")),
        Filter("overlapping_text", "Lines of text lie on one another.", _most("overlap", t["max_overlap"], "of a text is covered by another"),
               _named(t, "max_overlap")),
        Filter("unreadable_text", "Text is too small or too faint to read.",
               _all(_least("smallest", t["min_font"], "pixels is the smallest font"),
                    _least("contrast", t["min_contrast"], "of 255 is the faintest text's contrast")),
               _named(t, "min_font", "min_contrast")),
        Filter("unseeded", "Two runs with different seeds differ: the script is not a function of its text.",
               _most("repeat_difference", t["max_difference"], "of the pixels differ between two runs"),
               _named(t, "max_difference")),
    )  # fmt: skip


def _named(thresholds: Mapping[str, float], *names: str) -> dict[str, float]:
    return {name: thresholds[name] for name in names}


def _least(name: str, limit: float, words: str) -> Check:
    def check(draft: Draft, evidence: Evidence) -> Finding | None:
        value = evidence.numbers.get(name)
        if value is None or value >= limit:
            return None
        return Finding(
            f"{value:.4g} {words}; at least {limit:g}", {name: value, f"min_{name}": limit}
        )

    return check


def _most(name: str, limit: float, words: str) -> Check:
    def check(draft: Draft, evidence: Evidence) -> Finding | None:
        value = evidence.numbers.get(name)
        if value is None or value <= limit:
            return None
        return Finding(
            f"{value:.4g} {words}; at most {limit:g}", {name: value, f"max_{name}": limit}
        )

    return check


def _all(*checks: Check) -> Check:
    def check(draft: Draft, evidence: Evidence) -> Finding | None:
        found = (one(draft, evidence) for one in checks)
        return next((finding for finding in found if finding is not None), None)

    return check


def _execution(draft: Draft, evidence: Evidence) -> Finding | None:
    for execution in evidence.executions:
        if execution.status != "ok":
            return Finding(f"{execution.status}: {execution.reason}"[:300])
    return None if evidence.executions else Finding("it was not run")


def _one_figure(draft: Draft, evidence: Evidence) -> Finding | None:
    n = evidence.numbers.get("figures", 0.0)
    return None if n == 1 else Finding(f"{n:.0f} figures; wanted is one", {"figures": n})


# --- what the text of a script says ---------------------------------------------------------------

_READERS = re.compile(
    r"open|(.*\.)?(read_(csv|excel|json|parquet|table|html|hdf|pickle|feather|sql|fwf|stata|text|bytes)"
    r"|loadtxt|genfromtxt|fromfile|imread|urlopen|urlretrieve|load_dataset|get_sample_data|load_workbook"
    r"|fetch_\w+|load_npz|loadmat|memmap|read_gml|read_graphml|read_edgelist|read_adjlist)"
    r"|np\.load|numpy\.load|json\.load|pickle\.load|Image\.open|requests\.\w+|fontManager\.addfont"
    r"|font_manager\.fontManager\.addfont"
)
_WRITERS = re.compile(r".*\.(savefig|imsave|to_csv|to_json|save)")


def external_reads(code: str) -> list[str]:
    """Calls of a script that read files or addresses: "line 3: pd.read_csv".

    An in-memory argument (io.StringIO) is no file; a script that cannot be parsed reads nothing.
    """
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            inside = node.args and isinstance(node.args[0], ast.Call)
            memory = inside and _dotted(node.args[0].func).endswith(("StringIO", "BytesIO"))  # type: ignore[attr-defined]
            if _READERS.fullmatch(name) and not memory and not _writes(name, node):
                found.append(f"line {node.lineno}: {name}")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
            found += [
                f"line {node.lineno}: import {n}" for n in names if n.split(".")[0] in _OUTSIDE
            ]
    return found


_OUTSIDE = ("requests", "urllib", "yfinance", "pandas_datareader", "sqlite3", "boto3", "httpx")


def _writes(name: str, call: ast.Call) -> bool:
    """`open` for writing reads nothing."""
    if name != "open":
        return False
    modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
    return any(isinstance(m, ast.Constant) and str(m.value)[:1] in "wax" for m in modes)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _external(draft: Draft, evidence: Evidence) -> Finding | None:
    found = external_reads(draft.code)
    return (
        Finding(f"it reads from outside: {'; '.join(found[:3])}", {"reads": float(len(found))})
        if found
        else None
    )


def uses_chance(code: str) -> bool:
    """Whether two runs could differ: random numbers, the clock, hashes of strings, identities."""
    return bool(
        re.search(
            r"random|rvs|shuffle|\bhash\(|\bid\(|time\(|now\(|today\(|uuid|spring_layout|getpid|\.sample\(|bootstrap|jitter|seaborn|sns",
            code,
        )
    )
