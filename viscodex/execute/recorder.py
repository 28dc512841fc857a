"""What a chart script draws: hooks on matplotlib, networkx, squarify and matplotlib-venn.

in:  a Python process of a runtime in which a chart script is about to run
out: texts, layouts, calls and colours as ChartMimic's evaluators log them, the pictures, the
     axes (axes.py): plain data, ready for JSON
not covered: isolation and proof of completion (zygote.py); cutting and re-indenting scripts, the
     filter of more than ten colours and the scores (tasks/)

Runs inside the sandbox with the standard library and the plotting stack only: nothing of ours but
its neighbour is imported. The semantics of the record, with the official code's oddities, stand in
docs/sandbox.md; each hook here says which rule it keeps.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import io
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MAX_FIGURES = 32
MAX_PIXELS = 50_000_000
MAX_TEXTS = 20_000  # strings of one run
MAX_COLORS = 20_000  # artists of one run
DPI = 100

AXES = [
    "bar",
    "barh",
    "plot",
    "axhline",
    "axvline",
    "axvspan",
    "axhspan",
    "hlines",
    "vlines",
    "errorbar",
    "boxplot",
    "violinplot",
    "violin",
    "hist",
    "fill_between",
    "fill_betweenx",
    "scatter",
    "quiver",
    "pie",
    "fill",
    "imshow",
    "pcolor",
    "contour",
    "contourf",
    "broken_barh",
    "tripcolor",
]
AXES_COLORED = [
    "bar",
    "scatter",
    "axhline",
    "axvline",
    "_fill_between_x_or_y",
    "pie",
    "axvspan",
    "axhspan",
    "hlines",
    "vlines",
    "boxplot",
    "violinplot",
    "hist",
    "quiver",
    "imshow",
    "pcolor",
    "contour",
    "contourf",
    "fill",
    "broken_barh",
    "tripcolor",
]
AXES_3D = ["scatter", "plot", "plot_surface", "bar3d", "bar", "add_collection3d"]
GRAPHS = ["draw_networkx_nodes", "draw_networkx_edges", "draw_networkx_labels"]

TICKS = """
all_axes = plt.gcf().get_axes()
for ax in all_axes:
    ax.set_xticks([])
    ax.set_yticks([])
