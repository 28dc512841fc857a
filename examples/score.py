"""Score recorded answers: two problems in MMCode's format, three answers, both protocols.

python examples/score.py
"""

import json
import tempfile
from pathlib import Path

from viscodex.tasks.answers import read_answers
from viscodex.tasks.run import score_answers
from viscodex.tasks.task import task

PROBLEMS = [
    {
        "problem_id": name,
        "question": f"Read two whole numbers and print {what}. ![image](1.png)",
        "input_output": json.dumps({"inputs": ["3 4\n", "5 -5\n"], "outputs": outputs}),
        "image_tags": ["Math"],
        "data_split": "test",
    }
    for name, what, outputs in [("sum", "their sum", ["7", "0"]), ("max", "the larger", ["4", "5"])]
]
ANSWERS = [
    {"id": "sum", "answer": "```python\nimport sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))\n```"},
    {"id": "max", "answer": "Sure!\n```python\nprint(max(map(int, input().split())))\n```"},
]  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, rows in (("problems.jsonl", PROBLEMS), ("answers.jsonl", ANSWERS)):
            (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
        mmcode = task("mmcode")
        benchmark = mmcode.read(folder / "problems.jsonl")
        answers = read_answers(folder / "answers.jsonl")
        reports = score_answers(mmcode, benchmark, answers, folder / "run")
        for protocol, report in reports.items():
            print(f"{protocol}: pass@1 {100 * report.metrics['pass@1'].all:.1f} of {report.n}")
            for score in report.rows:
                print(f"  {score.sample_id}: {score.values['pass@1']:.0f} {score.reason}")


if __name__ == "__main__":
    main()
