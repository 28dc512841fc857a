"""How alike two matched pages are: block match, text, position, colour.

in:  a Match of their blocks
out: the four values
not covered: CLIP's view of the pages (inpaint.py), matching (matching.py)

The official algorithm, NoviScl/Design2Code at 7a575e4, written anew from a description.
"""

from __future__ import annotations

import numpy as np

from viscodex.tasks.color import ciede2000, lab_from_rgb
from viscodex.tasks.design2code.blocks import Block
from viscodex.tasks.design2code.matching import Match

METRICS = ("block_match", "text", "position", "color")


def compare(match: Match) -> dict[str, float]:
    """The four values of a match; all 0 where no pair counts.

    Text, position and colour are means over the pairs that count alone: what has no partner shows
    in block_match only.
    """
    if not match.pairs:
        return dict.fromkeys(METRICS, 0.0)
    pairs = [(match.candidate[p.candidate], match.reference[p.reference]) for p in match.pairs]
    ours, theirs = {p.candidate for p in match.pairs}, {p.reference for p in match.pairs}
    lonely = sum(b.area for i, b in enumerate(match.candidate) if i not in ours)
    lonely += sum(b.area for j, b in enumerate(match.reference) if j not in theirs)
    matched = [a.area + b.area for a, b in pairs]
    colors = np.array([[a.color, b.color] for a, b in pairs]) / 255.0  # (pairs, 2, 3)
    lab = lab_from_rgb(colors)
    alike = np.maximum(0.0, 1.0 - ciede2000(lab[:, 0], lab[:, 1]) / 100.0)
    return {  # sums by numpy and in this order: the last digit is the official one
        "block_match": float(np.sum(matched) / np.sum([lonely, *matched])),
        "text": float(np.mean([p.similarity for p in match.pairs])),
        "position": float(np.mean([closeness(a, b) for a, b in pairs])),
        "color": float(alike.mean()),
    }


def closeness(a: Block, b: Block) -> float:
    """1 minus the larger distance of the centres, each as fractions of its own page."""
    x, y = (abs((a.box[k] + a.box[k + 2] / 2) - (b.box[k] + b.box[k + 2] / 2)) for k in (0, 1))
    return 1 - max(x, y)
