"""Disturbed pictures: every kind, stronger with severity, equal when asked for again; curves."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from tests.evaluate.suites import text_of, write_suite
from tests.tasks.chat_server import chat_server, says
from viscodex.cli import app
from viscodex.errors import BadInput, BadRecipe
from viscodex.evaluate.perturb import KINDS, SEVERITIES, Perturbation, perturbation
from viscodex.evaluate.robustness import points_of
from viscodex.images import open_image


def chart() -> bytes:
    picture = Image.new("RGB", (320, 240), "white")
    draw = ImageDraw.Draw(picture)
    for k, color in enumerate(("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728")):
        draw.rectangle((40 + 60 * k, 220 - 45 * (k + 1), 80 + 60 * k, 220), fill=color)
    draw.text((100, 8), "Sales by quarter", fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean over pixels, of 255, after `b` was laid over `a`."""
    return float(np.abs(np.asarray(a, float) - np.asarray(b.resize(a.size), float)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_disturbs_more_with_severity_and_equally_each_time(kind: str) -> None:
    data = chart()
    plain = open_image(data)
    found = []
    for severity in (1, 3, 5):
        made = Perturbation(kind, severity).of(data, "sample")
        assert made == Perturbation(kind, severity).of(data, "sample")
        found.append(difference(plain, open_image(made)))
    assert 0 < found[0] < found[1] < found[2]


def test_what_kinds_do_to_sizes() -> None:
    data = chart()
    sizes = {kind: open_image(Perturbation(kind, 4).of(data)).size for kind in KINDS}
    assert sizes.pop("crop") == (256, 192)
    turned = sizes.pop("rotate")
    assert turned[0] > 320
    assert turned[1] > 240
    assert set(sizes.values()) == {(320, 240)}
    assert Perturbation("jpeg", 1).of(data).startswith(b"\xff\xd8")


def test_grey_stays_grey_under_a_shift_of_hues() -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (90, 90, 90)).save(file, "PNG")
    shifted = np.asarray(open_image(Perturbation("color", 5).of(file.getvalue())))
    assert (shifted == 90).all()


@pytest.mark.parametrize("text", ["blur", "blur:0", "blur:6", "fog:2", "blur:x", ""])
def test_an_unknown_disturbance_is_refused(text: str) -> None:
    with pytest.raises(BadRecipe, match="no such disturbance"):
        perturbation(text)


def test_points_are_kinds_times_severities() -> None:
    assert list(map(str, points_of("blur,jpeg", "3,1"))) == ["blur:1", "blur:3", "jpeg:1", "jpeg:3"]
    assert len(points_of("", "1,2,3,4,5")) == len(KINDS) * len(SEVERITIES)
    for kinds, severities in (("fog", "1"), ("blur", "7"), ("blur", "")):
        with pytest.raises(BadRecipe):
            points_of(kinds, severities)


def test_what_is_no_picture_is_an_error_of_that_question() -> None:
    with pytest.raises(BadInput):
        Perturbation("blur", 1).of(b"nothing")


def sees_less(body: dict[str, Any], n: int) -> Any:
    """A model that reads the word as long as the picture that it gets is large enough."""
    (k,) = re.findall(r"Case (\d+):", text_of(body))
    (url,) = (
        p["image_url"]["url"] for p in body["messages"][-1]["content"] if p["type"] == "image_url"
    )
    width = open_image(base64.b64decode(url.partition(",")[2])).width
    return says(f"word{k}." if width > 300 - 5 * int(k) else "no idea", usage=(10, 2))


def test_curves_are_runs_of_their_own_and_paired_with_the_plain_one(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite", 8, chart())
    with chat_server() as chat:
        chat.behaviour = sees_less
        words = [
            "eval", "infibench_v", "--model", f"openai/m@{chat.url}", "--data", str(suite),
            "-o", str(tmp_path / "out"), "--robustness", "--kinds", "crop,noise", "--severities", "1,3",
        ]  # fmt: skip
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert len(chat.requests) == 8 * 5
        assert CliRunner().invoke(app, words).exit_code == 0
        assert len(chat.requests) == 8 * 5
    found = json.loads((tmp_path / "out" / "robustness.json").read_text())
    strict = found["protocols"]["strict"]
    assert strict["plain"]["score"]["all"] == 1
    crop = {point["severity"]: point for point in strict["curves"]["crop"]}
    noise = {point["severity"]: point for point in strict["curves"]["noise"]}
    assert crop[1]["means"]["score"]["all"] == 1  # 310 pixels are left
    assert crop[3]["means"]["score"]["all"] == pytest.approx(4 / 8)  # 282: cases 4 and above
    assert crop[3]["change"]["score"]["mean"] == pytest.approx(-0.5)
    assert crop[3]["change"]["score"]["high"] < 0
    assert noise[3]["change"]["score"] == {"mean": 0, "low": 0, "high": 0, "n": 8}
    svg = (tmp_path / "out" / "robustness-strict.svg").read_text()
    assert svg.startswith("<svg")
    kept = (tmp_path / "out" / "crop-3" / "inputs" / "c-0.img").read_bytes()
    assert open_image(kept).size == (282, 211)
    assert "severity 3" in done.output
    page = (tmp_path / "out" / "robustness.html").read_text()
    assert "crop at severity 3 costs most: \u221250.0 points of score" in page
    assert "Clear loss: crop from severity 3. No clear loss: noise." in page
    assert "0.12 of both sides cut off" in page  # the level in its unit
    assert page.count("<article>") == 4
    shown = re.findall(r"<h3>(.*?)</h3>", page)
    assert set(shown) == {"c-0", "c-1", "c-2", "c-3"}  # where it loses
    widths = {
        open_image(base64.b64decode(each)).width
        for each in re.findall(r"webp;base64,([^\"]+)", page)
    }
    assert max(widths) <= 240
    assert "3: 0.0 (\u2212100.0)" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)


@pytest.mark.parametrize("option", ["--perturb", "--robustness"])
def test_without_pictures_none_are_kept_and_the_model_sees_the_same(
    tmp_path: Path, option: str
) -> None:
    suite = write_suite(tmp_path / "suite", 2, chart())
    chosen = ["crop:3"] if option == "--perturb" else ["--kinds", "crop", "--severities", "3"]
    with chat_server() as chat:
        chat.behaviour = sees_less
        words = [
            "eval", "infibench_v", "--model", f"openai/m@{chat.url}", "--data", str(suite),
            "-o", str(tmp_path / "out"), option, *chosen,
        ]  # fmt: skip
        assert CliRunner().invoke(app, [*words, "--no-pictures"]).exit_code == 0
        assert not list(tmp_path.rglob("out/**/inputs"))
        asked = len(chat.requests)
        assert CliRunner().invoke(app, words).exit_code == 0
        assert len(chat.requests) == asked  # the pictures made anew are equal
    (kept,) = [p for p in tmp_path.rglob("out/**/c-0.img") if "plain" not in p.parts]
    assert open_image(kept.read_bytes()).size == (282, 211)
