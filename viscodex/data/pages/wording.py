"""The copy of a page: names, prices, dates, sentences of one company.

in:  a random generator and a trade
out: texts without slots
not covered: the stock of sentences (trades.py)
"""

from __future__ import annotations

import datetime
from random import Random

from viscodex.data.pages.trade import Measure, Trade


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _words(
    "Amara Jonas Priya Mateo Ingrid Samuel Leila Tomas Hana Oliver Noor Felix Grace Kenji Sofia Daniel Maya Anton "
    "Elena Marcus Aisha Peter Yuki Clara Omar Ruth Luca Nina Victor Zoe Idris Martha Ravi Julia Eric Salma"
)
FAMILY = _words(
    "Okafor Lindqvist Sharma Alvarez Berg Whitfield Haddad Novak Tanaka Price Rahman Keller Morgan Sato Marino "
    "Osei Fischer Petrov Duarte Hughes Khan Larsen Mori Weiss Nasser Bell Conti Brandt Silva Ward Farouk Lowe"
)
CITIES = _words(
    "Lisbon Leeds Portland Ghent Austin Malmo Porto Denver Bristol Turin Halifax Utrecht Adelaide Galway Tampa "
    "Leipzig Boise Aarhus Bilbao Cork"
)
STREETS = _words("Mill Harbour Station Orchard Chapel King Canal Market Foundry Elm Bridge Garden")
MONTHS = _words(
    "January February March April May June July August September October November December"
)
DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

_OPENERS = (
    "{brand} makes {things} for {audience}.",
    "We are a team of {n} people in {city}, and we care about {things}.",
    "Everything here is made for {audience}, by people who are just that.",
    "Since {year} {brand} has been known for {things}.",
    "Good work needs little fuss: {things}, fairly priced and explained in plain words.",
    "What began in {year} as a weekend project now serves {audience} in {n} cities.",
)
_LEADS = (
    "{Things} for {audience}, made with care in {city}.",
    "Join more than {n}00 others who rely on {brand}.",
    "Simple, honest and built for {audience}.",
    "{Things}, without the fuss.",
    "We help {audience} do more with less effort.",
    "Everything you need, from the first question to the last detail.",
    "Trusted by {audience} since {year}.",
)
_TOPICS = (
    "Ten years of {brand}",
    "What we learned in {year}",
    "Notes from {city}",
    "Meet {person}",
    "Behind the scenes in {city}",
    "Questions that we hear every week",
    "Our plans for the next season",
    "A short guide to {things}",
    "In conversation with {person}",
    "The trouble with shortcuts",
)
_FILL = (
    "It is a small change, but people noticed it at once.",
    "None of this is complicated, and most of it costs nothing.",
    "We wrote down what we learned so that others can skip our mistakes.",
    "Ask three people and you will hear four opinions.",
    "That is why we start with questions and not with a catalogue.",
    "The details took longer than the idea, as they usually do.",
    "Some of it is habit, some of it is luck, and the rest can be learned.",
    "If you only remember one thing from this page, let it be this.",
    "We checked the numbers twice, because they surprised us too.",
    "There is no single right answer, but there are a few wrong ones.",
    "Nobody gets it right the first time.",
    "A short list on the wall helped more than any software.",
)
_PRAISE = (
    "I have recommended {brand} to everybody I know.",
    "Quick answers, fair prices and no surprises. That is rare.",
    "The whole team was patient with all of my questions.",
    "We compared five others before we chose {brand}, and we would do it again.",
    "It simply works, and when it did not, somebody called me back within the hour.",
    "Two years on I am still a happy customer.",
    "You can tell that they do this for {audience} and not for a spreadsheet.",
    "Honest advice, even when it meant that I bought less.",
    "My colleagues in {city} asked me where I had found them.",
)


