"""Reports: the paper's columns, both denominators, hostile texts, pages in a real browser."""

from __future__ import annotations

import json
import math
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat
from typer.testing import CliRunner

from tests.report.runs import KINDS, answer, drawing, make_run
from viscodex.cli import app
from viscodex.errors import BadInput
from viscodex.execute.page import PagePool
from viscodex.report import outcomes, page, pictures, samples, text
from viscodex.report.compare import compare_systems
from viscodex.report.compare_page import compare_page
from viscodex.report.run import Run, System, read_run, read_systems
from viscodex.report.table import PAPER_COLUMNS, make_table, published_rows
from viscodex.web import page_of

HOSTILE = (
    "</script></pre></article><script>document.title = 'owned'</script><img src=x "
    "onerror=\"document.title='owned'\"><!--<script> \u202e\x00\x1b[31m '\"`&amp; {{7*7}} \\end{tabular}|*_"
)
METRICS = ("exec_rate", "low_level", "high_level")
N = 18


def _values(low: float | str, high: float | str = "nan") -> dict[str, float | str]:
    ran = low if isinstance(low, str) else float(low > 0)
    return {"exec_rate": ran, "low_level": low, "high_level": high}


def _answers(shift: float) -> dict[str, str]:
    answers = {}
    for i in range(N):
        low = 0.0 if i % 6 == 0 and not shift else min(1.0, 0.3 + 0.03 * i + shift)
        told: dict[str, Any] = {"status": "error", "reason": HOSTILE} if low == 0 else {}
        drawn = {} if low == 0 else {"draws": f"{KINDS[i % 3]}{i + (i % 4 == 0)}"}
        answers[f"{KINDS[i % 3]}_{i}"] = answer(_values(low, 0.5), HOSTILE, **told, **drawn)
    return answers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vlm and merged, each on two benchmarks."""
    home = tmp_path_factory.mktemp("runs")
    for name, shift in (("vlm", 0.0), ("merged", 0.1)):
        answers = _answers(shift)
        if shift:
            del answers["pie_5"]
        make_run(home / name / "chartmimic", answers, n=N, metrics=METRICS)
        coded = {
            f"{KINDS[i % 3]}_{i}": answer({"pass@1": float(i < 4 + 9 * shift)}) for i in range(9)
        }
        make_run(home / name / "mmcode", coded, n=9, name="mmcode", metrics=("pass@1",))
    return home


@pytest.fixture(scope="module")
def systems(home: Path) -> tuple[System, ...]:
    """As read from disk."""
    return read_systems([str(home / "vlm"), str(home / "merged")])


# --- the table ------------------------------------------------------------------------------------


def test_published_rows_have_the_averages_that_the_paper_prints() -> None:
    for row in published_rows([column.key for column in PAPER_COLUMNS]):
        assert row.average == pytest.approx(row.printed_average, abs=0.06), row.name


def test_table_has_the_papers_columns_and_both_denominators(systems: tuple[System, ...]) -> None:
    table = make_table(systems, "paper")
    assert [column.title for column in table.columns] == ["ChartMimic low", "ChartMimic high", "MMCode"]  # fmt: skip
    vlm, merged = table.lines
    expected = [0.3 + 0.03 * i for i in range(N) if i % 6]
    cell = vlm.cells["chartmimic.low_level"]
    assert cell.all == pytest.approx(sum(expected) / N)
    assert cell.low < cell.all < cell.high
    other = merged.cells["chartmimic.low_level"]
    assert (other.n, other.n_scored) == (N, N - 1)
    assert other.all == pytest.approx(other.scored * (N - 1) / N)
    mean = (cell.all + vlm.cells["chartmimic.high_level"].all + vlm.cells["mmcode.pass@1"].all) / 3
    assert vlm.average == pytest.approx(mean)
    assert vlm.average_low < vlm.average < vlm.average_high
    assert table.averaged == ("chartmimic.low_level", "chartmimic.high_level", "mmcode.pass@1")
    assert table.best("chartmimic.low_level") == {"merged"}
    gpt = next(row for row in table.published if row.name == "GPT-4o")
    assert gpt.average == pytest.approx((79.0 + 83.5 + 17.0) / 3)
    assert not make_table(systems, "strict").published  # other numbers than the paper's


def test_unscored_columns_are_not_zeros(tmp_path: Path) -> None:
    make_run(tmp_path / "r", {"bar_0": answer(_values(0.5))}, n=3, metrics=METRICS)
    table = make_table(read_systems([str(tmp_path / "r")]), "paper")
    assert [column.metric for column in table.columns] == ["low_level"]


def test_a_benchmark_with_one_protocol_shows_it(tmp_path: Path) -> None:
    make_run(tmp_path / "r", {"bar_0": answer({"score": 0.5})}, n=1, name="infibench_v", metrics=("score",), protocols=("strict",))  # fmt: skip
    systems = read_systems([str(tmp_path / "r")])
    table = make_table(systems, "paper")
    assert table.lines[0].cells["infibench_v.score"].protocol == "strict"
    assert "InfiBench-V (strict)" in page.table_note(table)
    assert table.published


def test_systems_are_named_and_grouped(home: Path, tmp_path: Path) -> None:
    by_name = read_systems([f"a={home / 'vlm' / 'mmcode'}", f"a={home / 'vlm' / 'chartmimic'}"])
    assert [(s.name, list(s.runs)) for s in by_name] == [("a", ["mmcode", "chartmimic"])]
    model = make_run(tmp_path / "x", {}, n=1, settings={"model": {"name": "nano"}})
    assert read_run(model).name == "nano"
    with pytest.raises(BadInput, match="two runs of mmcode"):
        read_systems([f"a={home / 'vlm' / 'mmcode'}", f"a={home / 'merged' / 'mmcode'}"])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "there is no run"),
        ({"run.json": "{}"}, "no report yet"),
        ({"report.json": "{"}, "cannot be read"),
        ({"report.json": "{}"}, "empty"),
        ({"report.json": '{"paper": {"task": 3}}'}, "cannot be read"),
    ],
)
def test_what_is_no_run_is_named(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=said):
        read_systems([str(tmp_path)])


def test_runs_of_older_versions_and_torn_lines_are_read(home: Path, tmp_path: Path) -> None:
    import shutil

    old = tmp_path / "old"
    shutil.copytree(home / "vlm" / "chartmimic", old)
    (old / "items.jsonl").unlink()
    with (old / "scores.jsonl").open("ab") as file:
        file.write(b'{"sample_id": "to')
    size = (old / "scores.jsonl").stat().st_size
    table = make_table(read_systems([str(old)]), "paper")
    whole = make_table(read_systems([str(home / "vlm" / "chartmimic")]), "paper")
    cells, expected = table.lines[0].cells, whole.lines[0].cells
    assert cells["chartmimic.low_level"] == expected["chartmimic.low_level"]
    assert (old / "scores.jsonl").stat().st_size == size  # a report changes nothing


def test_scores_of_earlier_answers_are_not_shown(tmp_path: Path) -> None:
    first = {"bar_0": answer(_values(0.2), status="error", reason="first")}
    make_run(tmp_path / "r", first, n=1, metrics=METRICS)
    make_run(tmp_path / "r", {"bar_0": answer(_values(0.7), reason="second")}, n=1, metrics=METRICS)
    make_run(tmp_path / "r", first, n=1, metrics=METRICS)
    run = read_run(tmp_path / "r")
    assert [score.reason for score in run.scores["paper", "bar_0"]] == ["first"]
    assert run.status("paper", "bar_0") == "error"


# --- texts ----------------------------------------------------------------------------------------


def test_markdown_says_all_that_is_needed_to_repeat_it(systems: tuple[System, ...]) -> None:
    told = text.report_markdown(systems, "viscodex report vlm merged")
    for word in ("viscodex report vlm merged", "ChartMimic: merged is better than vlm", "## Protocol paper", "## Protocol strict", "revision r1", "render.browser 1", "prompts ", "no answer", "VisCodex-8B, published", "by type, protocol strict"):  # fmt: skip
        assert word in told, word
    rows = [line for line in told.splitlines() if line.startswith("| **")]
    assert all(line.count("|") == rows[0].count("|") for line in rows[:2])


def test_names_cannot_break_tables(systems: tuple[System, ...]) -> None:
    hostile = [System(HOSTILE, systems[0].runs)]
    row = next(line for line in text.report_markdown(hostile).splitlines() if "owned" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 6  # three columns, name and average
    latex = text.report_latex(hostile)
    assert latex.count(r"\end{tabular}") == 2  # one for each protocol
    assert r"\textbackslash{}end\{tabular\}" in latex
    assert "\x1b" not in latex


def test_json_is_strict_and_whole(home: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(home / "vlm"), str(home / "merged"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(name))
    assert [row["name"] for row in told["tables"][0]["rows"]] == ["vlm", "merged"]
    report = told["systems"]["merged"]["chartmimic"]["reports"]["paper"]
    assert (report["n"], report["n_answered"], report["problems"]["unanswered"]) == (N, N - 1, 1)


def test_command_writes_what_is_asked_for(home: Path, tmp_path: Path) -> None:
    names = {"--html": "r.html", "--markdown": "sub/r.md", "--latex": "r.tex"}
    words = [w for option, name in names.items() for w in (option, str(tmp_path / name))]
    done = CliRunner().invoke(app, ["report", str(home / "vlm"), *words])
    assert done.exit_code == 0, done.output
    assert "VisCodex-33B, published" in done.stdout
    assert all((tmp_path / name).stat().st_size > 500 for name in names.values())
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "search.md").write_text("## Search\n\n![lambda curve](curve.svg)\n")
    with_search = ["report", str(home / "vlm"), "--markdown", str(tmp_path / "docs" / "all.md")]
    done = CliRunner().invoke(app, [*with_search, "--search", str(tmp_path / "search")])
    assert done.exit_code == 0, done.output
    told = (tmp_path / "docs" / "all.md").read_text()
    assert "![lambda curve](../search/curve.svg)" in told
    assert "--search" in told
    missing = CliRunner().invoke(app, [*with_search, "--search", str(tmp_path)])
    assert "no finished search" in str(missing.exception)
    piped = CliRunner().invoke(app, ["report", str(home / "vlm"), "--markdown", "-"])
    assert piped.stdout.startswith("# Results")


# --- what became of the answers -------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Protocols that differ, a text that was not run, a missing answer, notes, a single column."""
    place = tmp_path_factory.mktemp("odd") / "r"
    other = {"status": "no_code", "values": {"exec_rate": 0.0, "low_level": 0.0}}
    answers = {
        "bar_0": answer(_values(0.4), draws="bar0", paper=other),
        "line_1": "Here it is:\n" + answer(_values(0.9), draws="line1"),
        "pie_2": answer(_values(1.0), status=""),
        "bar_3": answer(_values("nan"), status="unscored", reason="no judge"),
    }
    settings = {"stopped": "", "condition": None, "model": {"name": "odd", "files": {}, "n": 0}}
    make_run(place, answers, n=5, metrics=METRICS[:2], settings=settings)
    return read_run(place)


