"""A checkpoint on this machine, through transformers.

in:  a directory or hub name of Qwen2-VL, Qwen2.5-VL, Qwen3-VL or any causal language model
out: completions: batched by length, streamed, greedy or drawn
not covered: very large models or many requests: serve those with vLLM (endpoint.py)
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
import transformers
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

from viscodex.errors import BadInput, BadRecipe, MissingPart
from viscodex.merge.checkpoint import (
    Checkpoint,
    TensorReader,
    hash_of_tensors,
    hash_tensor,
    read_checkpoint,
)
from viscodex.models.decode import Chooser, Ends
from viscodex.models.inputs import Encoded, Encoder
from viscodex.models.model import DEFAULT, Decoding, Model, Prompt, prompt_hash, weights_folder
from viscodex.models.streaming import Pieces, until
from viscodex.models.weights import DTYPES, choose_device, context_of, is_memory, load
from viscodex.types import Completion

BATCH = {"cpu": 8, "cuda": 16}  # prompts at once
WINDOW = 8  # batches of prompts among which those of like length are put together
FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "preprocessor_config.json",
)
"""Beside the weights these decide answers."""

Job = tuple[int, Encoded, int]  # place in the order of answers, prompt, seed


class LocalModel:
    """A model in this process; calls from several threads wait for one another.

    Args:
        checkpoint: whose headers were read.
        name: as the user called it.
        device: cpu, cuda, cuda:1, ...; None: a GPU when there is one.
        dtype: float32, bfloat16, float16; None: bfloat16 on a GPU, float32 on a CPU.
        batch: prompts at once; None: 8 on a CPU, 16 on a GPU. Halved when memory runs out.
        max_pixels: of a picture after it was made smaller; None: what the checkpoint says.

    Raises:
        BadCheckpoint: transformers cannot load it.
        MissingPart: no such device, or no memory for the weights.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        name: str,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch: int | None = None,
        max_pixels: int | None = None,
        **_: object,
    ) -> None:
        self.name, self.path = name, checkpoint.path
        self.device = choose_device(device)
        self.dtype = dtype or ("bfloat16" if self.device.startswith("cuda") else "float32")
        if self.dtype not in DTYPES:
            raise BadRecipe("there is no such dtype", self.dtype, f"Known are {', '.join(DTYPES)}.")
        for what, value in (("batch", batch), ("max_pixels", max_pixels)):
            if value is not None and value < 1:
                raise BadRecipe(f"{what} is below 1", str(value), "Give a positive number.")
        self.batch = batch or BATCH[self.device.split(":")[0]]
        self._checkpoint = checkpoint
        self.encoder = Encoder(checkpoint.path, checkpoint.config, max_pixels)
        self._model = load(checkpoint, self.device, self.dtype)
        self._model.generation_config = GenerationConfig()  # what was tuned for chats is left out
        self._context = context_of(checkpoint.config)
        self._lock = threading.Lock()

    def __enter__(self) -> LocalModel:
        return self

    def __exit__(self, *error: object) -> None:
        self._model = None
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    @property
    def sees(self) -> bool:
        """Whether it takes pictures."""
        return self.encoder.image_id is not None

    @cached_property
    def weights_hash(self) -> str:
        """Over all tensors, as `output_hash` in merge_report.json; reads them once more."""
        with TensorReader() as reader:
            tensors = self._checkpoint.tensors
            return hash_of_tensors({n: hash_tensor(reader, info) for n, info in tensors.items()})

    @cached_property
    def identity(self) -> dict[str, Any]:
        """See Model.identity."""
        from viscodex.images import content_hash

        files = {
            name: content_hash((self.path / name).read_bytes())
            for name in FILES
            if (self.path / name).exists()
        }
        pixels = {"max_pixels": self.encoder.max_pixels} if self.sees else {}
        return {
            "kind": "local", "model": self.name, "weights": self.weights_hash, "files": files,
            "dtype": self.dtype, "device": self.device.split(":")[0], **pixels,
            "transformers": transformers.__version__, "torch": torch.__version__,
        }  # fmt: skip

    # --- many -------------------------------------------------------------------------------------

    def complete(self, prompts: Iterable[Prompt], decoding: Decoding) -> Iterator[Completion]:
        """See Model.complete."""
        waiting = iter(prompts)
        while window := list(itertools.islice(waiting, max(1, WINDOW * self.batch // decoding.n))):
            yield from self._window(window, decoding)

    def _window(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Completion]:
        """Answers in order; each as soon as it and all before it are there."""
        there: dict[int, Completion] = {}
        jobs: list[Job] = []
        for number, prompt in enumerate(prompts):
            places = range(number * decoding.n, (number + 1) * decoding.n)
            try:
                encoded = self._fitting(prompt)
            except BadInput as error:
                there |= {place: _failed(error) for place in places}
                continue
            jobs += [(p, encoded, _seed(decoding, prompt, k)) for k, p in enumerate(places)]
        jobs.sort(key=lambda job: -len(job[1].ids))  # memory that runs out does so at once
        left = [jobs[start : start + self.batch] for start in range(0, len(jobs), self.batch)]
        left.sort(key=lambda batch: min(place for place, _, _ in batch))
        for due in range(len(prompts) * decoding.n):
            while due not in there:
                there |= self._answers(left.pop(0), decoding)
            yield there.pop(due)

    def _answers(self, jobs: Sequence[Job], decoding: Decoding) -> dict[int, Completion]:
        """One batch; in halves where memory runs out."""
        try:
            return self._generate(jobs, decoding, threading.Event())
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if not is_memory(error):
                raise
            why = str(error).splitlines()[0][:200]
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        if len(jobs) == 1:
            return {
                jobs[0][0]: Completion(
                    "", "error", len(jobs[0][1].ids), error=f"out of memory: {why}"
                )
            }
        self.batch = max(1, len(jobs) // 2)
        halves = (jobs[: self.batch], jobs[self.batch :])
        return {k: v for half in halves for k, v in self._answers(half, decoding).items()}

    def _fitting(self, prompt: Prompt) -> Encoded:
        encoded = self.encoder.encode(prompt)
        if len(encoded.ids) >= self._context:
            raise BadInput(
                "the prompt is longer than the model's context",
                f"{len(encoded.ids)} tokens of {self._context}",
                "Lower max_pixels, or shorten the prompt.",
            )
        return encoded

    def _generate(
        self,
        jobs: Sequence[Job],
        decoding: Decoding,
        cancelled: threading.Event,
        streamer: Any = None,
    ) -> dict[int, Completion]:
        encoder, began = self.encoder, time.perf_counter()
        with self._lock, torch.inference_mode():
            if self._model is None:
                raise BadInput("the model is closed", self.name, "Open it again.")
            inputs = encoder.batch([encoded for _, encoded, _ in jobs], self.device)
            start = inputs["input_ids"].shape[1]
            room = min(decoding.max_tokens, self._context - start)
            chooser = Chooser(decoding, [seed for _, _, seed in jobs], encoder.eos_ids)
            whole = self._model.generate(
                **inputs,
                generation_config=GenerationConfig(
                    max_new_tokens=room, do_sample=False, use_cache=True,
                    eos_token_id=encoder.eos_ids, pad_token_id=encoder.pad_id,
                ),
                logits_processor=LogitsProcessorList([chooser]),
                stopping_criteria=StoppingCriteriaList(
                    [Ends(encoder.tokenizer, start, decoding.stop, cancelled)]
                ),
                streamer=streamer,
            )  # fmt: skip
        seconds = time.perf_counter() - began
        return {
            place: replace(
                self._completion(row[start:].tolist(), decoding, room, cancelled.is_set()),
                prompt_tokens=len(encoded.ids),
                probability=chooser.probability(k),
                seconds=seconds,
            )
            for k, ((place, encoded, _), row) in enumerate(zip(jobs, whole, strict=True))
        }

    def _completion(
        self, ids: list[int], decoding: Decoding, room: int, is_cancelled: bool
    ) -> Completion:
        """The text of a row up to its end."""
        eos = self.encoder.eos_ids
        end = next((k for k, token in enumerate(ids) if token in eos), None)
        text = self.encoder.tokenizer.decode(ids[:end], skip_special_tokens=True)
        cut = min((at for stop in decoding.stop if (at := text.find(stop)) >= 0), default=None)
        n = len(ids) if end is None else end + 1
        reason = "stop" if end is not None or cut is not None else "length"
        if reason == "length" and is_cancelled and n < room:
            reason = "cancelled"
        return Completion(text[:cut], reason, completion_tokens=n)

    # --- one --------------------------------------------------------------------------------------

    def stream(self, prompt: Prompt, decoding: Decoding) -> Generator[str, None, Completion]:
        """See Model.stream; closing the generator ends the writing."""
        try:
            encoded = self._fitting(prompt)
        except BadInput as error:
            return _failed(error)
        pieces = Pieces(self.encoder)
        cancelled = threading.Event()
        done: list[Completion] = []
        job = (0, encoded, _seed(decoding, prompt, 0))

        def write() -> None:
            try:
                done.extend(self._generate([job], decoding, cancelled, pieces).values())
            except (RuntimeError, MemoryError) as error:
                if not is_memory(error):
                    raise
                done.append(Completion("", "error", error=f"out of memory: {error}"))
            finally:
                pieces.end()

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        try:
            yield from until(pieces, decoding.stop)
        finally:
            cancelled.set()
            thread.join()
        if not done:
            return Completion("", "error", error="the model broke off; see the message above")
        return done[0]


def _seed(decoding: Decoding, prompt: Prompt, k: int) -> int:
    """Of the k-th answer to a prompt, whatever stands beside it."""
    return (int(prompt_hash(prompt), 16) ^ (decoding.seed * 1_000_003 + k)) % 2**63


def _failed(error: BadInput) -> Completion:
    return Completion("", "error", error=f"{error.what}: {error.where}")


# --- loading --------------------------------------------------------------------------------------


def open_local(name: str, **settings: Any) -> Model:
    """The embedded model for "nano", whatever folders are here; else that of a directory or hub name.

    Raises:
        BadCheckpoint, MissingPart, BadRecipe: as LocalModel; MissingPart where the embedded weights
            are not part of this installation.
    """
    if name == DEFAULT:
        folder = weights_folder(name)
        if not (folder / "config.json").exists():
            raise MissingPart(
                "the embedded model is not here",
                f"no {folder.parent.name}/{folder.name} in this installation",
                "Train it with `viscodex nano train`, or give another with --model.",
            )
        return LocalModel(read_checkpoint(folder), name, **settings)
    return LocalModel(read_checkpoint(name), name, **settings)
