"""Small charts, drawn for real."""

import io

from PIL import Image

from viscodex.nano.small_charts import KINDS, SmallCharts

SIZE = (336, 252)


def test_every_kind_is_drawn_kept_and_told(machine):
    source = SmallCharts(5)
    drafts = {}
    for index in range(400):
        draft = source.draft(index)
        drafts.setdefault(draft.kind, []).append(draft)
    assert set(drafts) == set(KINDS)
    for kind, some in drafts.items():
        kept = None
        for draft in some[:4]:
            evidence = source.execute(draft, machine)
            assert evidence.executions[0].status == "ok"
            if not [f.name for f in source.filters if f.check(draft, evidence)]:
                kept = draft, evidence
                break
        assert kept is not None, kind
        draft, evidence = kept
        assert Image.open(io.BytesIO(evidence.images[0])).size == SIZE
        told = {sample.task: sample for sample in source.tell(draft, evidence)}
        assert set(told) == {"code", "ocr", "describe", "table", "question"}
        assert draft.code.strip() in told["code"].answer
        title = draft.facts["title"]
        assert title in told["ocr"].answer and title in told["describe"].answer
        figure = evidence.executions[0].figure
        shown = {box.text for box in figure.boxes}
        assert set(told["ocr"].answer.splitlines()) <= shown


def test_a_chart_is_a_function_of_seed_and_index():
    assert SmallCharts(5).draft(7) == SmallCharts(5).draft(7) != SmallCharts(6).draft(7)
