"""The errors of viscodex: one tree, each message in three parts.

in:  what is wrong, where (file, tensor, key, both numbers), what to do about it
out: exceptions whose str() is those three parts
not covered: samples that fail; they are data with a status and a reason

    ViscodexError
    ├── BadRecipe            a recipe or a command-line value that cannot be meant
    ├── BadInput             a file or an answer that cannot be run or read
    │   └── BadDataset       a folder or file that is not a whole, readable data set
    ├── BadCheckpoint        files that are not a whole, readable model
    ├── MergeRefused         sound inputs that must not be merged with one another
    │   └── ShapeMismatch    the two language models differ in size
    ├── OutputRefused        the place to write to: taken, inside an input, locked
    │   └── NotEnoughSpace   the disk is too small, or filled up on the way
    ├── BuildFailed          work in many parts that ended before all were done; it can go on
    ├── RunStopped           scoring that ended before all answers were scored; it can go on
    ├── TrainingFailed       a loss or gradient that is no number
    └── MissingPart          a library, a device or a program that this machine lacks
        └── IsolationMissing generated code cannot be confined well enough here
"""

from __future__ import annotations


class ViscodexError(Exception):
    """Base of all errors that a user can do something about.

    Args:
        what: one sentence, what is wrong.
        where: file, tensor, key, sample; both numbers where two disagree.
        todo: what to do about it.
    """

    def __init__(self, what: str, where: str = "", todo: str = "") -> None:
        self.what, self.where, self.todo = what, where, todo
        super().__init__(what, where, todo)

    def __str__(self) -> str:
        parts = [f"{type(self).__name__}: {self.what}"]
        for part in (self.where, self.todo):
            if part:
                parts.append("\n".join(f"  {line}" for line in part.splitlines()))
        return "\n".join(parts)


class BadRecipe(ViscodexError):
    """A recipe, override or option that cannot be meant."""


class BadInput(ViscodexError):
    """A file, picture or answer that cannot be read as what it should be."""


class BadDataset(BadInput):
    """A folder or file that is not a whole, readable data set."""


class BadCheckpoint(ViscodexError):
    """A checkpoint directory that is not a whole, readable model."""


class MergeRefused(ViscodexError):
    """Inputs that are sound but must not be merged with one another."""


class ShapeMismatch(MergeRefused):
    """The language models differ in hidden size, depth, heads or another size."""


class OutputRefused(ViscodexError):
    """The output directory is taken, lies inside an input or is being written."""


class NotEnoughSpace(OutputRefused):
    """The disk of the output directory is too small, or filled up on the way."""


class BuildFailed(ViscodexError):
    """Work in many parts that ended before all of them were done; what is done is kept."""


class RunStopped(ViscodexError):
    """Scoring that ended before all answers were scored: a budget, a judge out of reach."""


class TrainingFailed(ViscodexError):
    """A loss or gradient that is no number; the checkpoints before it are whole."""


class MissingPart(ViscodexError):
    """A library, device or program that this machine lacks."""


class IsolationMissing(MissingPart):
    """Generated code cannot be confined well enough on this machine."""
