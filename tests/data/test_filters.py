"""The common filters: each rejects what it is for, says by which numbers, and lets good drafts pass."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscodex.data.draft import Draft, Evidence, Finding
from viscodex.data.filters import (
    TELLING,
    common_filters,
    is_allowed,
    judge_sample,
    language_share,
    latin_share,
    repetition,
)
from viscodex.errors import BadRecipe
from viscodex.types import Message, Sample

CHART = '''\
"""Monthly rainfall of two cities."""
import matplotlib.pyplot as plt

months = ["Jan", "Feb", "Mar", "Apr"]
bergen = [190, 152, 170, 114]  # in millimetres, from the weather station on the hill
oslo = [49, 36, 47, 41]
fig, ax = plt.subplots(figsize=(8, 5))
ax.plot(months, bergen, label="Bergen")
ax.plot(months, oslo, label="Oslo")
ax.set_title("Where it rains more, and when")
ax.legend()
plt.savefig("rain.png")
'''

SPOKEN = {
    "en": "The bars that show how much each of the shops sold are not in the order which you want, "
    "and it is this that the question was about, so they should be sorted with the key.",
    "de": "Die Balken zeigen, wie viel von den Läden verkauft wird, und sie sind nicht sortiert, "
    "aber das ist für die Frage wichtig, weil der Wert mit dem Monat steigt oder sich ändert.",
    "fr": "Les barres qui montrent les ventes des magasins ne sont pas dans un ordre que vous "
    "voulez, et il est important pour la question, mais elles ont été triées par le mois.",
    "es": "Las barras que muestran las ventas de las tiendas no están en el orden que se quiere, "
    "y es por esto que la pregunta era sobre el mes, pero los datos son de una tienda sin más.",
    "it": "Le barre che mostrano le vendite dei negozi non sono in ordine, e questo è per la "
    "domanda, ma gli altri dati sono nel mese di maggio, con il valore che si vede più alla fine.",
    "pt": "As barras que mostram as vendas das lojas não são em ordem, e isto é para a pergunta "
    "sobre o mês, mas os dados na loja foram por uma pessoa que não se vê mais ao fim do dia.",
    "nl": "De staven die het aantal van de winkels tonen zijn niet in de volgorde dat er werd "
    "gevraagd, en het is voor deze vraag ook van belang om te zien hoe de waarde met de maand gaat.",
}


def draft(code: str = CHART, language: str = "python", **facts: Any) -> Draft:
    return Draft("chart-1", "chart", "line", code, language, 0.5, 0, facts)


def judged(made: Draft, **settings: Any) -> tuple[str, Finding] | None:
    for rule in common_filters(**settings):
        if finding := rule.check(made, Evidence(())):
            return rule.name, finding
    return None


def test_a_good_draft_passes() -> None:
    assert judged(draft(question=SPOKEN["en"], licence="CC0-1.0")) is None


def test_filters_have_names_and_explain_themselves_with_their_thresholds() -> None:
    rules = common_filters(max_lines=77, max_repetition=0.25, licences=["mit"])
    assert [rule.name for rule in rules] == ["length", "language", "repetition", "licence"]
    told = " ".join(rule.explain for rule in rules)
    assert all(word in told for word in ("77", "25%", "mit", "en"))
    assert [r.name for r in common_filters(language=None, licences=None)] == [
        "length",
        "repetition",
    ]


@pytest.mark.parametrize(
    ("code", "what", "found", "limit"),
    [
        ("x = 1", "characters", 5, 20),
        (CHART * 100, "characters", len(CHART) * 100, 30_000),
        ("x = 1\n" * 1001, "lines", 1001, 1000),
        ("data = [" + "1, " * 700 + "]\n", "characters in one line", 2109, 2000),
    ],
)
def test_code_of_the_wrong_length_is_rejected(code: str, what: str, found: int, limit: int) -> None:
    verdict = judged(draft(code))
    assert verdict is not None
    name, finding = verdict
    assert name == "length"
    assert finding.reason == f"{found} {what}; the limit is {limit}"
    assert finding.numbers == {"found": found, "limit": limit}


def test_a_sample_without_code_has_no_length() -> None:
    assert judged(draft("", "")) is None


@pytest.mark.parametrize("language", SPOKEN)
def test_each_language_is_told_from_the_others(language: str) -> None:
    assert (language_share(SPOKEN[language], language) or 0) >= 0.6
    for other in set(TELLING) - {language}:
        assert (language_share(SPOKEN[language], other) or 0) < 0.6


@pytest.mark.parametrize("language", sorted(set(SPOKEN) - {"en"}))
def test_other_languages_are_rejected_in_questions_comments_and_pages(language: str) -> None:
    text = SPOKEN[language]
    assert (judged(draft(question=text)) or ("",))[0] == "language"
    assert (judged(draft(f"# {text}\nplt.plot([1, 2, 3])\n")) or ("",))[0] == "language"
    page = f"<html><style>.the-and-of {{ color: red }}</style><p>{text}</p></html>"
    assert (judged(draft(page, "html")) or ("",))[0] == "language"
    assert judged(draft(question=text), language=language) is None


@pytest.mark.parametrize(
    "text", ["销售额随着季度增长 南方地区的增长最快 其次是北方地区" * 3, "売上は四半期ごとに伸びており 南の地域が最も速く伸びています"]
)  # fmt: skip
def test_other_scripts_are_rejected(text: str) -> None:
    verdict = judged(draft(question=f"{text} {text} {text}"))
    assert verdict is not None
    assert verdict[0] == "language"
    assert verdict[1].numbers["share"] < verdict[1].numbers["least"] == 0.6


def test_too_little_text_tells_no_language() -> None:
    assert latin_share("销售额") is None
    assert language_share("Bergen Oslo Jan Feb") is None
    assert judged(draft("plt.plot([1, 2, 3])\nplt.title('Umsatz')\n")) is None


def test_an_unknown_language_is_refused_at_once() -> None:
    with pytest.raises(BadRecipe, match="cannot be told"):
        common_filters(language="tlh")


LOOPS = {
    "word": "and so " * 200,
    "line": "ax.plot(first, second, color='red')\n" * 60,
    "block": "".join(f"<div class='c'><p>one</p><p>two {i % 1}</p></div>\n" for i in range(40)),
    "zeros": f"data = [{'0, ' * 600}]",
}


@pytest.mark.parametrize("loop", LOOPS)
def test_text_that_goes_round_in_circles_is_rejected(loop: str) -> None:
    verdict = judged(draft(CHART + LOOPS[loop]))
    assert verdict is not None and verdict[0] == "repetition"
    assert verdict[1].numbers["share"] > 0.5
    verdict = judged(draft(answer="We see that " + LOOPS[loop]))
    assert verdict is not None and verdict[0] == "repetition"


def test_tables_of_different_values_are_no_repetition() -> None:
    rng = random.Random(0)
    rows = "".join(f"<tr><td>{rng.random()}</td><td>{rng.random()}</td></tr>\n" for _ in range(200))
    assert repetition(rows) < 0.2
    assert repetition(CHART) < 0.2
    assert repetition("") == repetition("a b c") == 0


@given(st.lists(st.sampled_from("abcdefghij"), min_size=5, max_size=30), st.integers(10, 20))
def test_a_phrase_said_often_is_nearly_all_of_a_text(phrase: list[str], times: int) -> None:
    text = " ".join(phrase * times)
    assert repetition(text) == 1.0
    assert 0 <= repetition(text + " " + SPOKEN["en"] * 5) < 1.0


@pytest.mark.parametrize(
    ("licence", "good"),
    [
        ("MIT", True), ("Apache-2.0", True), ("CC0-1.0", True), ("cc-by-sa-4.0", True),
        ("GPL-3.0-only", False), ("CC-BY-NC-4.0", False), ("", False), ("unknown", False),
        ("GPL-2.0-only OR MIT", True), ("MIT AND GPL-3.0-only", False), ("MIT and Apache-2.0", True),
        ("(GPL-2.0-only OR BSD-3-Clause)", True),
    ],
)  # fmt: skip
def test_only_licences_that_let_it_be_handed_on_pass(licence: str, good: bool) -> None:
    assert is_allowed(licence) is good
    assert (judged(draft(licence=licence)) is None) is good


def test_the_allow_list_is_settable() -> None:
    assert judged(draft(licence="GPL-3.0-only"), licences=["gpl-3.0-only"]) is None
    assert judged(draft(licence="MIT"), licences=["gpl-3.0-only"]) is not None
    assert judged(draft(licence="anything"), licences=None) is None


def test_a_sample_is_judged_by_its_texts_and_must_name_its_licence() -> None:
    def told(ask: str, answer: str, **meta: Any) -> Sample:
        turns = (Message("user", f"<image>{ask}"), Message("assistant", answer))
        return Sample("mcd-1", "chart", turns, language="python", meta=meta)

    rules = common_filters()
    answer = f"Here it is.\n```python\n{CHART}```"
    assert judge_sample(told(SPOKEN["en"], answer, licence="MIT"), rules) is None
    for sample, name in (
        (told(SPOKEN["en"], answer), "licence"),
        (told(SPOKEN["de"], answer, licence="MIT"), "language"),
        (told(SPOKEN["en"], "```python\nx = 1\n```", licence="MIT"), "length"),
        (told(SPOKEN["en"], "I am sorry, " * 100, licence="MIT"), "repetition"),
    ):
        verdict = judge_sample(sample, rules)
        assert verdict is not None and verdict[0] == name