class Wording:
    """Texts of one company."""

    def __init__(self, rng: Random, trade: Trade) -> None:
        self.rng, self.trade = rng, trade
        first = rng.choice(trade.firsts.split())
        stem = first.lower()[:5]  # no Metric Metrics
        second = rng.choice([name for name in trade.seconds if not name.lower().startswith(stem)])
        self.brand = f"{first} {second}"
        if rng.random() < 0.12 and " " not in second:
            self.brand = f"{first} & {rng.choice(FAMILY)}"
        self.initials = "".join(word[0] for word in self.brand.lower().split() if word[0].isalpha())
        self.words = tuple(trade.sections.split())  # of navigation
        self.city = rng.choice(CITIES)
        self.year = rng.randint(1987, 2021)
        self._used: set[str] = set()
        self._values: dict[str, str] = {}  # a thing has one price on a page, a measure one value

    def fill(self, text: str) -> str:
        """The text with its slots filled."""
        values = {
            "brand": self.brand,
            "city": self.city,
            "year": self.year,
            "things": self.trade.things,
            "Things": self.trade.things[0].upper() + self.trade.things[1:],
            "audience": self.trade.audience,
            "n": self.rng.randint(12, 98),
            "person": self.person() if "{person}" in text else "",
            "offer": self.trade.offers[0][0],
            "day": self.rng.choice(DAYS),
        }
        return text.format(**values)

    def _unused(self, stock: tuple[str, ...]) -> str:
        left = [text for text in stock if text not in self._used]
        if not left:
            self._used.difference_update(stock)
            left = list(stock)
        text = self.rng.choice(left)
        self._used.add(text)
        return self.fill(text)

    def headline(self) -> str:
        """What a landing page says first."""
        return self._unused(self.trade.headlines)

    def lead(self) -> str:
        """A sentence below a headline."""
        return self._unused(_LEADS)

    def about(self) -> str:
        """A sentence about the company."""
        return self._unused(_OPENERS)

    def topic(self) -> str:
        """Title of an article."""
        return self._unused(self.trade.topics + _TOPICS)

    def praise(self) -> str:
        """What a customer says."""
        return self._unused(_PRAISE)

    def sentence(self) -> str:
        """One sentence of an article."""
        return self._unused(self.trade.lines if self.rng.random() < 0.7 else _FILL)

    def paragraph(self, low: int = 2, high: int = 4) -> str:
        """Sentences of an article."""
        return " ".join(self.sentence() for _ in range(self.rng.randint(low, high)))

    def points(self, n: int) -> list[tuple[str, str]]:
        """Titles and sentences of features, new ones as long as there are any."""
        left = [point for point in self.trade.points if point[0] not in self._used]
        stock = left if len(left) >= n else self.trade.points
        chosen = self.rng.sample(stock, min(n, len(stock)))
        self._used.update(title for title, _ in chosen)
        return [(title, self.fill(text)) for title, text in chosen]

    def questions(self, n: int) -> list[tuple[str, str]]:
        """Questions and answers."""
        chosen = self.rng.sample(self.trade.questions, min(n, len(self.trade.questions)))
        return [(question, self.fill(answer)) for question, answer in chosen]

    def sections(self, n: int) -> list[str]:
        """Words of a navigation."""
        return self.rng.sample(self.words, n)

    def offers(self, n: int) -> list[tuple[str, str]]:
        """Different goods with prices."""
        chosen = self.rng.sample(self.trade.offers, min(n, len(self.trade.offers)))
        return [
            (name, self._values.setdefault(name, self.money(low, high)))
            for name, low, high in chosen
        ]

    def money(self, low: int, high: int) -> str:
        """A price: "$12", "$12.90", "$1,290"."""
        whole = self.rng.randint(low, high)
        if high >= 400:
            return f"${whole:,}"
        return f"${whole}" + self.rng.choice(("", ".50", ".90", ".99", ".00"))

    def measures(self, n: int) -> list[tuple[str, str]]:
        """Different numbers that the company watches."""
        chosen = self.rng.sample(self.trade.measures, min(n, len(self.trade.measures)))
        return [
            (measure.label, self._values.setdefault(measure.label, self.figure(measure)))
            for measure in chosen
        ]

    def figure(self, measure: Measure) -> str:
        """A value of a measure, with its unit."""
        number = f"{self.rng.randint(measure.low, measure.high):,}"
        if measure.unit == "$":
            return f"${number}"
        return number + {"": "", "%": "%"}.get(measure.unit, f" {measure.unit}")

    def person(self) -> str:
        """A name that this page has not used."""
        for _ in range(20):
            name = f"{self.rng.choice(GIVEN)} {self.rng.choice(FAMILY)}"
            if name not in self._used:
                break
        self._used.add(name)
        return name

    def date(self, year: bool = True) -> str:
        """A day of the last years, in words."""
        day = datetime.date(2023, 1, 1) + datetime.timedelta(days=self.rng.randrange(1200))
        text = f"{MONTHS[day.month - 1]} {day.day}"
        return f"{text}, {day.year}" if year else text

    def domain(self) -> str:
        """The company's part of an address."""
        letters = "".join(c for c in self.brand.lower() if c.isalnum())
        return f"{letters}.example"

    def email(self, name: str = "hello") -> str:
        """An address at the company."""
        return f"{name.lower().replace(' ', '.')}@{self.domain()}"

    def phone(self) -> str:
        """A telephone number out of the range that is set aside for fiction."""
        return f"(555) 01{self.rng.randint(0, 9)}-{self.rng.randint(1000, 9999)}"

    def address(self) -> str:
        """Street and city."""
        street = self.rng.choice(STREETS)
        return f"{self.rng.randint(2, 180)} {street} Street, {self.city}"
