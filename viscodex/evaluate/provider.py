"""Models of viscodex as a provider of inspect_ai: `viscodex/NAME`, NAME as --model has it.

in:  chat messages with inline pictures, one call for each sample
out: the model's answers; calls that come together are answered in one batch
not covered: how each kind of model answers (models/)
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from viscodex.errors import ViscodexError
from viscodex.evaluate.messages import (
    decoding_from_config,
    output_from_completion,
    prompt_from_chat,
)
from viscodex.models.model import Decoding, Model, Prompt, open_model
from viscodex.tasks.run import FAULTS
from viscodex.types import Completion

RECORDED_AT_ONCE = 64  # recorded answers in a batch
GATHER_S = 0.02
"""How long a batch that is not full waits for more."""


@dataclass(slots=True)
class _Call:
    """One prompt under way."""

    prompt: Prompt
    decoding: Decoding
    token: anyio.lowlevel.EventLoopToken = field(default_factory=anyio.lowlevel.current_token)
    ready: anyio.Event = field(default_factory=anyio.Event)
    answers: list[Completion] = field(default_factory=list)
    error: ViscodexError | None = None

    def tell(self) -> None:
        """Wake who waits; from a thread."""
        with contextlib.suppress(anyio.RunFinishedError):  # nobody waits any more
            anyio.from_thread.run_sync(self.ready.set, token=self.token)


class Batches:
    """Gathers calls into batches and lets threads answer them.

    Args:
        size: prompts in a batch.
        threads: batches at once.
    """

    def __init__(self, model: Model, size: int, threads: int) -> None:
        self.model, self.size, self.threads = model, size, threads
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._running: list[threading.Thread] = []

    async def complete(self, prompt: Prompt, decoding: Decoding) -> list[Completion]:
        """The `decoding.n` answers to one prompt.

        Raises:
            ViscodexError: no prompt can be answered.
        """
        call = _Call(prompt, decoding)
        if len(self._running) < self.threads:
            self._running.append(threading.Thread(target=self._work, daemon=True))
            self._running[-1].start()
        self._calls.put(call)
        await call.ready.wait()
        if call.error is not None:
            raise call.error
        return call.answers

    def close(self) -> None:
        """End the threads, once what they work at is done."""
        for _ in self._running:
            self._calls.put(None)
        for thread in self._running:
            thread.join()
        self._running.clear()

    def _work(self) -> None:
        kept: _Call | None = None
        while True:
            first = kept or self._calls.get()
            if first is None:
                return
            batch, kept, last = self._gather(first)
            self._answer(batch)
            if last:
                return

    def _gather(self, first: _Call) -> tuple[list[_Call], _Call | None, bool]:
        """(calls with equal decoding, the first of another one, whether it was the last batch)"""
        batch, until = [first], time.monotonic() + GATHER_S
        while len(batch) < self.size:
            try:
                call = self._calls.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if call is None:
                return batch, None, True
            if call.decoding != first.decoding:
                return batch, call, False
            batch.append(call)
        return batch, None, False

    def _answer(self, batch: Sequence[_Call]) -> None:
        """Hand each answer over as it comes; what goes wrong is told to those who still wait."""
        n, left = batch[0].decoding.n, list(batch)
        error: ViscodexError | None = None
        why = "the model gave fewer answers than it was asked for"
        try:
            for completion in self.model.complete(
                [call.prompt for call in batch], batch[0].decoding
            ):
                left[0].answers.append(completion)
                if len(left[0].answers) == n:
                    left.pop(0).tell()
                    if not left:
                        return
        except ViscodexError as fault:
            error = fault
        except FAULTS as fault:
            why = f"{type(fault).__name__}: {' '.join(str(fault).split())[:300]}"
        for call in left:
            call.error = error
            missing = n - len(call.answers)
            call.answers += [Completion("", "error", error=why)] * missing
            call.tell()


@modelapi(name="viscodex")
class ViscodexAPI(ModelAPI):
    """A model of viscodex behind inspect_ai.

    Args:
        model_name: as --model has it: nano, a checkpoint, openai/NAME@URL, replay/FILE.
        model_args: opened: a Model that the caller closes; the others go to open_model: batch
            (prompts of a local model at once), workers (requests to an endpoint at once), ...
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        opened = model_args.pop("opened", None)
        self.model: Model = opened or open_model(model_name, **model_args)
        self._owned = opened is None
        self._kind = str(self.model.identity.get("kind", ""))
        size = int(getattr(self.model, "batch", RECORDED_AT_ONCE if self._kind == "replay" else 1))
        self._batches = Batches(self.model, size, int(getattr(self.model, "workers", 1)))

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """One answer; see ModelAPI.generate."""
        prompt, attempt = prompt_from_chat(input)
        decoding = decoding_from_config(config)
        if self._kind == "replay":  # recorded answers know no seed: they are counted
            decoding = replace(decoding, n=attempt + 1, temperature=max(1.0, decoding.temperature))
        answers = await self._batches.complete(prompt, decoding)
        return output_from_completion(self.model_name, answers[-1])

    def max_connections(self) -> int:
        """Calls at once: enough that the next batch is there when one is done."""
        return max(2 * self._batches.size, self._batches.threads)

    def connection_key(self) -> str:
        """Each model has calls of its own."""
        return f"{self.model_name} {id(self.model)}"

    def close(self) -> None:
        """End the threads; free the model where it was opened here."""
        self._batches.close()
        if self._owned:
            self.model.__exit__(None, None, None)