def test_statuses_add_up_to_the_answers_under_each_protocol(odd: Run) -> None:
    rows = outcomes.executions([odd])
    told = {row.protocols: row.counts for row in rows}
    shared = {"items": 5, "no answer": 1, "answers": 4, "not run": 1, "unscored": 1}
    assert told == {("paper",): {**shared, "no_code": 1, "ok": 1}, ("strict",): {**shared, "ok": 2}}
    assert outcomes.columns(rows) == ["items", "no answer", "answers", "ok", "no_code", "not run", "unscored"]  # fmt: skip
    for row in rows:
        statuses = set(row.counts) - {"items", "no answer", "answers"}
        assert sum(row.counts[name] for name in statuses) == row.counts["answers"]
    assert outcomes.notes([odd]) == [outcomes.Row("odd", ("paper", "strict"), {"prose": 1})]
    assert outcomes.unscored(odd) == ["1 unscored (paper, strict): no judge"]


def test_groups_are_told_under_each_protocol(odd: Run) -> None:
    rows = page.group_rows([odd], "low_level")
    assert list(rows) == [("type", "paper"), ("type", "strict")]
    assert [rows["type", p]["bar"] for p in ("paper", "strict")] == [(2, [0.0]), (2, [0.2])]


def test_a_card_says_whose_picture_it_shows(odd: Run) -> None:
    told = samples.samples_data([odd], "paper", pictures.Album(5))
    by_name = {item["i"]: item["a"][0] for item in told["items"]}
    assert (by_name["bar_0"]["s"], by_name["bar_0"]["d"]) == ("no_code", "strict")
    assert by_name["bar_0"]["o"] == "Under protocol strict: ok, low_level 40.0"
    assert "o" not in by_name["line_1"]
    assert by_name["pie_2"]["s"] == "not run"
    strict = samples.samples_data([odd], "strict", pictures.Album(5))
    assert not any("d" in item["a"][0] for item in strict["items"])


