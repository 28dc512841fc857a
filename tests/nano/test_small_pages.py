"""Small pages, rendered by the real browser."""

import io

from PIL import Image

from viscodex.nano.small_pages import KINDS, WINDOW, SmallPages


def test_every_kind_is_shown_kept_and_told(machine):
    source = SmallPages(5)
    drafts = {}
    for index in range(200):
        draft = source.draft(index)
        drafts.setdefault(draft.kind, draft)
    assert set(drafts) == set(KINDS)
    for draft in drafts.values():
        evidence = source.execute(draft, machine)
        found = [f.name for f in source.filters if f.check(draft, evidence)]
        assert not found, (draft.kind, found)
        assert Image.open(io.BytesIO(evidence.images[0])).size == WINDOW
        told = {sample.task: sample for sample in source.tell(draft, evidence)}
        assert set(told) == {"code", "ocr", "describe"}
        assert draft.code.strip() in told["code"].answer
        for line in told["ocr"].answer.splitlines():
            assert line in told["describe"].answer


def test_a_page_is_a_function_of_seed_and_index():
    assert SmallPages(5).draft(7) == SmallPages(5).draft(7) != SmallPages(6).draft(7)
