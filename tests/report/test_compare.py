"""Comparisons: a constructed pair of known effect, causes that add up, refusals and cautions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.report.runs import KINDS, answer, make_run
from viscodex.cli import app
from viscodex.errors import BadInput, BadRecipe
from viscodex.report.compare import Comparison, compare_runs, reasons, verdict
from viscodex.report.compare_page import compare_page
from viscodex.report.page import report_page, verdict_line
from viscodex.report.run import System, read_run
from viscodex.report.text import comparison_markdown, report_markdown

METRICS = ("exec_rate", "low_level")


def _values(low: float) -> dict[str, float | str]:
    return {"exec_rate": float(low > 0), "low_level": low}


def _pair(tmp_path: Path, effect: float, n: int = 60, **how: Any) -> Comparison:
    """Two runs whose answers differ by a known effect on the charts of one kind alone."""
    random = np.random.default_rng(7)
    skill = random.uniform(0.2, 0.7, n)
    for name, shift in (("a", 0.0), ("b", effect)):
        answers = {}
        for i in range(n):
            noise = random.normal(0, 0.02)
            low = float(skill[i] + noise + (shift if i % 3 == 0 else 0.0))
            answers[f"{KINDS[i % 3]}_{i}"] = answer(_values(low))
        make_run(tmp_path / name, answers, n=n, metrics=METRICS, protocols=("paper",), **how)
    (one,) = compare_runs(read_run(tmp_path / "a"), read_run(tmp_path / "b"))
    return one


def test_a_known_effect_is_found_where_it_is(tmp_path: Path) -> None:
    one = _pair(tmp_path, 0.15)
    lead = one.lead
    assert lead.low < 0.05 < lead.high  # a third of the items has it
    assert lead.difference == pytest.approx(0.05, abs=0.012)
    assert lead.is_clear
    assert one.adjusted["low_level"] >= lead.p
    groups = one.groups["type"]
    assert groups["bar"].difference == pytest.approx(0.15, abs=0.02)
    assert groups["bar"].p < 0.001
    assert not groups["line"].is_clear
    assert verdict(one).startswith("b is better than a: +")
    told = next(text for text in reasons(one) if text.startswith("By type it goes from"))
    assert "(bar, 20 items)" in told
    assert [c.id.split("_")[0] for c in one.changes[:20]].count("bar") == 20


def test_no_effect_gives_no_verdict(tmp_path: Path) -> None:
    one = _pair(tmp_path, 0.0)
    assert not one.lead.is_clear
    assert verdict(one).startswith("No clear difference")


def test_the_worse_one_is_told_from_the_better_ones_side(tmp_path: Path) -> None:
    one = _pair(tmp_path, -0.3)
    assert verdict(one).startswith("a is better than b: +")
    assert "interval +" in verdict(one)


def test_causes_add_up_to_the_difference(tmp_path: Path) -> None:
    told = {
        "a": {"bar_0": 0.0, "line_1": 0.5, "pie_2": 0.4, "bar_3": 0.9, "line_4": 0.3, "pie_5": 0.0},
        "b": {"bar_0": 0.6, "line_1": 0.0, "pie_2": 0.7, "bar_3": 0.8, "line_4": 0.3},
    }
    for name, lows in told.items():
        answers = {
            key: answer(_values(low), status="ok" if low else "error") for key, low in lows.items()
        }
        make_run(tmp_path / name, answers, n=6, metrics=METRICS, protocols=("paper",))
    (one,) = compare_runs(read_run(tmp_path / "a"), read_run(tmp_path / "b"))
    causes = {cause.name: (cause.n, round(6 * cause.share, 6)) for cause in one.causes}
    assert causes == {
        "failed before, run now": (1, 0.6),
        "ran before, fail now": (1, -0.5),
        "run in both, better": (1, 0.3),
        "run in both, worse": (1, -0.1),
        "run in both, equal": (1, 0.0),
        "fail in both": (1, 0.0),
    }
    assert sum(cause.share for cause in one.causes) == pytest.approx(one.lead.difference)
    assert (one.lead.n, one.both_scored["low_level"].n) == (6, 5)
    assert {c.id: (c.a, c.b, c.status_b) for c in one.changes}["pie_5"] == (0.0, None, "unanswered")


# --- what may be compared -------------------------------------------------------------------------

ANSWERS = {f"{KINDS[i % 3]}_{i}": answer(_values(0.1 * i)) for i in range(6)}


def _two(tmp_path: Path, first: dict[str, Any], second: dict[str, Any]) -> list[Any]:
    for name, how in (("a", first), ("b", second)):
        make_run(tmp_path / name, ANSWERS, **{"n": 6, "metrics": METRICS, **how})
    return [read_run(tmp_path / name) for name in "ab"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"revision": "r2"}, "revision differs: r1 against r2"),
        ({"scorer_settings": {"render": {"browser": "2", "fonts": "f"}}}, "render differs: browser 1 against 2"),
        ({"settings": {"condition": {"blur": 2}}}, "condition differs"),
    ],
)  # fmt: skip
def test_other_data_and_renderers_are_refused_or_flagged(
    tmp_path: Path, other: dict[str, Any], said: str
) -> None:
    a, b = _two(tmp_path, {}, other)
    with pytest.raises(BadInput, match=said):
        compare_runs(a, b)
    (one, _) = compare_runs(a, b, anyway=True)
    assert any(said in caution for caution in one.cautions)


def test_other_benchmarks_and_protocols_are_refused(tmp_path: Path) -> None:
    a, b = _two(tmp_path, {"protocols": ("paper",)}, {"protocols": ("strict",)})
    with pytest.raises(BadInput, match="no protocol in common"):
        compare_runs(a, b)
    other = make_run(tmp_path / "c", {}, n=2, name="mmcode", protocols=("paper",))
    with pytest.raises(BadInput, match="different benchmarks"):
        compare_runs(a, read_run(other))


def test_what_else_differs_is_a_caution(tmp_path: Path) -> None:
    a, b = _two(
        tmp_path, {}, {"scorer_settings": {"tier": "B"}, "settings": {"model": "m", "answers": 3}, "n": 5}
    )  # fmt: skip
    (one, _) = compare_runs(a, b)
    assert "tier differs: A against B" in one.cautions
    assert any("only the 5 items in common" in text for text in one.cautions)
    assert not any("model" in text or "answers" in text for text in one.cautions)
    assert one.lead.n == 5


def test_metrics_of_another_judge_are_left_out(tmp_path: Path) -> None:
    judged = {key: answer({"low_level": 0.5, "high_level": 0.5}) for key in ANSWERS}
    for name in "ab":
        make_run(tmp_path / name, judged, n=6, metrics=("low_level", "high_level"), scorer_settings={"judge": {"model": name}})  # fmt: skip
    (one, _) = compare_runs(read_run(tmp_path / "a"), read_run(tmp_path / "b"))
    assert list(one.metrics) == ["low_level"]
    assert any("the judge's metrics are left out" in text for text in one.cautions)


def test_bits_per_byte_of_code_are_told_before_and_after(tmp_path: Path) -> None:
    said = {"perplexity": 9.0, "n_texts": 24, "n_tokens": 7}
    fits = [{"code": {"bits_per_byte": bits, **said}} for bits in (4.24, 3.766)]
    a, b = _two(tmp_path, *({"settings": one, "name": "retention"} for one in fits))
    one = compare_runs(a, b)[0]
    assert (
        one.code
        == "Bits per byte of code over 24 texts (lower is better): a 4.240; b 3.766 (\u22120.474)."
    )
    first, second = systems = [System(run.name, {"retention": run}) for run in (a, b)]
    shown = (
        compare_page(first, second, [one]),
        report_page(systems),
        comparison_markdown(one),
        report_markdown(systems),
    )
    assert all("4.240" in told and "3.766" in told for told in shown)
    c = read_run(
        make_run(
            tmp_path / "c",
            ANSWERS,
            name="retention",
            n=6,
            metrics=METRICS,
            settings={"code": "unknown: why"},
        )
    )
    assert compare_runs(a, c)[0].code == "Bits per byte of code: a 4.240; c unknown: why."


def test_a_headline_is_coloured_by_what_it_says(tmp_path: Path) -> None:
    first_is_better, none = _pair(tmp_path / "1", -0.3), _pair(tmp_path / "2", 0.0)
    assert '<p class="verdict clear">ChartMimic: a is better' in verdict_line(first_is_better)
    assert '<p class="verdict open">ChartMimic: No clear' in verdict_line(none)


def test_command_prints_writes_and_refuses(tmp_path: Path) -> None:
    _pair(tmp_path, 0.15)
    words = ["compare", f"old={tmp_path / 'a'}", f"new={tmp_path / 'b'}"]
    done = CliRunner().invoke(app, [*words, "--html", str(tmp_path / "c.html")])
    assert done.exit_code == 0, done.output
    assert "new is better than old: +" in done.stdout
    assert "new is better than old: +" in (tmp_path / "c.html").read_text()
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert told[0]["metrics"]["low_level"]["difference"] == pytest.approx(0.05, abs=0.012)
    assert told[0]["changes"][0]["difference"] > 0.1
    same = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "a")])
    assert isinstance(same.exception, BadRecipe)
    alike = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), f"a={tmp_path / 'b'}"])
    assert "(a)" in alike.stdout
    markdown = CliRunner().invoke(app, [*words, "--markdown", "-"])
    assert markdown.stdout.startswith("## ChartMimic, protocol paper")