def test_empty_settings_and_single_averages_are_left_out(odd: Run) -> None:
    flat = page.flat_settings(odd.settings)
    assert not {"stopped", "condition", "model.files"} & set(flat)
    assert flat["model.n"] == "0"
    systems = [System("odd", {"chartmimic": odd})]
    latex = text.report_latex(systems)
    assert "; 63.3 of 3 scored]}" in latex
    assert "In brackets: 95 %" in latex
    terminal = CliRunner().invoke(app, ["report", str(odd.place)]).stdout
    for shown in (text.report_markdown(systems), latex, terminal, page.report_page(systems)):
        assert not re.search("average|avg of", shown.partition("Samples")[0])


def test_a_map_of_pictures_of_unlike_height_is_padded_with_white() -> None:
    tall, short = (pictures.small(drawing("a", size=(300, h)), 300) for h in (400, 200))
    layers = "".join(f'<span><img src="{src}"></span>' for src in (tall, short))
    body = f'<figure style="width: 320px"><div class="diff">{layers}</div></figure>'
    with PagePool(1) as pool:
        shown = pool.render(page_of("t", "", "", body, style=samples.STYLE), width=400)
    assert shown.image is not None
    image = Image.open(BytesIO(shown.image)).convert("L")
    column = image.crop((100, 330, 101, 460))  # the lower half of the map
    assert ImageStat.Stat(column).extrema[0][0] > 230  # both are white there, or one has ended


