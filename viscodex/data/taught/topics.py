"""What a teacher is asked to make: types of charts, topics, looks; kinds of pages and their parts.

in:  a random generator
out: the texts that fill the slots of prompts
not covered: the prompts themselves (data/prompts/)
"""

from __future__ import annotations

from random import Random

CHART_KINDS: dict[str, float] = {
    "vertical bar chart": 1.4, "horizontal bar chart": 1.1, "grouped bar chart": 1.3, "stacked bar chart": 1.2,
    "diverging bar chart": 0.6, "waterfall chart": 0.5, "line chart": 1.6, "line chart with markers and error bars": 0.9,
    "line chart with a shaded confidence band": 0.9, "step chart": 0.5, "stacked area chart": 0.9, "stem plot": 0.4,
    "line chart with two y-axes": 0.8, "scatter plot": 1.3, "scatter plot with a regression line": 0.8,
    "bubble chart": 0.9, "pie chart": 0.8, "donut chart": 0.8, "radar chart": 0.9, "polar bar chart": 0.6,
    "histogram": 1.0, "overlaid histograms": 0.7, "density plot": 0.7, "box plot": 1.0, "violin plot": 0.9,
    "strip plot over a box plot": 0.5, "ridgeline plot": 0.5, "heatmap with values": 1.0, "correlation matrix": 0.6,
    "filled contour plot": 0.8, "vector field": 0.6, "3D surface": 0.7, "3D scatter plot": 0.5, "3D bar chart": 0.4,
    "network graph": 0.7, "treemap drawn with rectangles": 0.5, "Gantt chart": 0.5, "candlestick chart": 0.5,
    "Pareto chart": 0.4, "lollipop chart": 0.6, "dumbbell chart": 0.5, "slope chart": 0.4, "hexagonal binning": 0.4,
    "figure of two panels that share an axis": 0.9, "figure of four panels with different types of charts": 0.9,
    "figure with an inset axes that enlarges a part": 0.6,
}  # fmt: skip
"""Type of chart -> weight."""

CHART_TOPICS: tuple[str, ...] = (
    "energy consumption of a hospital", "yield of wheat by soil and rain", "sales of a bookshop by genre",
    "training loss of neural networks", "latency of a web service", "tides at a harbour", "rainfall over ten years",
    "air quality in a city", "visitors of museums", "prices of coffee", "rents by district", "ages in a village",
    "growth of bacteria", "reaction rates at several temperatures", "spectrum of a star", "heights of a tree stand",
    "delays of trains", "passengers of an airport", "traffic by hour of the day", "fuel use of vans",
    "grades of a class", "votes in a council", "budget of a town", "turnover of a bakery", "returns of a portfolio",
    "inflation of food prices", "exchange rates", "unemployment by region", "working hours by occupation",
    "goals in a season", "heart rate of a runner", "lap times", "calories of meals", "sleep of shift workers",
    "blood pressure in a trial", "dose and response of a drug", "survival of patients", "waiting times in a clinic",
    "battery life of phones", "throughput of a disk", "cache misses of a program", "memory of a process",
    "accuracy of classifiers", "attention weights of a model", "errors of a sensor", "vibration of a machine",
    "stress and strain of steel", "flow in a pipe", "temperature in a room", "noise near a road",
    "catches of fish", "migration of birds", "sizes of shells", "pollen in spring", "water level of a reservoir",
    "harvest of olives", "milk of a herd", "sugar in fruit", "downloads of a library", "issues of a project",
    "load of a solar plant", "wind by direction", "carbon emissions by sector", "recycling by material",
    "loans of a library", "tickets of a theatre", "listeners of a radio station", "streams of songs",
    "mentions in newspapers", "lengths of words", "letters in a language", "gene expression", "allele frequencies",
    "proteins by mass", "depths of earthquakes", "slopes of a mountain", "ages of rocks", "melting of glaciers",
)  # fmt: skip

