"""Merge two models in Python, and look at what happened. Makes a small trio first; needs no download."""

from pathlib import Path

import viscodex
from viscodex.nano.trio import make_trio

folder = Path("example-merge")
if not folder.exists():
    make_trio(folder)  # folder/base, folder/vlm, folder/code

# theta = 0.7 theta_vlm + 0.3 theta_code for the language model; the vision tower is the VLM's
report = viscodex.merge(
    vlm=folder / "vlm",
    code=folder / "code",
    base=folder / "base",  # not read by this method: it cancels; measured in the report
    lam=0.7,
    out=folder / "merged",
    resume=True,  # run it twice: the second run finds the work done
)
print(f"{report.counts['merge']} tensors merged, {report.counts['copy']} copied")
for row in report.geometry[:5]:
    print(f"{row.name:45s} cosine of the task vectors {row.cosines['vlm,code']:+.3f}")
