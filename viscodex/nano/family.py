"""The embedded family, from nothing: base, vlm, code, merged, nano. One resumable job.

in:  a NanoRecipe, a folder
out: FOLDER/data, text.jsonl, tokenizer, and for each model of the family a checkpoint FOLDER/NAME/model
not covered: measuring (measure.py) and shipping (weights.py) it

    data -> text -> language -> base ------------------> code --.
            |            `--> naming --> (base behind it) vlm ---+-> merged -> nano
            `-> reading ---'

Each stage looks whether its result is there, and goes on where it stopped. Stages that do not wait for
one another may run at the same time as processes of their own (viscodex nano train --stages ...); the
stages vlm, code, merged and nano also run on several devices, or cores, by torchrun.

A recipe with `start` goes on from another family: base and tokenizer are its own; naming begins with the
tower of its vlm; vlm and code learn on; nano is tuned anew, for it begins with what they have become. With
`keep_branches` too, vlm and code are its own as well, and nano goes on from its nano (`further`: how far).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from viscodex.data.dataset import Dataset
from viscodex.data.recipe import DataRecipe
from viscodex.data.store import open_dataset
from viscodex.errors import BadInput, BadRecipe, OutputRefused
from viscodex.files import write_atomically
from viscodex.nano.letters import CHARACTERS
from viscodex.nano.measure import read_figures
from viscodex.nano.reading import Names, Schooling, teach_reading
from viscodex.nano.recipe import NanoRecipe, Reading
from viscodex.nano.texts import (
    DRILL,
    InWords,
    Talk,
    read_texts,
    words_of,
    write_corpus,
)
from viscodex.nano.trio import make_tokenizer, make_vision_language_model, save_processor
from viscodex.recipe import check_recipe, read_recipe
from viscodex.train.precision import with_precision
from viscodex.train.recipe import TrainRecipe
from viscodex.train.watch import Show

HELD_OUT_SEED = 1_000_000  # added to the seeds of the data recipes
DRILL_SEED = 1  # beside that of the corpus
SHOWN = 6000  # documents of the corpus that decide the vocabulary and the words of lessons
LOGS = {
    "training_log.jsonl": "metrics.jsonl",
    "training_recipe.json": "recipe.json",
    "figures.json": "figures.json",
}
"""Files beside a member as it is shipped -> as a training run, or measuring (figures), has them."""

LEARNT = "learnt"
"""Beside nano, where it goes on: what more samples make of it."""

RECIPE = "family.json"
"""In a family's folder: the recipe that it was made by."""

BRANCHES = ("base", "vlm", "code")
MEMBERS = (*BRANCHES, "nano")
"""What is shipped; merged is what the branches make."""

LEARN_ON = {"text", "base", "naming", "vlm", "code", "branches"}
"""Stages that go on from a member of another family where a recipe has `start`."""

SEEING = ("describe", "table", "question", "ocr")
"""What the vision-language model is taught: all that is asked of a picture but its code."""