# --- pages ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(systems: tuple[System, ...]) -> dict[str, str]:
    """The two pages."""
    vlm, merged = systems
    return {
        "Report: vlm, merged": page.report_page(systems),
        "merged against vlm": compare_page(vlm, merged, compare_systems(vlm, merged)),
    }


def test_pages_are_self_contained_and_nothing_in_them_acts(pages: dict[str, str]) -> None:
    for content in pages.values():
        assert len(re.findall(r"<script>", content)) == 1
        assert content.count("</script>") == 3  # ours, and two elements of data
        assert "<img src=x" not in content
        assert not re.search("[\0-\x08\x0b-\x1f\u202a-\u202e]", content)
        assert "https://" not in content
        assert "http://" not in content


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_browser_shows_verdict_table_and_samples(
    pages: dict[str, str], width: int, scheme: str
) -> None:
    with PagePool(1) as pool:
        for title, content in pages.items():
            dark = "(prefers-color-scheme: dark)"
            shown = pool.render(
                content.replace(dark, "all") if scheme == "dark" else content, width=width
            )
            assert shown.status == "ok", shown.reason
            assert shown.page is not None
            assert (shown.page.title, shown.page.console, shown.page.refused) == (title, (), ())
            assert shown.page.width == width  # nothing sticks out
            if "against" in title:  # the tables of a comparison need no scrolling sideways
                assert max(block.x + block.width for block in shown.page.blocks) <= width
            said = " ".join(block.text for block in shown.page.blocks)
            assert "ChartMimic: merged is better than vlm" in said
            assert re.search(r"From vlm to merged: \d+ answers .* points\.", said)  # why
            assert "18 of 18" in said  # our script ran, theirs did not
            assert "page 1 of 2" in said
            assert "differs, vlm" in said
            assert "document.title = 'owned'" in said
            top = [b for b in shown.page.blocks if "merged is better" in b.text]
            assert min(block.y for block in top) < 400  # the first thing that is seen
            assert shown.image is not None
            paper = Image.open(BytesIO(shown.image)).convert("L").getpixel((3, 700))
            assert isinstance(paper, int)
            assert (paper < 60) == (scheme == "dark")