"""
"""What the official text run puts before the first `plt.savefig` of the file: no tick labels."""

NEEDED = {
    "texts": ("open", "str"),
    "layouts": ("list", "dict", "open", "str"),
    "calls": ("open", "str"),
    "colors": ("list", "set", "len", "open", "str"),
}
"""Builtins that the official code, put after the script, needs for each log."""


def load(name: str) -> Any:
    """A module of the runtime, or of ours beside this one."""
    return importlib.import_module(name)


class ChartTooLarge(ValueError):
    """A picture of more pixels, or more figures, than a chart may have."""


# --- where the hooks go ---------------------------------------------------------------------------


class Site:
    """One function that is hooked, and the names under which it is logged."""

    def __init__(self, owner: Any, name: str, *, calls: bool, colors: bool, space: bool) -> None:
        self.owner, self.name, self.calls, self.colors = owner, name, calls, colors
        self.function = getattr(owner, name)
        file = _file_of(self.function)
        self.official = "_makeline" if name == "_make_line" else self.function.__name__
        self.file = f"{file}/{self.official}" if name in GRAPHS else file
        self.color_name = f"{file}/{self.official}"
        self.log = COLORS_3D.get(self.official) if space else COLORS.get(self.official)


def _file_of(function: Any) -> str:
    """The file below site-packages that the official code finds: that of the outermost decorator.

    Later matplotlib announces changes by one more decorator, which would rename half of the calls
    with each version: it is looked through. matplotlib 3.8, the reference, is taken as it is.
    """
    import matplotlib

    file = inspect.getfile(function)
    while "/_api/" in file and not matplotlib.__version__.startswith("3.8."):
        if not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__
        file = inspect.getfile(function)
    return re.sub(r".*/site-packages/", "", file)


def sites() -> list[Site]:
    """All hooked functions; made once, before any script runs."""
    from matplotlib import image, patches
    from matplotlib.axes import Axes
    from matplotlib.projections.polar import PolarAxes

    venn, networkx, squarify = load("matplotlib_venn._common"), load("networkx"), load("squarify")
    nx_pylab, _base = load("networkx.drawing.nx_pylab"), load("matplotlib.axes._base")
    Axes3D = load("mpl_toolkits.mplot3d").Axes3D  # noqa: N806
    line = "_makeline" if hasattr(_base._process_plot_var_args, "_makeline") else "_make_line"
    wanted: list[tuple[Any, str, bool, bool, bool]] = [
        (_base._process_plot_var_args, line, False, True, False),
        (PolarAxes, "plot", True, True, False),
        (squarify, "plot", True, True, False),
    ]
    for name in dict.fromkeys([*AXES, *AXES_COLORED]):
        if hasattr(Axes, name):
            wanted.append((Axes, name, name in AXES, name in AXES_COLORED, False))
    wanted += [(Axes3D, name, True, True, True) for name in AXES_3D]
    wanted += [
        (module, name, True, True, False) for module in (nx_pylab, networkx) for name in GRAPHS
    ]
    made = (image.NonUniformImage, patches.Ellipse, venn.VennDiagram, patches.Circle)
    wanted += [(kind, "__init__", True, True, False) for kind in made]
    return [Site(o, n, calls=c, colors=p, space=s) for o, n, c, p, s in wanted]


# --- colours: what is read when a function returns ------------------------------------------------
#
# Each reader yields (suffix, colour, artist). `last` keeps only the last artist, as the official
# code does for collections; it fails on an empty collection, as that does.


def to_hex(color: Any) -> str:
    """A colour as #RRGGBB in capitals; raises where the official code cannot go on."""
    import numpy
    from matplotlib import colors

    try:
        if isinstance(color, str):
            if color.startswith("#") and len(color) in (7, 9):
                return color.upper()
            return str(colors.to_hex(colors.to_rgba(color)).upper())
        if isinstance(color, list | tuple | numpy.ndarray) and len(color) in (3, 4):
            return str(colors.to_hex(color).upper())
    except ValueError:
        pass
    raise TypeError(f"no colour: {str(color)[:80]}")


Found = Iterator[tuple[str, str, Any]]


def _last(suffix: str, colors: Any, artist: Any) -> Found:
    names = [to_hex(color) for color in colors]
    yield suffix, names[-1], artist


def _each(suffix: str, pairs: Any) -> Found:
    for color, artist in pairs:
        yield suffix, to_hex(color), artist


def _line(args: Any, kwargs: Any, result: Any) -> Found:
    yield "", to_hex(result[1]["color"]), result[0]


def _straight(args: Any, kwargs: Any, result: Any) -> Found:
    yield "", to_hex(result.get_color()), result


def _band(args: Any, kwargs: Any, result: Any) -> Found:
    yield "", to_hex(list(result.get_facecolors()[0])), result


def _span(args: Any, kwargs: Any, result: Any) -> Found:
    yield "", to_hex(result.get_facecolor()), result


def _bars(args: Any, kwargs: Any, result: Any) -> Found:
    # the colour that was asked for, taken apart: a name or a hex text makes it fail
    return _each("", ((list(bar._original_facecolor), bar) for bar in result))


def _colormap_word(kwargs: Any) -> str | None:
    cmap = kwargs.get("cmap")
    return None if cmap is None else cmap if type(cmap) is str else cmap.name


def _points(args: Any, kwargs: Any, result: Any) -> Found:
    from matplotlib.projections.polar import PolarAxes

    suffix = "_polar" if type(args[0]) is PolarAxes else ""
    word = _colormap_word(kwargs)
    if word is not None:
        yield suffix, word, result
    elif len(result.get_facecolor()):
        yield suffix, to_hex(list(result.get_facecolor()[0])), result


def _wedges(args: Any, kwargs: Any, result: Any) -> Found:
    return _each("", ((wedge.get_facecolor(), wedge) for wedge in result[0]))


def _rules(args: Any, kwargs: Any, result: Any) -> Found:
    return _last("", (list(color) for color in result.get_edgecolors()), result)