class Family:
    """The stages of one recipe in one folder."""

    def __init__(self, recipe: NanoRecipe, folder: Path, show: Show) -> None:
        self.recipe, self.folder, self.show = recipe, folder, show
        self.stages: dict[str, Callable[[], None]] = {
            "data": self.build_data,
            "text": self.write_text,
            "reading": self.train_reading,
            "language": self.train_language,
            "base": self.train_base,
            "naming": self.train_naming,
            "vlm": self.train_vlm,
            "code": self.train_code,
            "merged": self.merge,
            "nano": self.train_nano,
        }
        if recipe.keep_branches:
            kept = {name: self.stages[name] for name in ("data", "merged", "nano")}
            self.stages = {"branches": self.keep_branches, **kept}

    def run(self, names: Sequence[str] = ()) -> None:
        """Run these stages in their order, all of them by default.

        Raises:
            BadInput: there is no such stage.
        """
        unknown = [name for name in names if name not in self.stages]
        if unknown:
            raise BadInput(
                "there is no such stage", ", ".join(unknown), f"Known are {', '.join(self.stages)}."
            )
        if self.recipe.start and (not names or set(names) & LEARN_ON):
            if Path(self.recipe.start).resolve() == self.folder.resolve():
                raise BadInput(
                    "a family cannot go on from itself",
                    str(self.folder),
                    "Give another folder: -o.",
                )
            for name in MEMBERS if self.recipe.keep_branches else BRANCHES:  # before any work
                self._before(name)
        if not names or set(names) - {"data"}:
            self._keep_recipe()
        for name in names or self.stages:
            self.show.line(f"stage {name}")
            self.stages[name]()

    def model(self, name: str) -> Path:
        """The checkpoint of a member of the family."""
        return self.folder / name / "model"

    def _keep_recipe(self) -> None:
        """The recipe and those of its data, beside what they make; `viscodex nano ship` ships them."""
        data = {**self.recipe.data, **self.recipe.only_held_out}
        recipes = {name: read_recipe(DataRecipe, Path(path)) for name, path in data.items()}
        kept = {
            **self.recipe.model_dump(exclude_unset=True, mode="json"),
            "data_recipes": {
                name: one.model_dump(exclude_unset=True, mode="json")
                for name, one in recipes.items()
            },
        }
        text, file = json.dumps(kept, indent=1) + "\n", self.folder / RECIPE
        with self._first():
            if not file.exists() or file.read_text("utf-8") != text:
                self.folder.mkdir(parents=True, exist_ok=True)
                write_atomically(file, text)

    # --- data ---------------------------------------------------------------------------------------

    def build_data(self) -> None:
        """The data sets, and as many held-out samples, from seeds that no training set has."""
        from viscodex.data.build import build

        for name, path in self.recipe.data.items():
            recipe = read_recipe(DataRecipe, Path(path))
            held = _of_size(recipe, self.recipe.held_out * 4)
            held = held.model_copy(update={"seed": recipe.seed + HELD_OUT_SEED})
            if name in self.recipe.samples:
                recipe = _of_size(recipe, self.recipe.samples[name])
            build(recipe, self.folder / "data" / name)
            build(held, self.folder / "held_out" / name)
        for name, path in self.recipe.only_held_out.items():
            build(read_recipe(DataRecipe, Path(path)), self.folder / "held_out" / name)

    def dataset(self, name: str) -> Dataset:
        """A data set that was built."""
        return open_dataset(self.folder / "data" / name)

    def write_text(self) -> None:
        """The corpus of the base, and the tokenizer that it makes."""
        write_corpus(self.corpus, self.recipe.documents, self.recipe.seed, self.recipe.corpus)
        if not (self.folder / "tokenizer").exists():
            if self.recipe.start:
                tokenizer = _tokenizer(self._before("base"))
            else:
                texts = read_texts(self.corpus, SHOWN)
                tokenizer = make_tokenizer(texts, self.recipe.text.vocab_size)
            part = self.folder / "tokenizer.part"
            shutil.rmtree(part, ignore_errors=True)
            tokenizer.save_pretrained(part)
            part.replace(self.folder / "tokenizer")

    @property
    def corpus(self) -> Path:
        """What the base reads."""
        return self.folder / "text.jsonl"

    # --- the branches -------------------------------------------------------------------------------

    def train_language(self) -> None:
        """A small Qwen2.5 that has read descriptions, markup and code."""
        if self.recipe.start:
            return  # it stands behind the base that is there
        config = {
            "model_type": "qwen2",
            "tie_word_embeddings": True,
            **self.recipe.text.model_dump(),
        }
        start = {"config": config, "tokenizer": str(self.folder / "tokenizer")}
        parts = [{"path": str(self.corpus)}]
        self._train("language", {**start, "data": parts, "loss": "everything"})

    def train_base(self) -> None:
        """The same, drilled to copy: to take words from where they stand before."""
        if self.recipe.start:
            take_over(Path(self.recipe.start) / "base", self.folder / "base")
            return
        drills = self.folder / "drills.jsonl"
        write_corpus(drills, self.recipe.drills, self.recipe.seed + DRILL_SEED, DRILL)
        start = {"model": str(self.model("language")), "loss": "everything"}
        self._train("base", {**start, "data": [{"path": str(drills)}]})

    def train_reading(self) -> None:
        """A vision tower that reads."""
        if not self.recipe.start:
            self._teach("reading")

    def train_naming(self) -> None:
        """Its tokens taught to be what the family knows: the embeddings of the words they show.

        (Those before the drill, which moves them little; so both may run at the same time. With `start` those
        of the vlm that it goes on from.)
        """
        self._teach("naming", after="reading")

    def _teach(self, name: str, after: str | None = None) -> None:
        """A school of the tower: its own, or what follows an earlier one and learns names."""
        place = self.folder / name
        if (place / "vision.safetensors").exists():
            return
        seeing = self._vlm_before() if self.recipe.start else self._see()
        more: dict[str, Any] = {}
        if after is not None:
            known = seeing if self.recipe.start else self._text_model("language")
            words = known.get_input_embeddings().weight.detach()
            more["names"] = Names(_tokenizer(self.folder / "tokenizer"), words)
            if self.recipe.start:
                more["tower"] = seeing.model.visual.state_dict()
            else:
                more["start"] = self.folder / after / "reader.safetensors"
        how: Reading = getattr(self.recipe, name)
        school = Schooling(**how.model_dump(), seed=self.recipe.seed)
        vision = seeing.config.vision_config
        teach_reading(vision, self._words(), place, school, self.show.line, **more)

    def train_vlm(self) -> None:
        """Taught to see charts and pages, and not to write code from pictures."""
        start = self.folder / "joined"
        with self._first():
            if not start.exists():
                self._join(start)
        talks = [Talk(self.dataset(name), SEEING) for name in self._seen]
        parts = [{"path": name} for name in self._seen]
        self._train("vlm", {"model": str(start), "data": parts}, talks)

    @property
    def _seen(self) -> list[str]:
        return [name for name in ("charts", "large_charts", "pages") if name in self.recipe.data]

    def train_code(self) -> None:
        """The base taught to write code from words; it has never seen a picture."""
        sources = [InWords(self.dataset(name)) for name in self.recipe.data]
        parts = [self._part(name) for name in self.recipe.data]
        start = self._before("code") if self.recipe.start else self.model("base")
        self._train("code", {"model": str(start), "data": parts}, sources)

    def keep_branches(self) -> None:
        """Base, vlm and code of the family that this one goes on from, as they are."""
        for name in BRANCHES:
            take_over(Path(str(self.recipe.start)) / name, self.folder / name)

    def merge(self) -> None:
        """Both task vectors on one base: what the project is about."""
        with self._first():
            merge_family(self.folder, self.model("merged"), self.recipe.lam)

    def train_nano(self) -> None:
        """The merged model fine-tuned on pictures and their code; or nano, further, where the branches stayed."""
        if self.recipe.keep_branches:
            self._learn_further(self._before("nano"))
        else:
            self.tune(self.model("merged"), "nano")

    def _learn_further(self, before: Path) -> None:
        """Nano between what it was and what more samples make of it: theta + further * tau of these.

        What was learnt first fades where it is rare among the new samples; a mean of both keeps much of either
        (Wortsman et al. 2022, arXiv 2203.05482).
        """
        self.tune(before, LEARNT)
        learnt, nano = self.model(LEARNT), self.folder / "nano"
        with self._first():
            models = {"vlm": str(learnt), "code": str(before), "base": str(before)}
            merge_members(models, nano / "model", self.recipe.further)
            for log in set(LOGS.values()):
                if (learnt.parent / log).exists():
                    shutil.copyfile(learnt.parent / log, nano / log)

    def tune(self, start: Path, name: str, share: float = 1.0, **settings: Any) -> None:
        """A checkpoint fine-tuned on pictures and their code, and on problems; tower and projector stay.

        What else is asked of a picture may stand between them, as questions do in MCD.

        Args:
            share: of the data; settings that learn little then measure little.
        """
        parts = [
            self._part(one, tasks=("code",), weight=weight, share=share)
            for one, weight in self.recipe.tuned_on.items()
            if one in self.recipe.data
        ]
        if self.recipe.tuned_seeing:
            more = {"tasks": SEEING, "share": share * self.recipe.tuned_seeing}
            parts += [self._part(one, **more) for one in self._seen]
        self._train(name, {"model": str(start), "data": parts, **settings}, key="tuned")

    # --- how ----------------------------------------------------------------------------------------

    @staticmethod
    def _first() -> Any:
        """What one of several processes (torchrun) does while the others wait."""
        from accelerate import PartialState

        return PartialState(cpu=not torch.cuda.is_available()).main_process_first()

    def _part(self, name: str, **which: Any) -> dict[str, Any]:
        return {"path": str(self.folder / "data" / name), **which}

    def _train(
        self,
        name: str,
        settings: dict[str, Any],
        sources: Sequence[Any] | None = None,
        key: str | None = None,
    ) -> None:
        own = getattr(self.recipe, key or name)
        side = self.recipe.max_vision_tokens * 28 * 28
        pixels = {"max_pixels": side, "min_pixels": 28 * 28, "seed": self.recipe.seed}
        recipe = check_recipe(
            TrainRecipe,
            {**pixels, **self.recipe.train, **own, **settings, "out": str(self.folder / name)},
            where=name,
        )
        if (self.model(name) / "config.json").exists():
            _check_same(recipe, self.folder / name)
            return
        from viscodex.train.run import train

        train(recipe, sources=sources, show=self.show)

    def _words(self) -> list[str]:
        return words_of(read_texts(self.corpus, SHOWN), CHARACTERS)

    def _before(self, name: str) -> Path:
        """A member of the family that this one goes on from."""
        assert self.recipe.start is not None
        place = _checkpoint(Path(self.recipe.start) / name)
        if not (place / "config.json").exists():
            raise BadRecipe(
                "there is no family to go on from", f"start: {place}", "viscodex nano unpack"
            )
        return place

    def _vlm_before(self) -> Any:
        """The vision-language model of that family."""
        from transformers import AutoModelForImageTextToText

        return AutoModelForImageTextToText.from_pretrained(self._before("vlm"), dtype=torch.float32)

    def _text_model(self, name: str) -> Any:
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(self.model(name), dtype=torch.float32)

    def _see(self) -> Any:
        """A vision-language model of the family's sizes with random weights."""
        tokenizer = _tokenizer(self.folder / "tokenizer")
        torch.manual_seed(self.recipe.seed)
        vision = self.recipe.vision.model_dump()
        sizes = self.recipe.text.model_dump(exclude={"vocab_size"})
        every = list(range(vision["depth"]))  # small pictures: each layer sees all of them
        return make_vision_language_model(
            tokenizer, True, {**vision, "window_size": 112, "fullatt_block_indexes": every}, **sizes
        )

    def _join(self, out: Path) -> None:
        """The language model - the base's, or that of the vlm before - behind the tower that reads."""
        tower = load_file(self.folder / "naming" / "vision.safetensors")
        if self.recipe.start:
            model = self._vlm_before()
            weights = dict(model.state_dict())
        else:
            model = self._see()
            weights = dict(_renamed(self._text_model("base").state_dict()))
        weights |= {f"model.visual.{name}": value for name, value in tower.items()}
        missing, unexpected = model.load_state_dict(weights, strict=False)
        left = [name for name in missing if name != "lm_head.weight"]
        if left or unexpected:
            raise BadInput("base and tower do not make a model", f"{out}: {left} {unexpected}")
        part = out.with_name(out.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        model.to(torch.bfloat16).save_pretrained(part)
        save_processor(_tokenizer(self.folder / "tokenizer"), part, self.recipe.max_vision_tokens)
        part.replace(out)


def read_family_recipe(size: str) -> NanoRecipe:
    """The recipe of a size: auto, a file, or a name in recipes/nano: cpu, gpu, longer, further, tables.

    Raises:
        BadRecipe: there is no such file, or something else in it.
    """
    if size == "auto":
        size = "gpu" if torch.cuda.is_available() else "cpu"
    path = Path(size) if Path(size).suffix else Path(f"recipes/nano/{size}.yaml")
    return read_recipe(NanoRecipe, path)


def recipe_of(family: Path, size: str = "") -> NanoRecipe:
    """The recipe of a size, or else that by which a family's folder was made.

    Raises:
        BadRecipe: the folder has none; or there is none of this size.
    """
    if size:
        return read_family_recipe(size)
    file = family / RECIPE
    if not file.exists():
        raise BadRecipe("the family does not say its recipe", str(file), "Give it: --size.")
    told = json.loads(file.read_text("utf-8"))
    told.pop("data_recipes", None)
    return check_recipe(NanoRecipe, told, where=str(file))


def merge_family(folder: Path, out: Path, lam: float, **settings: Any) -> None:
    """Merge vlm and code over base, as `viscodex merge` does.

    Args:
        settings: further keys of the merge recipe: merge_method, parameters, ...
    """
    models = {name: str(_checkpoint(folder / name)) for name in ("vlm", "code", "base")}
    merge_members(models, out, lam, **settings)


def merge_members(models: Mapping[str, str], out: Path, lam: float, **settings: Any) -> None:
    """Merge checkpoints that play vlm, code and base; what is there stays."""
    from viscodex.merge.apply import merge

    if (out / "config.json").exists():
        return
    merge(recipe={**models, "lam": lam, **settings}, out=out, resume=out.exists())


def _check_same(recipe: TrainRecipe, run: Path) -> None:
    """Refuse a member that another recipe made; folders do not matter, a shipped one was made in its own.

    Raises:
        OutputRefused: with the keys that differ.
    """
    if not (run / "recipe.json").exists():
        return
    made = TrainRecipe.model_validate_json((run / "recipe.json").read_text("utf-8"))
    one, other = (with_precision(r).model_dump(mode="json") for r in (made, recipe))
    for each in (one, other):
        each["data"] = [{**part, "path": Path(part["path"]).name} for part in each["data"]]
    places = {"model", "tokenizer", "out", "merge", "precision"}
    differing = [key for key in one if key not in places and one[key] != other[key]]
    if differing:
        raise OutputRefused(
            "it was trained by another recipe",
            f"{run}: {', '.join(differing)}",
            "Give another folder, or remove this one to train it again.",
        )


def _of_size(recipe: DataRecipe, n: int) -> DataRecipe:
    """The same data with n samples of each source."""
    sources = {name: entry.model_copy(update={"n": n}) for name, entry in recipe.sources.items()}
    return recipe.model_copy(update={"sources": sources})


def _tokenizer(place: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(place)


def _renamed(weights: dict[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in weights.items():
        if name != "lm_head.weight":  # tied
            yield name.replace("model.", "model.language_model.", 1), value


def take_over(member: Path, out: Path) -> None:
    """Lay a member of another family, trained or shipped, out as it was trained; what is there stays."""
    if (out / "model").exists():
        return
    source = _checkpoint(member)
    part = out / "model.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(
        source, part, ignore=shutil.ignore_patterns("training_*", "figures.json", "README.md")
    )
    for shipped, as_trained in LOGS.items():
        log = member / (shipped if source == member else as_trained)
        if log.exists():
            shutil.copyfile(log, out / as_trained)
    if figures := read_figures(member.parent / "measured" / member.name):
        write_atomically(out / "figures.json", json.dumps(figures, indent=1) + "\n")
    part.replace(out / "model")


def _checkpoint(place: Path) -> Path:
    """A member's checkpoint: FOLDER/NAME/model while it trains, FOLDER/NAME as it is shipped."""
    return place / "model" if (place / "model").exists() else place