def test_samples_that_differ_most_come_first_with_their_pictures(
    systems: tuple[System, ...],
) -> None:
    content = page.browser(systems)
    tasks = json.loads(re.findall(r'id="tasks">(.*?)</script>', content, re.S)[0])
    album = json.loads(re.findall(r'id="album">(.*?)</script>', content, re.S)[0])
    charts = tasks[0]
    values = [[a["v"][0] or 0.0 for a in item["a"]] for item in charts["items"]]
    gaps = [round(abs(b - a), 3) for a, b in values]
    assert gaps == sorted(gaps, reverse=True)
    assert charts["reference"] is True
    assert tasks[1]["reference"] is False
    by_name = {item["i"]: item for item in charts["items"]}
    equal = by_name["line_1"]  # drew its reference: one picture serves all three
    assert equal["p"] == equal["a"][0]["p"] == equal["a"][1]["p"] >= 0
    other = by_name["bar_0"]
    assert other["p"] >= 0
    assert other["a"][0]["p"] == -1
    assert by_name["pie_5"]["a"][1]["s"] == "unanswered"
    assert all(address.startswith("data:image/webp;base64,") for address in album)


def test_a_page_of_5000_samples_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 40_000)
    seen: list[int] = []

    def read(n: int) -> bytes:
        seen.append(n)
        return drawing(str(n))

    album = pictures.Album(10_000)
    numbers = album.add_all([lambda n=n: read(n) for n in range(400)])  # type: ignore[misc]
    assert len(numbers) == len(seen) == 400
    assert 0 < len(album.addresses) < 200
    assert album.left_out == numbers.count(pictures.LEFT_OUT) > 0
    assert sum(map(len, album.addresses)) < 40_000 * 3
    assert set(numbers[-100:]) == {pictures.LEFT_OUT}  # the first ones have pictures
    assert album.add_all([lambda: read(0), lambda: None]) == [0, -1]  # what is there needs no room


def test_large_pictures_bound_the_time_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 64 * 320 * 240)
    album = pictures.Album(10)
    numbers = album.add_all([lambda n=n: drawing(str(n)) for n in range(150)])  # type: ignore[misc]
    assert numbers.count(pictures.LEFT_OUT) == album.left_out == 150 - 128  # whole batches of 64


def test_means_over_different_items_have_no_best(tmp_path: Path) -> None:
    for name, n in (("a", 6), ("b", 4)):
        told = {f"{KINDS[i % 3]}_{i}": answer(_values(0.1 * i + (name == "b"))) for i in range(n)}
        make_run(tmp_path / name, told, n=n, metrics=METRICS)
    systems = read_systems([f"{name}={tmp_path / name}" for name in "ab"])
    table = make_table(systems, "paper")
    assert table.best("chartmimic.low_level") == set()
    assert 'class="best"' not in page.html_table(table)
    assert "means over different items" in page.table_note(table)


def test_broken_and_tall_pictures_do_no_harm() -> None:
    assert pictures.small(b"no picture", 300) == ""
    assert len(pictures.small(drawing("x", size=(400, 9000)), 300)) < 20_000
    assert not math.isnan(pictures.Album(1).width)
