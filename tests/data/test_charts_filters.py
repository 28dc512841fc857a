"""Filters of charts judge any script: each rejects a bad one and lets a good one pass."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from viscodex.data.charts import ChartSource
from viscodex.data.charts.filters import THRESHOLDS, external_reads, filters, uses_chance
from viscodex.data.charts.measure import difference, measure
from viscodex.data.draft import Draft, Machine
from viscodex.types import Execution

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n"
GOOD = (
    PLT + "fig, ax = plt.subplots(figsize=(6, 4))\n"
    "ax.bar(['red', 'green', 'blue'], [3, 5, 4], label='votes')\n"
    "ax.set_title('Favourite colours')\nax.set_ylabel('Votes')\nax.legend()\n"
    "fig.tight_layout()\nplt.show()\n"
)

BAD = {
    "external_files": PLT + "import pandas as pd\ntry:\n    pd.read_csv('a.csv')\nexcept OSError:\n    pass\nplt.bar([1, 2, 3], [1, 2, 3])\nplt.show()",
    "execution": GOOD + "raise ValueError('no')",
    "no_figure": "print('nothing is drawn')",
    "odd_size": GOOD.replace("(6, 4)", "(1.5, 1.5)"),
    "blank": PLT + "plt.figure(figsize=(6, 4)).text(0.5, 0.5, 'x', size=9)\nplt.show()",
    "clipped": GOOD.replace("fig.tight_layout()", "ax.set_title('A title that is far too long for its figure', size=30)"),
    "few_marks": GOOD.replace("['red', 'green', 'blue'], [3, 5, 4]", "['red'], [3]"),
    "overlapping_text": GOOD.replace("plt.show()", "ax.text(0, 2, 'one text', size=20)\nax.text(0.05, 2.05, 'another', size=20)\nplt.show()"),
    "unreadable_text": GOOD.replace("plt.show()", "ax.text(0, 5, 'tiny', size=3)\nplt.show()"),
    "unseeded": GOOD.replace("[3, 5, 4]", "np.random.rand(3)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


SOURCE = ChartSource(0)


def _judge(code: str, machine: Machine, source: ChartSource = SOURCE) -> list[str]:
    """Names of the filters that object, in order; a draft of which we know nothing."""
    draft = Draft("web-1", "chart", "unknown", code, "python", 0.0, 0)
    evidence = source.execute(draft, machine)
    return [f.name for f in source.filters if f.check(draft, evidence) is not None]


def test_a_good_script_passes_all(machine: Machine) -> None:
    assert _judge(GOOD, machine) == []


@pytest.mark.parametrize("name", BAD)
def test_each_filter_rejects_what_it_is_for(name: str, machine: Machine) -> None:
    assert _judge(BAD[name], machine)[0] == name


def test_every_filter_has_a_bad_script_a_name_and_an_explanation() -> None:
    assert [f.name for f in SOURCE.filters] == list(BAD)
    assert all(f.explain.endswith(".") for f in SOURCE.filters)


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ("ax.text(-0.6, 5.2, 'over the left edge of the picture', ha='right')", "clipped"),
        ("ax.text(-0.3, 3.4, 'faint', color='#f4f4f4', size=20)", "unreadable_text"),
        ("ax.set_xticks([0, 0.03, 0.06], ['one', 'two', 'six'])", "overlapping_text"),
    ],
)
def test_other_ways_to_be_unreadable(extra: str, name: str, machine: Machine) -> None:
    assert name in _judge(GOOD.replace("plt.show()", f"{extra}\nplt.show()"), machine)


def test_turned_labels_that_only_seem_to_overlap_pass(machine: Machine) -> None:
    names = [f"a long label number {k}" for k in range(14)]
    turned = PLT + (
        f"plt.figure(figsize=(8, 5))\nplt.bar({names!r}, range(1, 15))\n"
        "plt.xticks(rotation=45, ha='right')\nplt.tight_layout()\nplt.show()"
    )
    assert _judge(turned, machine) == []
    assert "overlapping_text" in _judge(turned.replace("rotation=45, ha='right'", ""), machine)


def test_findings_carry_the_number_and_the_threshold(machine: Machine) -> None:
    draft = Draft("web-1", "chart", "unknown", BAD["few_marks"], "python", 0.0, 0)
    evidence = SOURCE.execute(draft, machine)
    (finding,) = (r for f in SOURCE.filters if (r := f.check(draft, evidence)))
    assert finding.numbers == {"marks": 1.0, "min_marks": 3.0}
    assert "at least 3" in finding.reason


@pytest.mark.parametrize(
    ("name", "value", "filter_name"),
    [
        ("min_ink", 0.99, "blank"), ("min_marks", 4, "few_marks"), ("min_font", 40, "unreadable_text"),
        ("min_contrast", 256, "unreadable_text"), ("max_side", 500, "odd_size"), ("min_side", 500, "odd_size"),
        ("max_edge", -1, "clipped"), ("max_outside", -200, "clipped"), ("max_overlap", -1, "overlapping_text"),
    ],
)  # fmt: skip
def test_each_threshold_is_obeyed(
    name: str, value: float, filter_name: str, machine: Machine
) -> None:
    limits = {key: threshold.value for key, threshold in THRESHOLDS.items()} | {name: value}
    draft = Draft("web-1", "chart", "unknown", GOOD, "python", 0.0, 0)
    evidence = SOURCE.execute(draft, machine)
    found = [f.name for f in filters(limits) if f.check(draft, evidence) is not None]
    assert found == [filter_name]
    assert THRESHOLDS[name].explain


def test_seeded_chance_passes_and_is_run_twice(machine: Machine) -> None:
    code = GOOD.replace("[3, 5, 4]", "np.random.default_rng(3).uniform(1, 5, 3)")
    draft = Draft("web-1", "chart", "unknown", code, "python", 0.0, 0)
    evidence = SOURCE.execute(draft, machine)
    assert len(evidence.executions) == 2
    assert evidence.numbers["repeat_difference"] == 0
    assert (
        len(SOURCE.execute(Draft("w", "chart", "", GOOD, "python", 0, 0), machine).executions) == 1
    )


def test_failures_are_evidence_and_never_raise(machine: Machine) -> None:
    for code in ("", "def", "import os\nos._exit(0)", "while True: pass" if False else "1/0"):
        draft = Draft("web-1", "chart", "unknown", code, "python", 0.0, 0)
        evidence = SOURCE.execute(draft, machine)
        assert any(f.check(draft, evidence) for f in SOURCE.filters)
    assert measure(Execution("error")) == {"figures": 0.0}


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "pd.read_csv('a.csv')", "df = pandas.read_excel(name)", "np.loadtxt('x')", "open('a.txt').read()",
        "np.load('a.npy')", "plt.imread('a.png')", "Image.open('a.png')", "json.load(f)",
        "sns.load_dataset('tips')", "urllib.request.urlopen(u)", "import requests", "from urllib import request",
        "import yfinance as yf", "Path('a').read_text()", "sklearn.datasets.fetch_openml('x')",
    ],
)  # fmt: skip
def test_reading_from_outside_is_seen(line: str) -> None:
    assert external_reads(f"x = 1\n{line}\n")[0].startswith("line 2: ")


@pytest.mark.parametrize(
    "line",
    [
        "plt.savefig('a.png')", "df.to_csv('a.csv')", "open('a.txt', 'w').write('x')", "open('a', mode='w')",
        "pd.read_csv(io.StringIO(text))", "ax.plot(load)", "'pd.read_csv(1)'", "# open('x')", "def (",
    ],
)  # fmt: skip
def test_writing_and_memory_are_no_reading(line: str) -> None:
    assert external_reads(line) == []


def test_chance_is_suspected_by_the_text() -> None:
    assert uses_chance("rng = np.random.default_rng()")
    assert uses_chance("from scipy import stats; stats.norm.rvs(size=3)")
    assert uses_chance("datetime.now()")
    assert not uses_chance(GOOD)


def test_pictures_of_other_sizes_differ_wholly(machine: Machine) -> None:
    one = machine.charts.run(GOOD).images[0]
    other = machine.charts.run(GOOD.replace("(6, 4)", "(6, 5)")).images[0]
    assert difference(one, other) == 1.0
    assert difference(one, one) == 0.0
    assert 0 < difference(one, machine.charts.run(GOOD.replace("5, 4", "5, 2")).images[0]) < 0.5
