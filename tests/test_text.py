"""Code out of answers: every way in which models write it, and what is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscodex.text import fences, read_answer, repeats
from viscodex.types import Answer, Completion

CODE = "import math\nprint(math.pi)"


def _read(text: str, language: str = "python", reason: str | None = None) -> Answer:
    return read_answer("a", Completion(text, reason), language)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (f"```python\n{CODE}\n```", ()),
        (f"```py\n{CODE}\n```\n", ()),
        (f"```Python3 title=x\n{CODE}\n```", ()),
        (f"~~~python\n{CODE}\n~~~", ()),
        (f"````python\n{CODE}\n````", ()),
        (f"```\n{CODE}\n```", ()),
        (f"```{{.python}}\n{CODE}\n```", ()),
        (f"Here you are:\n\n```python\n{CODE}\n```\nEnjoy!", ("prose",)),
        (
            f"1. Run this:\n   ```python\n   {CODE.replace(chr(10), chr(10) + '   ')}\n   ```",
            ("prose",),
        ),
        (f"```python\r\n{CODE}\r\n```".replace("\n", "\r\n"), ()),
        (f"```bash\npip install x, y and z, many packages\n```\n```python\n{CODE}\n```", ()),
        (f"```python\nx = 1\n```\n```python\n{CODE}\n```", ("several_fences",)),
        (f"<think>maybe ```python\n1\n```</think>\n```python\n{CODE}\n```", ()),
        (CODE, ("no_fence",)),
        (f"{CODE}\n```", ("no_fence",)),
        (f"{CODE}\n```\nIt prints pi.", ("no_fence",)),
        (f"Sure, this works.\n\n{CODE}", ("no_fence",)),
    ],
)
def test_code_is_found_however_it_is_written(text: str, notes: tuple[str, ...]) -> None:
    answer = _read(text)
    assert (answer.code.replace("\r", ""), answer.problem, answer.notes) == (CODE, "none", notes)
    assert answer.language == "python"


def test_inline_fence() -> None:
    assert _read("Use ```python print(1)``` here").code == "print(1)"


@pytest.mark.parametrize("text", ["", "  \n", "<think>hm</think>\n"])
def test_empty_answer_is_no_code(text: str) -> None:
    answer = _read(text)
    assert (answer.code, answer.problem, answer.notes) == ("", "no_code", ("empty",))


@pytest.mark.parametrize(
    "text", ["I cannot help with that.", "The result is 7.", "```python\n\n```"]
)
def test_prose_is_no_code(text: str) -> None:
    assert _read(text).problem == "no_code"


@pytest.mark.parametrize(
    ("text", "reason", "problem"),
    [
        (f"```python\n{CODE}", None, "truncated"),
        (f"```python\n{CODE}", "stop", "none"),
        (f"```python\n{CODE}\n```", "length", "truncated"),
        (f"```python\n{CODE}", "max_tokens", "truncated"),
        ("Let me think about", "length", "truncated"),
        ("```python\n" + "plt.plot([1, 2])\n" * 60, "length", "repetition"),
        ("no " * 400, None, "repetition"),
        ("```python\n" + CODE + "\n# " + "ab" * 300, None, "repetition"),
    ],
)
def test_what_is_wrong_with_an_answer(text: str, reason: str | None, problem: str) -> None:
    assert _read(text, reason=reason).problem == problem


def test_truncated_code_is_kept() -> None:
    assert _read(f"```python\n{CODE}").code == CODE


def test_page_without_a_fence() -> None:
    page = "<!DOCTYPE html>\n<html><body>x</body></html>"
    answer = _read(f"Here:\n{page}\nDone.", "html")
    assert (answer.code, answer.language, answer.problem) == (page, "html", "none")
    assert _read(page[:30], "html").problem == "truncated"


def test_table_of_numbers_is_no_loop() -> None:
    rows = ", ".join(str(n * 37 % 101) for n in range(400))
    assert not repeats(f"data = [{rows}")
    assert not repeats("# " + "=" * 1000)  # a rule, not a loop


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    answer = _read(text)
    assert (answer.problem == "no_code") <= (not answer.code.strip())
    assert answer.code == "" or answer.problem != "no_code" or not answer.code.strip()


@given(
    st.text(alphabet=st.characters(blacklist_characters="`~\r", blacklist_categories=("Cs", "Cc")))
)
def test_fenced_text_comes_back_as_it_was(code: str) -> None:
    (fence,) = fences(f"```python\n{code}\n```")
    assert (fence.code, fence.closed, fence.language) == (code, True, "python")
