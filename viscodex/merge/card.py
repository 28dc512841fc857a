"""The model card of a merged checkpoint.

in:  a MergeReport
out: README.md: front matter for the hub, the exact recipe, what came from where, how to load it
not covered: scores; the merge knows none
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from viscodex.merge.geometry import by_module, combined
from viscodex.types import MergeReport, TensorGeometry


def model_card(report: MergeReport) -> str:
    """The text of README.md."""
    sources = [use for use in report.inputs if use.used]
    front = {
        "library_name": "transformers",
        "tags": ["merge", "viscodex"],
        "base_model": [use.path for use in sources],
        "base_model_relation": "merge",
    }
    parameters = report.parameters
    rows = [
        f"| {action} | {report.counts[action]} | {parameters.get(action, 0):,} | {meaning} |"
        for action, meaning in (
            ("merge", "language model, by the recipe"),
            ("copy", "everything else: the VLM's bytes"),
            ("add", "a head of its own that the VLM did not have"),
            ("drop", "input tensors that have no place in the output"),
        )
    ]
    inputs = [
        f"| {use.label} | `{use.path}` | {use.n_parameters:,} | `{report.input_hashes[use.label][:16]}` |"
        for use in report.inputs
    ]
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
        "# Merged model",
        f"Made by viscodex {report.viscodex_version}, method "
        f"`{report.method}`. Tokenizer, chat template and processor are those of the "
        "vision-language model.",
        "## Recipe",
        f"```yaml\n{yaml.safe_dump(report.recipe, sort_keys=False)}```",
        "## Inputs",
        "\n".join(["| input | path | parameters | hash |", "|---|---|---|---|", *inputs]),
        "## Tensors",
        "\n".join(["| what | tensors | parameters | |", "|---|---|---|---|", *rows]),
        f"{parameters['output']:,} parameters; content hash `{report.output_hash}`.",
        *_geometry(report.geometry, report.geometry_note),
        *(
            ["## Notices", "\n".join(f"- {notice}" for notice in report.notices)]
            if report.notices
            else []
        ),
        "## Load",
        "```python\nfrom transformers import AutoModelForImageTextToText, AutoProcessor\n\n"
        "model = AutoModelForImageTextToText.from_pretrained(path)\n"
        "processor = AutoProcessor.from_pretrained(path)\n```",
        "Every tensor with its sources and hash: `merge_report.json`. The licences of all inputs apply.",
    ]
    return "\n\n".join(parts) + "\n"


def _geometry(rows: Sequence[TensorGeometry], note: str) -> list[str]:
    """Norms and angles of the task vectors by module."""
    if not rows:
        return []
    labels, pairs = list(rows[0].norms), list(rows[0].cosines)
    head = ["module", *[f"|tau {label}| / |base|" for label in labels]]
    head += [f"cos {pair}" for pair in pairs] + [f"sign conflict {pair}" for pair in pairs]
    lines = ["| " + " | ".join(head).replace("|tau", r"\|tau").replace("| /", r"\| /").replace(
        "|base|", r"\|base\|") + " |", "|---" * len(head) + "|"]  # fmt: skip
    whole: dict[int | None, TensorGeometry] = {None: combined(rows)}
    tables = {**by_module(rows), "all": whole}
    for module, layers in tables.items():
        row = combined(list(layers.values()))
        cells = [module, *[shown(relative(row, label)) for label in labels]]
        cells += [shown(row.cosines[p]) for p in pairs] + [
            shown(row.sign_conflicts[p]) for p in pairs
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return ["## Geometry", f"{note[0].upper()}{note[1:]}.", "\n".join(lines)]


def relative(row: TensorGeometry, label: str) -> float | None:
    """Norm of a task vector over the norm of the base."""
    return row.norms[label] / row.base_norm if row.base_norm > 0 else None


def shown(value: float | None) -> str:
    """A number for a table; a dash for one that is not defined."""
    return "-" if value is None else f"{value:.3f}"
