"""ChartMimic with a judge: what it is shown, what it is not asked about, how it goes with the rules."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.tasks.chat_server import Answer, Chat, chat_server, says
from viscodex.execute import runtime
from viscodex.tasks.chart_items import ChartItem
from viscodex.tasks.chartmimic import ChartMimic, ChartScorer
from viscodex.tasks.judge import ModelJudge, judge_of
from viscodex.tasks.run import score_answers
from viscodex.tasks.task import Benchmark, Item, Picture
from viscodex.text import read_answer
from viscodex.types import Completion, Score

LINE = """\
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2, 3], [1, 4, 9], color="#1b6ca8")
ax.set_title("{title}")
plt.savefig("line_1.pdf")
"""
BLANK = "import matplotlib.pyplot as plt\nplt.figure()\nplt.savefig('line_1.pdf')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runtime.install("chartmimic")
    return tmp_path_factory.mktemp("references")


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chat_server() as running:
        yield running


@pytest.fixture
def judge(chat: Chat, tmp_path: Path) -> Iterator[ModelJudge]:
    made = judge_of(f"openai/m@{chat.url}", cache=tmp_path / "cache", max_retries=0)
    assert isinstance(made, ModelJudge)
    yield made
    made.endpoint.close()


def _picture(color: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(file, "PNG")
    return file.getvalue()


def _sent(body: dict[str, Any]) -> list[bytes]:
    parts = body["messages"][1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition(",")[2]) for url in urls]


def _item(task: Any = "direct", picture: bytes | None = None) -> Item:
    images = () if picture is None else (Picture(picture),)
    return Item("line_1", (), images, ChartItem("line_1", task, LINE.format(title="Squares")))


def _score(scorer: ChartScorer, item: Item, code: str) -> dict[str, Score]:
    answer = read_answer(item.id, Completion(f"```python\n{code}\n```"), "python")
    return {score.protocol: score for score in scorer.score(item, answer)}


def test_a_chart_is_shown_beside_its_reference_once_for_both_protocols(
    chat: Chat, judge: ModelJudge, folder: Path
) -> None:
    chat.replies(says("Comments.\n\nScore: 60/100"))
    red = _picture("red")
    with ChartScorer(("paper", "strict"), workers=1, cache=folder, judge=judge) as scorer:
        scores = _score(scorer, _item(picture=red), LINE.format(title="Cubes"))
        assert [_sent(body)[0] for body in chat.requests] == [red] * len(chat.requests)
        assert _sent(chat.requests[0])[1].startswith(b"\x89PNG")
        for score in scores.values():
            assert score.values["high_level"] == 0.6
            overall = (score.values["low_level"] + 0.6) / 2
            assert score.values["overall"] == pytest.approx(overall)
            shown = [one["shown_as"] for one in score.detail["judge"]["pictures"]]
            assert shown == ["Picture 1, the reference", "Picture 2, the candidate"]
        n = len(chat.requests)
        assert n <= 2

        drawn = _score(scorer, _item("customized", picture=red), LINE.format(title="Squares"))
        reference, candidate = _sent(chat.requests[-1])
        assert reference == candidate != red  # the picture of the item shows the chart before
        assert drawn["strict"].values["high_level"] == 0.6


def test_crashes_and_blank_figures_have_nothing_without_asking(
    chat: Chat, judge: ModelJudge, folder: Path
) -> None:
    with ChartScorer(("paper", "strict"), workers=1, cache=folder, judge=judge) as scorer:
        for code in (BLANK, "1 / 0", ""):
            for score in _score(scorer, _item(picture=_picture("red")), code).values():
                assert score.values["high_level"] == 0.0
                assert "not_asked" in score.detail["judge"]
                assert score.status != "unscored"
    assert not chat.requests


def test_a_run_reports_agreement_and_what_only_the_official_reader_takes(
    chat: Chat, judge: ModelJudge, folder: Path, tmp_path: Path
) -> None:
    def behaviour(body: dict[str, Any], n: int) -> Answer:
        first, second = (Image.open(io.BytesIO(png)).convert("RGB") for png in _sent(body))
        same = first.size == second.size and first.tobytes() == second.tobytes()
        return says("Score: 90/100" if same else "The score is 20/100")

    chat.behaviour = behaviour
    items = tuple(
        Item(f"line_{n}", (), (), ChartItem("line_1", "direct", LINE.format(title="Squares")))
        for n in range(3)
    )
    benchmark = Benchmark("chartmimic", items, "here", "r")
    codes = [
        LINE.format(title="Squares"),
        LINE.format(title="Cubes"),
        LINE.format(title="Squares").replace("#1b6ca8", "red"),
    ]
    answers = {
        item.id: [Completion(f"```python\n{code}```")]
        for item, code in zip(items, codes, strict=True)
    }
    reports = score_answers(
        ChartMimic(), benchmark, answers, tmp_path / "run", workers=1, cache=folder, judge=judge
    )
    paper, strict = reports["paper"].totals["judge"], reports["strict"].totals["judge"]
    assert (paper["marked"], paper["read_officially_only"], paper["without_mark"]) == (3, 2, 0)
    assert (strict["marked"], strict["without_mark"]) == (1, 2)
    assert reports["paper"].metrics["high_level"].all == pytest.approx(0.3)
    assert paper["agreement"]["low_level"]["pearson"] == pytest.approx(1.0, abs=0.2)
    assert strict["agreement"]["low_level"]["pearson"] is None
    unscored = [score for score in reports["strict"].rows if math.isnan(score.values["high_level"])]
    assert [score.status for score in unscored] == ["unscored"] * 2
    assert all(score.values["low_level"] < 1 for score in unscored)  # the rules' values stay
    n = len(chat.requests)
    score_answers(
        ChartMimic(), benchmark, answers, tmp_path / "run", workers=1, cache=folder, judge=judge
    )
    assert len(chat.requests) == n
    told = json.loads((tmp_path / "run" / "report.json").read_text())
    assert told["paper"]["settings"]["judge"]["order"].startswith("charts: reference first")


def test_a_question_can_be_estimated_before_anything_is_drawn() -> None:
    answer = read_answer("line_1", Completion(f"```python\n{LINE}```"), "python")
    question = ChartMimic().question(_item(), answer)
    assert question is not None and len(question.pictures) == 2
    assert ChartMimic().question(_item(), read_answer("line_1", Completion("no"), "python")) is None