def _boxes(args: Any, kwargs: Any, result: Any) -> Found:
    from matplotlib.patches import PathPatch

    filled = [box for box in result["boxes"] if type(box) is PathPatch]
    return _each("", ((list(box.get_facecolor()), box) for box in filled))


def _bodies(args: Any, kwargs: Any, result: Any) -> Found:
    return _each("", ((list(body.get_facecolor()[0]), body) for body in result["bodies"]))


def _histogram(args: Any, kwargs: Any, result: Any) -> Found:
    from matplotlib.cbook import silent_list

    _, _, drawn = result
    flat = [p for group in drawn for p in group] if type(drawn) is silent_list else list(drawn)
    return _each("", ((list(patch.get_facecolor()), patch) for patch in flat))


def _faces(args: Any, kwargs: Any, result: Any) -> Found:
    return _last("", result.get_facecolors().tolist(), result)


def _plot(args: Any, kwargs: Any, result: Any) -> Found:
    from matplotlib.projections.polar import PolarAxes

    if args and type(args[0]) is PolarAxes:
        yield from _each("_polar", ((line.get_color(), line) for line in result))
    elif hasattr(result, "containers"):  # squarify.plot gives back the axes
        for container in result.containers:
            yield from _each("_squarify", ((list(r.get_facecolor()), r) for r in container))


def _mapped(args: Any, kwargs: Any, result: Any) -> Found:
    yield "", result.get_cmap().name, result


def _filled(args: Any, kwargs: Any, result: Any) -> Found:
    return _each("", ((list(patch.get_facecolor()), patch) for patch in result))


def _made(args: Any, kwargs: Any, result: Any) -> Found:
    from matplotlib.image import NonUniformImage
    from matplotlib.patches import Circle, Ellipse

    made = args[0]
    if type(made) is NonUniformImage:
        yield "", made.get_cmap().name, made
    elif type(made) in (Ellipse, Circle):
        yield "", to_hex(made.get_facecolor()), made
    elif type(made) is load("matplotlib_venn._common").VennDiagram:
        yield from _last("", (patch.get_facecolor() for patch in made.patches), made)


def _graph_labels(args: Any, kwargs: Any, result: Any) -> Found:
    return _each("", ((text.get_color(), text) for text in result.values()))


def _graph_edges(args: Any, kwargs: Any, result: Any) -> Found:
    if type(result) is list:
        return _last("", (arrow.get_facecolor() for arrow in result), result)
    return _last("", result.get_edgecolors().tolist(), result)


def _space_points(args: Any, kwargs: Any, result: Any) -> Found:
    word = _colormap_word(kwargs)
    if word is not None:
        yield "_3d", word, result
    else:
        yield from _last("_3d", result.get_facecolors().tolist(), result)


def _space_lines(args: Any, kwargs: Any, result: Any) -> Found:
    return _each("_3d", ((line.get_color(), line) for line in result))


def _surface(args: Any, kwargs: Any, result: Any) -> Found:
    word = _colormap_word(kwargs)
    yield "_3d", to_hex(result.get_facecolors().tolist()[0]) if word is None else word, result


def _solid(args: Any, kwargs: Any, result: Any) -> Found:
    yield "_3d", to_hex(result.get_facecolors().tolist()[0]), result


def _space_bars(args: Any, kwargs: Any, result: Any) -> Found:
    return _each("_3d", ((bar.get_facecolor(), bar) for bar in result))


def _space_faces(args: Any, kwargs: Any, result: Any) -> Found:
    return _last("_3d", result.get_facecolors().tolist(), result)