CHART_STYLES: tuple[str, ...] = (
    "plain and printed, black and one grey", "muted blues on white", "warm earth tones", "pastel colours, no spines",
    "dark background with bright lines", "the ggplot style", "a seaborn whitegrid theme", "a seaborn ticks theme, despined",
    "Okabe-Ito colours for the colour-blind", "viridis colours in order", "one strong colour, all others grey",
    "newspaper look: bold title on the left, thin grid", "scientific paper: small serif fonts, inward ticks",
    "slides: large fonts, thick lines", "hatches instead of colours", "rounded, friendly, soft grey background",
    "high contrast, heavy grid", "values written on the marks, no grid", "annotations with arrows at what matters",
    "a horizontal line for the target, with a note", "legend outside on the right", "legend below in columns",
    "direct labels instead of a legend", "alternating bands in the background", "a coolwarm palette",
    "monospaced texts, terminal green on black", "teal and orange", "purple to yellow", "red for losses, green for gains",
    "minimal ink: no box, no grid, few ticks", "log scale where it helps", "a subtitle in grey below the title",
)  # fmt: skip

DIFFICULTIES: tuple[tuple[str, float], ...] = (
    ("simple: one series or few values", 0.2),
    ("middle: two to four series, or a legend and annotations", 0.5),
    ("dense: many series or panels, several kinds of marks, annotations", 0.9),
)
"""(what is asked for, what the sample's difficulty is)"""

PAGE_TOPICS: tuple[str, ...] = (
    "the home page of a bakery", "the menu of a small restaurant", "the shop of a potter", "a product page for a lamp",
    "a cart with a summary of the order", "a page of prices with three plans", "the sign-up form of a sports club",
    "the login of a bank", "the dashboard of a weather station", "the dashboard of an online shop", "a mail client",
    "a calendar of a music school", "a board of tasks", "the profile of a photographer", "a gallery of a museum",
    "the blog of a gardener", "an article about a bridge", "the front page of a local newspaper", "a recipe with steps",
    "the documentation of a command-line tool", "a list of frequently asked questions", "a page of search results",
    "the listing of a flat", "a list of hotels", "the timetable of a ferry", "a page that sells train tickets",
    "a conference with speakers and programme", "an invitation to a wedding", "a charity that asks for a gift",
    "the careers page of an engineering firm", "a single job", "the team of a law office", "a course with lessons",
    "the results of a football league", "the page of a podcast", "an album with tracks", "a film with its cast",
    "a forum thread", "a chat of a support desk", "the settings of an account", "an invoice", "a status page of servers",
    "a comparison of bicycles", "a table of exchange rates", "a landing page of a note-taking app",
    "a landing page of a garden sensor", "the page of a dentist", "a library's catalogue", "a page of a national park",
    "the archive of a magazine", "a page that nothing was found", "a newsletter in a browser", "a quiz with answers",
)  # fmt: skip

PAGE_PARTS: tuple[str, ...] = (
    "a header with navigation", "a search field", "a hero with a large heading and a button", "a breadcrumb",
    "a grid of cards with pictures", "a list with small pictures", "a table with at least five rows",
    "a sidebar with filters", "a sidebar with links", "a form with labels", "tabs", "a timeline", "quotes of customers",
    "a row of figures", "a progress bar", "badges", "a map drawn as a box", "a footer of several columns",
    "a banner with a notice", "two columns of text", "an author with a portrait", "a rating with stars",
    "pagination", "a price list", "a small bar chart drawn with CSS", "an accordion that is open", "a call to action",
)  # fmt: skip


def chart_slots(rng: Random, kinds: dict[str, float]) -> tuple[dict[str, str], float]:
    """The slots of chart_write-1, and the difficulty, 0 .. 1."""
    kind = rng.choices(list(kinds), list(kinds.values()))[0]
    words, difficulty = rng.choice(DIFFICULTIES)
    first, second = rng.sample(CHART_STYLES, 2)
    style = first if rng.random() < 0.6 else f"{first}; {second}"
    topic = f"{rng.choice(CHART_TOPICS)} (variation {rng.randint(1, 999)})"
    return {"kind": kind, "topic": topic, "style": style, "difficulty": words}, difficulty


def page_slots(rng: Random) -> tuple[dict[str, str], float]:
    """The slots of page_design-1, and the difficulty, 0 .. 1."""
    n = rng.randint(2, 6)
    topic = f"{rng.choice(PAGE_TOPICS)} (variation {rng.randint(1, 999)})"
    parts = "; ".join(rng.sample(PAGE_PARTS, n))
    return {"topic": topic, "parts": parts}, round(n / 6, 2)
