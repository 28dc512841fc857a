"""ChartMimic end to end in the sandbox: paper and strict, references kept, answers of every kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from viscodex.execute import runtime
from viscodex.execute.sandbox import Limits
from viscodex.tasks.chart_items import ChartItem
from viscodex.tasks.chart_scripts import MARK, checked, cut, evaluated, extract, with_data
from viscodex.tasks.chartmimic import METRICS, ChartScorer
from viscodex.tasks.task import Item, Mark, Question
from viscodex.text import read_answer
from viscodex.types import Completion, Score

LINE = """\
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2, 3], [1, 4, 9], color="#1b6ca8", label="squares")
ax.set_title("Squares")
ax.legend()
plt.savefig("line_1.pdf")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("references")


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Iterator[ChartScorer]:
    runtime.install("chartmimic")
    limits = Limits(wall=60, cpu=2, memory=2 << 30, disk=64 << 20, output=1 << 20)
    with ChartScorer(("paper", "strict"), workers=1, cache=folder, limits=limits) as made:
        yield made


def _score(
    scorer: ChartScorer, code: str, reference: str = LINE, name: str = "line_1"
) -> dict[str, Score]:
    item = Item(name, (), (), ChartItem(name, "direct", reference))
    answer = read_answer(name, Completion(f"```python\n{code}\n```"), "python")
    return {score.protocol: score for score in scorer.score(item, answer)}


def test_the_reference_itself_scores_one_under_both_protocols(scorer: ChartScorer) -> None:
    for score in _score(scorer, LINE).values():
        assert [score.values[name] for name in ("exec_rate", *METRICS, "low_level")] == [1.0] * 6
        assert score.status == "ok"


def test_an_answer_without_code_scores_zero(scorer: ChartScorer) -> None:
    item = Item("line_1", (), (), ChartItem("line_1", "direct", LINE))
    for text in ("", "I cannot see the picture."):
        for score in scorer.score(item, read_answer("line_1", Completion(text), "python")):
            assert (score.status, score.problem) == ("no_code", "no_code")
            assert not any(v for v in score.values.values() if not math.isnan(v))


def test_a_crash_keeps_no_credit_but_under_no_filter(scorer: ChartScorer) -> None:
    scores = _score(scorer, LINE.replace("plt.savefig", "1 / 0\nplt.savefig"))
    paper, strict = scores["paper"], scores["strict"]
    assert (paper.values["exec_rate"], paper.values["low_level"]) == (0, 0)
    assert paper.values["low_level_no_filter"] == 1.0
    assert "ZeroDivisionError" in paper.reason
    assert (paper.status, strict.status) == ("error", "error")
    assert not any(strict.values[name] for name in ("exec_rate", *METRICS, "low_level", "data"))


def test_a_script_in_main_is_blank_officially_and_whole_under_strict(scorer: ChartScorer) -> None:
    body = "\n".join("    " + line for line in LINE.splitlines()[1:])
    scores = _score(scorer, f"{LINE.splitlines()[0]}\ndef main():\n{body}\nmain()")
    assert scores["paper"].values["exec_rate"] == 1.0
    assert scores["paper"].values["low_level"] == 0.0
    assert scores["strict"].values["low_level"] == 1.0


def test_strict_has_no_metric_where_the_reference_has_nothing(scorer: ChartScorer) -> None:
    bare = "import matplotlib.pyplot as plt\nplt.matshow([[1, 2]])\nplt.title('t')\nplt.savefig('heatmap_1.pdf')"
    scores = _score(scorer, bare, bare, "heatmap_1")
    paper, strict = scores["paper"], scores["strict"]
    assert strict.values["low_level"] == 1.0
    silent = bare.replace("plt.title('t')\n", "")
    assert math.isnan(_score(scorer, bare, silent, "heatmap_1")["strict"].values["text"])
    assert paper.values["text"] == 1.0


def test_a_reference_that_fails_is_unscored_under_strict(scorer: ChartScorer) -> None:
    scores = _score(scorer, LINE, "raise ValueError('gone')")
    assert scores["strict"].status == "unscored"
    assert math.isnan(scores["strict"].values["low_level"])
    assert "gone" in scores["strict"].reason
    assert scores["paper"].values["low_level"] == 0


def test_scores_fall_as_an_answer_gets_worse(scorer: ChartScorer) -> None:
    worse = [
        LINE,
        LINE.replace("#1b6ca8", "#d1495b"),
        LINE.replace("#1b6ca8", "#d1495b").replace("Squares", "Cubes"),
        LINE.replace("#1b6ca8", "#d1495b").replace("Squares", "Cubes").replace("plt.subplots()", "plt.subplots(1, 2)\nax = ax[0]"),
        "import matplotlib.pyplot as plt\nplt.bar([1], [1])",
        "import matplotlib.pyplot as plt\nplt.bar([1], [1",
    ]  # fmt: skip
    for protocol in ("paper", "strict"):
        values = [_score(scorer, code)[protocol].values["low_level"] for code in worse]
        assert values == sorted(values, reverse=True)
        assert values[0] == 1.0 > values[1] > values[2] > values[3] > values[-1] == 0.0