COLORS: dict[str, Callable[[Any, Any, Any], Found]] = {
    "_makeline": _line, "axhline": _straight, "axvline": _straight,
    "_fill_between_x_or_y": _band, "bar": _bars, "scatter": _points, "pie": _wedges,
    "axvspan": _span, "axhspan": _span, "hlines": _rules, "vlines": _rules, "boxplot": _boxes,
    "violinplot": _bodies, "hist": _histogram, "quiver": _faces, "plot": _plot,
    "imshow": _mapped, "pcolor": _mapped, "contour": _mapped, "contourf": _mapped,
    "tripcolor": _mapped, "fill": _filled, "broken_barh": _faces, "__init__": _made,
    "draw_networkx_nodes": _faces, "draw_networkx_edges": _graph_edges,
    "draw_networkx_labels": _graph_labels,
}  # fmt: skip
COLORS_3D: dict[str, Callable[[Any, Any, Any], Found]] = {
    "scatter": _space_points, "plot": _space_lines, "plot_surface": _surface, "bar3d": _solid,
    "bar": _space_bars, "add_collection3d": _space_faces,
}  # fmt: skip


# --- colours: what is read again at the end -------------------------------------------------------


def _again(name: str, color: str, artist: Any) -> Iterator[str]:
    """The colours now of an artist that was kept; `name` ends with function and suffix."""
    function = name.rpartition("/")[2]
    mapped = not color.startswith("#")
    if function.startswith("_makeline") or function in (
        "axhline",
        "axvline",
        "draw_networkx_labels",
    ):
        yield to_hex(artist.get_color())
    elif function == "_fill_between_x_or_y":
        yield to_hex(list(artist.get_facecolors()[0]))
    elif function == "bar":
        yield to_hex(list(artist._original_facecolor))
    elif function in ("scatter", "scatter_polar"):
        if mapped:
            yield color
        elif len(artist.get_facecolor()):
            yield to_hex(list(artist.get_facecolor()[0]))
    elif function in ("pie", "axvspan", "axhspan", "bar_3d"):
        yield to_hex(artist.get_facecolor())
    elif function in ("hlines", "vlines"):
        yield from (to_hex(list(color)) for color in artist.get_edgecolors())
    elif function in ("boxplot", "hist", "plot_squarify", "fill"):
        yield to_hex(list(artist.get_facecolor()))
    elif function == "violinplot":
        yield to_hex(list(artist.get_facecolor()[0]))
    elif function in ("plot_polar", "plot_3d"):
        yield to_hex(artist.get_color())
    elif function in ("imshow", "pcolor", "contour", "contourf", "tripcolor"):
        yield artist.get_cmap().name
    elif function == "__init__":
        if hasattr(artist, "get_cmap"):
            yield artist.get_cmap().name
        elif hasattr(artist, "patches"):
            yield from (to_hex(patch.get_facecolor()) for patch in artist.patches)
        else:
            yield to_hex(artist.get_facecolor())
    elif function in ("scatter_3d", "plot_surface_3d") and mapped:
        yield color
    elif function in ("plot_surface_3d", "bar3d_3d"):
        yield to_hex(artist.get_facecolors().tolist()[0])
    elif function == "draw_networkx_edges":
        drawn = type(artist) is list
        found = [a.get_facecolor() for a in artist] if drawn else artist.get_edgecolors().tolist()
        yield from map(to_hex, found)
    else:  # quiver, broken_barh, scatter_3d, add_collection3d_3d, draw_networkx_nodes
        yield from map(to_hex, artist.get_facecolors().tolist())


def _twice(name: str) -> str:
    """The name under which the second reading logs: it adds the suffix of 3-D and polar again."""
    for suffix in ("_3d", "_polar"):
        if name.endswith(suffix):
            return name + suffix
    return name


# --- the recorder ---------------------------------------------------------------------------------


