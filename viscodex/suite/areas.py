"""Areas and languages of questions, by their tags and by what a teacher says.

in:  tags of a question; names as a model writes them
out: area and language of the closed lists of a suite
not covered: asking the teacher (ask.py)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from viscodex.tasks.cases import AREAS

SHARES = {
    "front-end": 0.31,
    "back-end": 0.23,
    "ds-ml": 0.30,
    "mobile-desktop": 0.13,
    "it-ops": 0.03,
}
"""Of the paper's suite (figure 1)."""

PREFIXES = {
    "front-end": "fe",
    "back-end": "be",
    "ds-ml": "ds",
    "mobile-desktop": "md",
    "it-ops": "io",
}
"""Area -> how the ids of its cases begin."""

LANGUAGES: dict[str, tuple[str, ...]] = {
    "python": ("python-3.x", "python-2.7", "pandas", "numpy", "matplotlib", "django", "flask", "seaborn", "plotly", "tkinter", "pyqt5", "tensorflow", "keras", "pytorch", "scikit-learn", "jupyter-notebook", "opencv"),
    "javascript": ("js", "jquery", "node.js", "nodejs", "reactjs", "vue.js", "d3.js", "chart.js", "react-native", "express", "ecmascript-6"),
    "typescript": ("ts", "angular", "ionic-framework"),
    "html": ("html5", "svg", "twitter-bootstrap", "bootstrap-4"),
    "css": ("css3", "sass", "flexbox", "css-grid", "tailwind-css"),
    "java": ("spring", "spring-boot", "swing", "javafx", "android", "hibernate"),
    "kotlin": ("android-jetpack-compose", "kotlin-coroutines"),
    "swift": ("ios", "swiftui", "xcode", "uikit"),
    "dart": ("flutter",),
    "c#": ("csharp", "wpf", "winforms", "asp.net", "asp.net-mvc", "asp.net-core", "xamarin", "unity3d", ".net", "xaml"),
    "c++": ("cpp", "qt", "opengl"),
    "c": (),
    "go": ("golang",),
    "rust": (),
    "php": ("laravel", "wordpress", "symfony"),
    "ruby": ("ruby-on-rails",),
    "r": ("ggplot2", "shiny", "dplyr", "r-markdown"),
    "sql": ("mysql", "postgresql", "sql-server", "sqlite", "tsql", "oracle"),
    "bash": ("shell", "linux", "docker", "docker-compose", "git", "nginx", "ubuntu", "ssh", "kubernetes"),
    "powershell": (),
    "vba": ("excel-vba", "excel"),
}  # fmt: skip
"""Language -> tags and spellings that stand for it."""

_AREA_TAGS: dict[str, tuple[str, ...]] = {
    "front-end": ("html", "css", "javascript", "typescript", "jquery", "reactjs", "vue.js", "angular", "d3.js", "chart.js", "svg", "twitter-bootstrap", "flexbox", "css-grid", "tailwind-css", "sass", "html5", "css3"),
    "back-end": ("sql", "mysql", "postgresql", "sql-server", "java", "c#", "c++", "c", "go", "rust", "php", "ruby", "spring", "spring-boot", "django", "flask", "laravel", "node.js", "express", "asp.net", "asp.net-mvc", "asp.net-core", "hibernate", "ruby-on-rails", "algorithm", "data-structures", "mongodb"),
    "ds-ml": ("pandas", "numpy", "matplotlib", "seaborn", "plotly", "r", "ggplot2", "shiny", "dplyr", "machine-learning", "deep-learning", "tensorflow", "keras", "pytorch", "scikit-learn", "jupyter-notebook", "opencv", "statistics", "dataframe", "matlab", "excel"),
    "mobile-desktop": ("android", "ios", "swift", "swiftui", "kotlin", "flutter", "dart", "react-native", "xamarin", "wpf", "winforms", "qt", "pyqt5", "tkinter", "swing", "javafx", "xaml", "xcode", "android-layout", "android-studio", "ionic-framework", "unity3d", "uikit"),
    "it-ops": ("docker", "docker-compose", "kubernetes", "linux", "bash", "shell", "git", "nginx", "ubuntu", "ssh", "powershell", "amazon-web-services", "azure", "jenkins", "github-actions", "networking", "dns", "apache"),
}  # fmt: skip


def language_named(text: str) -> str:
    """The language of a spelling; empty where there is none."""
    wanted = text.strip().lower()
    for name, others in LANGUAGES.items():
        if wanted == name or wanted in others:
            return name
    return ""


def language_of_tags(tags: Sequence[str]) -> str:
    """The language that the tags name: plainly, or by something that is used with it."""
    plain = [tag for tag in tags if tag in LANGUAGES]
    told = plain or [name for tag in tags if (name := language_named(tag))]
    return Counter(told).most_common(1)[0][0] if told else ""


def area_of_tags(tags: Sequence[str]) -> str:
    """The area that most tags stand for; empty where none does. The rarer area wins a tie."""
    votes = Counter(area for area, known in _AREA_TAGS.items() for tag in tags if tag in known)
    return max(votes, key=lambda area: (votes[area], -SHARES[area])) if votes else ""


def quotas(n: int, shares: dict[str, float]) -> dict[str, int]:
    """How many cases of each area, n in all: largest remainders first.

    Args:
        shares: area -> weight; areas that are not named get none.
    """
    whole = sum(shares.values())
    exact = {area: n * shares.get(area, 0.0) / whole for area in AREAS}
    made = {area: int(value) for area, value in exact.items()}
    rest = sorted(AREAS, key=lambda area: (made[area] - exact[area], area))
    for area in rest[: n - sum(made.values())]:
        made[area] += 1
    return made
