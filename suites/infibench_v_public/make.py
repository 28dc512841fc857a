"""Make what is derived in this suite: pictures, their hashes, answers to check with, the record.

in:  drawings/*.html and *.py, cases/*.yaml, answers/wrong.jsonl, answers/verdicts.yaml
out: pictures/*.png and stamp.json, the images of each case, suite.yaml, answers/reference.jsonl,
     empty.jsonl and judge.jsonl
not covered: hashes of the whole (viscodex suite freeze), trying the cases (viscodex suite check)

    python suites/infibench_v_public/make.py               # everything
    python suites/infibench_v_public/make.py --draw ID...   # these pictures, then everything derived

Pictures are equal in every byte on machines with the same browser, fonts, runtime and Pillow; which
these were stands in pictures/stamp.json.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import PIL
import yaml
from PIL import Image, ImageChops

from viscodex.execute.chart import ChartPool
from viscodex.execute.page import PagePool
from viscodex.tasks.infibench import InfiBenchV
from viscodex.tasks.judge import recorded_reply
from viscodex.tasks.questions import response_question
from viscodex.types import Answer, Completion

HERE = Path(__file__).parent
VERSION = "1.0.0"
JUDGE = "the authors of the suite"
COLORS = 96
"""Of a picture that has more: what a palette of text, lines and soft edges needs."""


# --- pictures -------------------------------------------------------------------------------------


def drawings() -> dict[str, Path]:
    """Id of a case -> the source of its picture."""
    folder = HERE / "drawings"
    found = [p for p in sorted(folder.iterdir()) if p.suffix in (".html", ".py")]
    return {path.stem: path for path in found}


def draw(names: Iterable[str]) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Id -> (PNG, what decided its pixels).

    Raises:
        RuntimeError: a drawing does not run; the message names it.
    """
    sources = drawings()
    wanted = [sources[name] for name in names]
    made = {}
    pages = [path for path in wanted if path.suffix == ".html"]
    if pages:
        folder = HERE / "drawings"
        files = {name: (folder / name).read_bytes() for name in ("look.css", "look.js")}
        with PagePool(1) as pool:
            for path in pages:
                text = path.read_text("utf-8")
                width = int(re.search(r'<body data-width="(\d+)"', text)[1])  # type: ignore[index]
                done = pool.render(_page(text), width=width, height=20, files=files)
                made[path.stem] = _picture(path, done), _stamp(done.stamp)
    scripts = [path for path in wanted if path.suffix == ".py"]
    if scripts:
        with ChartPool(workers=1) as charts:
            for path in scripts:
                done = charts.run(path.read_text("utf-8"), name=path.stem)
                made[path.stem] = _picture(path, done), _stamp(done.stamp)
    return made


def _page(text: str) -> str:
    return (
        '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="look.css">'
        f'{text}<script src="look.js"></script>'
    )


def _stamp(stamp: dict[str, str]) -> dict[str, str]:
    """What decides pixels, on any window."""
    own = {k: v for k, v in stamp.items() if k not in ("viewport", "browser_sandbox")}
    return {**own, "pillow": PIL.__version__}


def _picture(path: Path, done: Any) -> bytes:
    if done.status != "ok" or len(done.images) != 1:
        raise RuntimeError(f"{path.name}: {done.status} {done.reason} {done.stderr[-500:]}")
    return small(done.images[0])


def small(png: bytes) -> bytes:
    """The same picture without empty margins, with a palette of at most COLORS colours."""
    with Image.open(io.BytesIO(png)) as picture:
        shown = picture.convert("RGB")
    empty = Image.new("RGB", shown.size, shown.getpixel((0, 0)))  # type: ignore[arg-type]
    if box := ImageChops.difference(shown, empty).getbbox():
        right, bottom = min(shown.width, box[2] + 14), min(shown.height, box[3] + 14)
        shown = shown.crop((0, 0, right, bottom))
    flat = shown.quantize(COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    flat.save(file, "PNG", optimize=True)
    return file.getvalue()


def save(made: dict[str, tuple[bytes, dict[str, str]]]) -> None:
    """Write pictures; the stamps of pages and charts go beside them."""
    place = HERE / "pictures" / "stamp.json"
    stamps = json.loads(place.read_text()) if place.exists() else {}
    sources = drawings()
    for name, (png, stamp) in made.items():
        (HERE / "pictures" / f"{name}.png").write_bytes(png)
        stamps[sources[name].suffix[1:]] = stamp
    place.write_text(json.dumps(stamps, indent=1, sort_keys=True) + "\n")


# --- what is derived ------------------------------------------------------------------------------


def refresh_case(path: Path) -> None:
    """Write size and hash of its picture into a case file; all else stays as it was typed."""
    picture = HERE / "pictures" / f"{path.stem}.png"
    with Image.open(picture) as opened:
        width, height = opened.size
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    line = (
        f"  - {{path: ../pictures/{picture.name}, sha256: {digest}, "
        f"media_type: image/png, width: {width}, height: {height}}}\n"
    )
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"(?m)(?<=^images:\n)  - .*\n", line, text), "utf-8")


def write_answers(cases: list[dict[str, Any]]) -> None:
    """reference.jsonl from the cases, and empty.jsonl."""
    rows = {
        "reference": [{"id": case["id"], "answer": case["reference"]} for case in cases],
        "empty": [{"id": case["id"], "answer": ""} for case in cases],
    }
    for name, lines in rows.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (HERE / "answers" / f"{name}.jsonl").write_text(text, "utf-8")


def read_answers(name: str) -> dict[str, str]:
    """Id -> answer of answers/NAME.jsonl."""
    lines = (HERE / "answers" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row["answer"] for row in map(json.loads, lines)}


def write_record() -> None:
    """judge.jsonl: what we ourselves said of the answers of judged cases, as a run records it."""
    verdicts = yaml.safe_load((HERE / "answers" / "verdicts.yaml").read_text("utf-8"))
    answers = {kind: read_answers(kind) for kind in ("reference", "wrong")}
    lines = []
    for item in InfiBenchV().read(HERE).items:
        case = item.data.strict
        if case.grading.judge is None:
            continue
        for kind, said in verdicts[item.id].items():
            text = answers[kind][item.id]
            answer = Answer(item.id, Completion(text, "stop"), text, "")
            question = response_question(item, answer, case, text)
            lines.append(json.dumps(recorded_reply(question, JUDGE, json.dumps(said))))
    (HERE / "answers" / "judge.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def derive() -> None:
    """Everything but the pictures."""
    paths = sorted((HERE / "cases").glob("*.yaml"))
    for path in paths:
        refresh_case(path)
    names = "".join(f"  - cases/{path.name}\n" for path in paths)
    head = f"version: {VERSION}\nattempt_reduce_mode: avg\ncases:\n"
    (HERE / "suite.yaml").write_text(head + names, "utf-8")
    write_answers([yaml.safe_load(path.read_text("utf-8")) for path in paths])
    write_record()


def main() -> None:
    """Draw all, or some, and derive the rest."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    options.add_argument("--draw", nargs="*", metavar="ID", help="only these pictures")
    given = options.parse_args()
    save(draw(list(drawings()) if given.draw is None else given.draw))
    derive()


if __name__ == "__main__":
    main()