class Recorder:
    """Hooks for one run of one script.

    Args:
        places: what `sites()` gave.
        parts: which of texts, calls, colors are hooked (layouts need no hook).
        bare: wrappers without the name of what they wrap, and failures of the colour hooks raised
            into the script: the official behaviour, for runs of their own.
        official: texts are those that the PDF renderer draws; else those of our own picture.
        images: pictures are taken.
    """

    def __init__(
        self, places: list[Site], parts: frozenset[str], *, bare: bool = False, official: bool = False, images: bool = True
    ) -> None:  # fmt: skip
        self.places, self.parts, self.bare = places, parts, bare
        self._read_axes = load("axes").read
        self.official, self.images = official, images
        self.calls: dict[str, int] = {}
        self.kept: dict[tuple[str, str], Any] = {}
        self.texts: list[str] = []
        self.notes: list[str] = []
        self.pictures: list[bytes] = []
        self.drawings: list[Any] = []  # axes of each picture (axes.py)
        self.layouts: list[tuple[int, ...]] = []
        self.color_failure = ""
        self.refused = ""  # why a picture was not taken
        self._calls_busy = self._colors_busy = False
        self._hooked: list[tuple[Any, str, Any]] = []
        # id(figure) -> what was saved
        self._ready: dict[int, tuple[Any, bytes, list[str], list[dict[str, Any]]]] = {}
        self._saved: set[int] = set()
        self._quiet = 0  # inside ticks, or inside our own work
        self._sink: list[str] | None = None
        self._places: list[dict[str, Any]] | None = None
        self._label: Any = None  # of the axis whose ticks are drawn
        self.boxes: list[dict[str, Any]] = []  # where each line of text stands

    # hooks

    def install(self) -> None:
        """Put all hooks in place."""
        from matplotlib.backends.backend_agg import RendererAgg
        from matplotlib.backends.backend_pdf import RendererPdf

        for site in self.places:
            calls, colors = (
                site.calls and "calls" in self.parts,
                site.colors and "colors" in self.parts,
            )
            if calls or colors:
                self._hook(site.owner, site.name, self._wrap(site, calls, colors))
        if "texts" in self.parts and self.official:
            self._hook(RendererPdf, "draw_text", self._wrap_text(RendererPdf.draw_text, self.texts))
        elif "texts" in self.parts:
            self._hook(RendererAgg, "draw_text", self._wrap_text(RendererAgg.draw_text, None))
            self._hook_ticks()
        if not self.official:
            self._hook_figures()

    def _hook(self, owner: Any, name: str, wrapper: Any) -> None:
        setattr(owner, name, wrapper)
        self._hooked.append((owner, name, wrapper))

    def patched(self) -> list[str]:
        """Names of hooks that the script has replaced."""
        return [
            f"{getattr(owner, '__name__', owner)}.{name}"
            for owner, name, wrapper in self._hooked
            if vars(owner).get(name) is not wrapper
        ]

    def _wrap(self, site: Site, calls: bool, colors: bool) -> Any:
        from matplotlib.projections.polar import PolarAxes

        function, log = site.function, site.log
        polar_plot = site.official == "plot"

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            # a busy flag stays set when the call raises: so does the official one
            count = calls and not self._calls_busy
            color = colors and not self._colors_busy
            if count:
                self._calls_busy = True
                polar = polar_plot and args and type(args[0]) is PolarAxes
                key = f"{site.file}{'_polar' if polar else ''}-{site.official}"
                self.calls[key] = self.calls.get(key, 0) + 1
            if color:
                self._colors_busy = True
            result = function(*args, **kwargs)
            if count:
                self._calls_busy = False
            if color:
                self._keep(site, log, args, kwargs, result)
                self._colors_busy = False
            return result

        if not self.bare:
            functools.update_wrapper(wrapper, function)
        return wrapper

    def _keep(self, site: Site, log: Any, args: Any, kwargs: Any, result: Any) -> None:
        try:
            for suffix, color, artist in log(args, kwargs, result) if log else ():
                if len(self.kept) < MAX_COLORS:
                    self.kept[site.color_name + suffix, color] = artist
        except (TypeError, ValueError, AttributeError, IndexError, KeyError) as failure:
            if self.bare:
                raise
            self.color_failure = self.color_failure or f"{site.official}: {failure}"[:200]

    def _wrap_text(self, function: Any, sink: list[str] | None) -> Any:
        def draw_text(*args: Any, **kwargs: Any) -> Any:
            into = self._sink if sink is None else sink
            if into is not None and not self._quiet and len(into) < MAX_TEXTS:
                into.append(str(args[4] if len(args) > 4 else kwargs.get("s", "")))
            if sink is None and self._places is not None and len(self._places) < MAX_TEXTS:
                self._place(*args, **kwargs)
            return function(*args, **kwargs)

        return functools.update_wrapper(draw_text, function)

    def _place(
        self, renderer: Any, gc: Any, x: float, y: float, s: str, prop: Any, angle: float,
        ismath: Any = False, mtext: Any = None,
    ) -> None:  # fmt: skip
        """Note where one line of text goes: centre and unturned size in pixels, y from the top."""
        assert self._places is not None
        width, height, descent = renderer.get_text_width_height_descent(s, prop, ismath)
        turn, up = math.radians(angle), height / 2 - descent
        x = float(x) + math.cos(turn) * width / 2 - math.sin(turn) * up
        y = float(y) - math.sin(turn) * width / 2 - math.cos(turn) * up
        frame = gc.get_clip_rectangle()
        if not math.isfinite(x + y + width + height) or (
            frame is not None and not frame.contains(x, renderer.height - y)
        ):
            return  # not to be seen
        self._places.append(
            {
                "text": str(s), "x": x, "y": y, "width": float(width), "height": float(height),
                "angle": float(angle), "size": float(renderer.points_to_pixels(prop.get_size_in_points())),
                "tick": bool(self._quiet) and mtext is not self._label,
            }
        )  # fmt: skip

    def _hook_ticks(self) -> None:
        """Tick labels of x and y do not count: the official run deletes them before it saves."""
        for module in ("matplotlib.axis", "mpl_toolkits.mplot3d.axis3d"):
            kind = load(module).Axis
            self._hook(kind, "draw", self._wrap_axis(kind.draw))

    def _wrap_axis(self, draw: Any) -> Any:
        def draw_axis(axis: Any, *args: Any, **kwargs: Any) -> Any:
            if axis.axis_name not in ("x", "y") or self._sink is None or self._quiet:
                return draw(axis, *args, **kwargs)
            label, self._quiet = axis.label, self._quiet + 1
            self._label = label
            try:
                result = draw(axis, *args, **kwargs)
            finally:
                self._quiet -= 1
                self._label = None
            if axis.get_visible() and label.get_visible() and label.get_text().strip():
                self._sink.extend(label.get_text().split("\n"))
            return result

        return functools.update_wrapper(draw_axis, draw)

    # figures

    def _hook_figures(self) -> None:
        from matplotlib import pyplot
        from matplotlib._pylab_helpers import Gcf
        from matplotlib.figure import Figure

        savefig, destroy = Figure.savefig, vars(Gcf)["destroy"].__func__
        destroy_all = vars(Gcf)["destroy_all"].__func__

        def save(figure: Any, fname: Any, *args: Any, **kwargs: Any) -> Any:
            if self._quiet:
                return savefig(figure, fname, *args, **kwargs)
            self._saved.add(id(figure))
            form = kwargs.get("format") or str(fname).rpartition(".")[2].lower()
            known = {
                "dpi",
                "bbox_inches",
                "pad_inches",
                "facecolor",
                "edgecolor",
                "transparent",
                "format",
            }
            named = isinstance(fname, str | os.PathLike)
            if form != "png" or args or not known.issuperset(kwargs) or not named:
                self._check_size(figure)
                return savefig(figure, fname, *args, **kwargs)
            # our picture is the one that counts: drawn once, and what a later read of the file finds
            picture = self._picture(figure)
            Path(fname).write_bytes(picture)
            return None

        def show(*args: Any, **kwargs: Any) -> None:
            """As with a window that is closed at once: what was shown is done with."""
            for manager in list(Gcf.figs.values()):
                self._saved.add(id(manager.canvas.figure))
            Gcf.destroy_all()

        def close_one(cls: Any, num: Any) -> Any:
            manager = num if hasattr(num, "canvas") else Gcf.figs.get(num)
            if manager is not None and id(manager.canvas.figure) in self._saved:
                self.capture(manager.canvas.figure)
            return destroy(cls, num)

        def close_all(cls: Any) -> Any:
            for manager in sorted(Gcf.figs.values(), key=lambda manager: manager.num):
                if id(manager.canvas.figure) in self._saved:
                    self.capture(manager.canvas.figure)
            return destroy_all(cls)

        def save_current(*args: Any, **kwargs: Any) -> Any:
            return pyplot.gcf().savefig(*args, **kwargs)  # pyplot's own draws once more after it

        def show_one(figure: Any, *args: Any, **kwargs: Any) -> None:
            self._saved.add(id(figure))

        self._hook(Figure, "savefig", functools.update_wrapper(save, savefig))
        self._hook(Figure, "show", show_one)
        self._hook(pyplot, "show", show)
        self._hook(pyplot, "savefig", functools.update_wrapper(save_current, pyplot.savefig))
        self._hook(Gcf, "destroy", classmethod(close_one))
        self._hook(Gcf, "destroy_all", classmethod(close_all))

    def _check_size(self, figure: Any) -> None:
        width, height = figure.get_size_inches() * figure.dpi
        if not 0 < width * height <= MAX_PIXELS:
            self.refused = f"a figure of {width:.0f} x {height:.0f} pixels; the limit is 50 million"
            raise ChartTooLarge(self.refused)

    def _picture(self, figure: Any) -> bytes:
        """PNG of a figure at its own dpi and size; drawn anew only where it has changed."""
        import matplotlib

        ready = self._ready.get(id(figure))
        if ready is not None and not figure.stale:
            return ready[1]
        self._check_size(figure)
        texts: list[str] = []
        quiet, self._quiet, sink, self._sink = self._quiet, 0, self._sink, texts
        places: list[dict[str, Any]] = []
        self._places = places
        calls, colors, self._calls_busy, self._colors_busy = (
            self._calls_busy,
            self._colors_busy,
            True,
            True,
        )
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            canvas = (
                figure.canvas
                if isinstance(figure.canvas, FigureCanvasAgg)
                else FigureCanvasAgg(figure)
            )
            out = io.BytesIO()
            with matplotlib.rc_context({"savefig.bbox": None}):
                canvas.print_figure(
                    out, dpi=figure.dpi, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 3}
                )  # fmt: skip
        finally:
            self._quiet, self._sink, self._places = quiet, sink, None
            self._calls_busy, self._colors_busy = calls, colors
        figure.stale = False
        self._ready[id(figure)] = figure, out.getvalue(), texts, places
        return out.getvalue()

    def capture(self, figure: Any) -> None:
        """Take the picture, the texts, the layout and the axes of a figure as it is now."""
        if len(self.pictures) >= MAX_FIGURES:
            self.refused = f"more than {MAX_FIGURES} figures"
            return
        number = len(self.pictures)
        try:
            self.pictures.append(self._picture(figure) if self.images else b"")
        except ChartTooLarge:
            return
        if not self.official:
            if not self.images:
                self._picture(figure)
            _, _, texts, places = self._ready[id(figure)]
            self.texts += texts
            self.boxes += [{"figure": number, **place} for place in places]
            self.layouts += layouts_of(figure)
            drawn, notes = self._read_axes(figure, number)
            self.drawings += drawn
            self.notes += notes
        self._ready.pop(id(figure), None)
        self._saved.discard(id(figure))

    # the end

    def finish(self, namespace: dict[str, Any], *, name: str, ended: bool) -> dict[str, Any]:
        """The record after the script's end, as plain data.

        Args:
            namespace: globals of the script.
            name: of the item; "graph..." switches the layout as the official code does.
            ended: the script ran to its end; an official log is written only then.
        """
        from matplotlib import pyplot
        from matplotlib._pylab_helpers import Gcf

        patched = self.patched()
        if self.official:
            if ended and self.images and not self.pictures and Gcf.figs:
                self.capture(pyplot.gcf())
            self.layouts = self._official_layouts(namespace, name)
        else:
            managers = sorted(Gcf.figs.values(), key=lambda manager: manager.num)
            figures = [manager.canvas.figure for manager in managers]
            drawn = [figure for figure in figures if figure.get_children()[1:]]
            for figure in drawn or ([] if self.pictures else figures):
                self.capture(figure)
        colors = self._colors_now()
        record: dict[str, Any] = {
            "texts": self.texts, "layouts": self.layouts, "calls": self.calls, "colors": colors
        }  # fmt: skip
        if self.official:
            self._spoil(record, namespace, ended)
        if len(self.texts) >= MAX_TEXTS:
            self.notes.append(f"texts: the first {MAX_TEXTS} were kept")
        if len(self.kept) >= MAX_COLORS:
            self.notes.append(f"colors: the first {MAX_COLORS} were kept")
        record |= {"axes": self.drawings, "notes": self.notes, "boxes": self.boxes}
        return {
            "record": record,
            "patched": patched,
            "refused": self.refused,
            "failed": self.color_failure,
        }

    def _official_layouts(self, namespace: dict[str, Any], name: str) -> list[tuple[int, ...]]:
        pyplot: Any = namespace.get("plt")
        if not hasattr(pyplot, "gcf"):
            self.notes.append("layouts: the script has no plt, which the official code needs")
            return []
        figure = pyplot.gcf()
        return (
            [(1, 1, 0, 1, 0, 1)] * len(figure.axes)
            if name.startswith("graph")
            else layouts_of(figure)
        )

    def _colors_now(self) -> list[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        try:
            for (name, color), artist in self.kept.items():
                found.update((_twice(name), now) for now in _again(name, color, artist))
        except (TypeError, ValueError, AttributeError, IndexError) as failure:
            self.notes.append(
                f"colors: the official code fails when it reads them again: {failure}"[:200]
            )
            if self.official:
                return []
        return sorted(found)

    def _spoil(self, record: dict[str, Any], namespace: dict[str, Any], ended: bool) -> None:
        """Empty the logs that the official code, run after this script, would not have written."""
        for log, names in NEEDED.items():
            bound = [n for n in names if n in namespace and namespace[n] is not vars(builtins)[n]]
            if not ended or bound:
                record[log] = {} if log == "calls" else []
            if bound:
                self.notes.append(f"{log}: the script rebinds {', '.join(bound)}")


def layouts_of(figure: Any) -> list[tuple[int, ...]]:
    """Rows, columns, first and last row, first and last column of each axes that has a grid cell."""
    found: list[tuple[int, ...]] = []
    for ax in figure.axes:
        spec = ax.get_subplotspec()
        if spec is not None:
            rows, columns = spec.get_gridspec().get_geometry()
            down, across = spec.rowspan, spec.colspan
            found.append((rows, columns, down.start, down.stop - 1, across.start, across.stop - 1))
    return found


# --- ChartMimic's runs ----------------------------------------------------------------------------


def plan(source: str) -> tuple[list[list[str]], ast.Module | None]:
    """Which runs give the official logs, and the module of the first run.

    One run is enough where the deletion of the ticks stands before the last statement; else the
    texts take a run of their own. Scripts that import seaborn need one for calls and one for
    colours, since its choice of colours depends on the names of the official wrappers.

    Args:
        source: the script, which must be sound Python.

    Returns:
        The logs of each run, the first run first; and its module where one run gives the texts and
        the rest: a call of `__viscodex_capture__` and the deletion stand in it.
    """
    tree = ast.parse(source)
    seaborn = re.search(r"^\s*(import|from)\s+seaborn\b|[;,]\s*import\s+seaborn\b", source, re.M)
    rest = [["calls"], ["colors"]] if seaborn else []
    first = ["layouts"] if seaborn else ["calls", "colors", "layouts"]
    at = source.find("plt.savefig")
    if at < 0:
        return [["texts", *first], *rest], None
    try:
        changed = ast.parse(source[:at] + TICKS + source[at:])
    except (SyntaxError, ValueError):
        return [first, *rest], None  # the official text run does not compile: no texts
    k, added = len(tree.body) - 1, len(ast.parse(TICKS).body)
    alike = len(changed.body) == len(tree.body) + added and [
        ast.dump(node) for node in changed.body[:k] + changed.body[k + added :]
    ] == [ast.dump(node) for node in tree.body]
    if not alike:
        return [first, *rest, ["texts"]], None
    changed.body[k:k] = ast.parse("__viscodex_capture__()").body
    return [["texts", *first], *rest], changed


def text_source(source: str) -> str:
    """The script as the official text run has it."""
    at = source.find("plt.savefig")
    return source if at < 0 else source[:at] + TICKS + source[at:]