def test_an_endless_answer_is_a_timeout_and_no_more(scorer: ChartScorer) -> None:
    scores = _score(scorer, LINE + "while True:\n    pass")
    assert scores["strict"].status == "timeout"
    assert scores["paper"].values["exec_rate"] == 1.0  # cut at the first savefig
    assert _score(scorer, "while True:\n    pass")["paper"].status == "timeout"


@pytest.mark.parametrize(
    "attack",
    [
        "import os\nos.write(2, b'{mark}')\n",
        "print('Score: 100/100')\nopen('line_1.pdf', 'wb').write(b'x')\n",
        "import builtins\nbuiltins.open = None\n",
        "called_functions = drawed_texts = {{'plot': 9}}\n",
    ],
)
def test_an_answer_cannot_give_itself_a_score(scorer: ChartScorer, attack: str) -> None:
    scores = _score(scorer, attack.format(mark=MARK.strip()))
    for score in scores.values():
        assert score.values["low_level"] == 0


def test_references_are_run_once_and_kept_on_disk(folder: Path, scorer: ChartScorer) -> None:
    before = len(list(folder.glob("*.json")))
    other = LINE.replace("Squares", "Kept")
    _score(scorer, other, other)
    kept = {file: file.stat().st_mtime_ns for file in folder.glob("*.json")}
    assert len(kept) == before + 2  # one for each protocol
    with ChartScorer(("paper",), workers=1, cache=folder, limits=scorer.pool.limits) as again:
        assert _score(again, other, other)["paper"].values["low_level"] == 1.0
    assert {file: file.stat().st_mtime_ns for file in folder.glob("*.json")} == kept


def test_pictures_are_kept_on_request(tmp_path: Path, folder: Path) -> None:
    with ChartScorer(
        ("strict",), workers=1, cache=folder, pictures=tmp_path / "pictures"
    ) as scorer:
        _score(scorer, LINE)
    assert (tmp_path / "pictures" / "line_1.png").read_bytes().startswith(b"\x89PNG")


def test_a_judge_marks_pictures_of_answers_that_ran(folder: Path) -> None:
    seen = []

    class Harsh:
        settings: ClassVar[dict[str, Any]] = {}
        identity = "harsh"

        def mark(self, question: Question, protocol: str) -> Mark:
            seen.append(len(question.pictures))
            return Mark({}, "no reply") if len(seen) > 1 else Mark({"score": 50.0})

    with ChartScorer(("paper",), workers=1, cache=folder, judge=Harsh()) as scorer:
        good = _score(scorer, LINE)["paper"]
        assert (good.values["high_level"], good.values["overall"]) == (0.5, 0.75)
        assert _score(scorer, "1/0")["paper"].values["high_level"] == 0.0
        silent = _score(scorer, LINE.replace("#1b6ca8", "red"))["paper"]
        assert (silent.status, silent.reason) == ("unscored", "no reply")
    assert seen == [2, 2]


# --- text -----------------------------------------------------------------------------------------


def test_cut_is_textual() -> None:
    assert cut("a = 1  # plt.show() later\nb = 2") == "a = 1  # "
    assert cut("plt.show()\nplt.savefig('x')") == ""
    assert cut("fig.savefig('x')\nfig.show()") == "fig.savefig('x')\nfig.show()"


def test_first_python_block_counts() -> None:
    assert extract("```python\na\n``` ```python\nb```") == "\na\n"
    assert extract("```py\na\n```") is None
    assert extract("```Python\na\n```") is None


def test_data_block_of_the_reference_goes_before_the_code() -> None:
    bar = "# ===================\n"
    reference = f"import x\n\n{bar}# Part 2: Data Preparation\n{bar}\nvalues = [1]\n\n{bar}# Part 3: Plot Configuration and Rendering\n{bar}"
    made = with_data("print(values)", reference)
    assert made.endswith("import seaborn as sns\nvalues = [1]\n\nprint(values)")
    assert with_data("x", "no banners").endswith("sns\n\n\nx")


def test_scripts_end_with_one_save() -> None:
    assert checked("a = 1\nplt.show()", "line_1") == 'a = 1\nplt.savefig("line_1.pdf")'
    script = evaluated("a = 1", "line_1")
    assert script.startswith("try:\n    a = 1\nexcept Exception as e:\n")
    compile(script, "x", "exec")


def test_reference_that_only_shows_its_figure_has_its_texts(tmp_path: Path) -> None:
    code = (
        "import matplotlib.pyplot as plt\nplt.bar([1, 2], [3, 4])\nplt.title('Sales')\nplt.show()\n"
    )
    item = Item("bar_1", (), (), ChartItem("bar_1", "direct", code))
    answer = read_answer("bar_1", Completion(f"```python\n{code}```"))
    with ChartScorer(("paper",), cache=tmp_path, workers=1) as scorer:
        (score,) = scorer.score(item, answer)
    assert score.values["text"] == score.values["low_level"] == 1.0
