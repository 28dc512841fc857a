"""Chance that is the same on every machine: one stream for each (seed, source, index).

in:  a seed, the name of a source, an index
out: Draw, a random.Random with the few draws that problems and questions need; fill for templates
not covered: what is drawn
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Draw(random.Random):
    """Draws for one draft; seeded by text, which Python hashes with SHA-512 on every machine."""

    def pick(self, *options: T) -> T:
        """One of the options."""
        return self.choice(options)

    def flag(self, share: float = 0.5) -> bool:
        """True with this probability."""
        return self.random() < share

    def ints(self, n: int, low: int, high: int) -> list[int]:
        """n whole numbers of low..high, repetitions allowed."""
        return [self.randint(low, high) for _ in range(n)]

    def text(self, n: int, letters: str) -> str:
        """n letters."""
        return "".join(self.choice(letters) for _ in range(n))

    def some(self, n: int, options: Sequence[T]) -> list[T]:
        """n different ones of the options, in a random order."""
        return self.sample(list(options), n)

    def cases(
        self, n: int, make: Callable[[], Sequence[Any]], *edges: Sequence[Any]
    ) -> list[list[Any]]:
        """The edge cases, then different random ones until there are n in all."""
        found = [list(edge) for edge in edges]
        for _ in range(20 * n):
            if len(found) >= n:
                break
            case = list(make())
            if case not in found:
                found.append(case)
        return found


def draw_for(seed: int, source: str, index: int) -> Draw:
    """The stream of one draft."""
    return Draw(f"{source}/{seed}/{index}")


def fill(text: str, **words: object) -> str:
    """Text with $name replaced; other dollar signs stay. Lines of a word keep its indentation."""

    def put(found: re.Match[str]) -> str:
        if found[2] not in words:
            return found[0]
        return found[1] + str(words[found[2]]).replace("\n", "\n" + found[1])

    text = re.sub(r"(?m)^([ \t]*)\$([a-z_]+\d*)", put, text)
    return re.sub(r"()\$([a-z_]+\d*)", put, text)
