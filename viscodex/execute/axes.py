"""What the axes of a figure show, for the strict protocol: limits, legend, grid, data.

in:  a matplotlib figure that has been drawn
out: one plain dictionary per axes (AxesRecord of viscodex.types), and notes on what was cut
not covered: the official record (recorder.py)

Runs inside the sandbox, beside recorder.py; nothing of ours is imported. Data are capped: a series
keeps MAX_POINTS points, evenly chosen, a figure MAX_NUMBERS numbers.
"""

from __future__ import annotations

import math
from typing import Any

MAX_POINTS = 1000  # of one series
MAX_SERIES = 200  # of one axes
MAX_AXES = 100  # of one figure
MAX_NUMBERS = 100_000  # of one figure
MAX_COLORS = 64  # of one series


def read(figure: Any, number: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The axes of a figure and notes.

    Args:
        figure: matplotlib's.
        number: of the figure in this run, from 0.
    """
    reader = _Reader()
    found = []
    for ax in figure.axes[:MAX_AXES]:
        legend = ax.get_legend()
        names = [name for name in ("xaxis", "yaxis", "zaxis") if hasattr(ax, name)]
        axes = [getattr(ax, name) for name in names]
        reader.units = [_words(axis) for axis in axes]
        found.append(
            {
                "figure": number,
                "kind": str(getattr(ax, "name", "")),
                "title": str(ax.get_title()),
                "labels": [str(axis.get_label().get_text()) for axis in axes],
                "limits": [[_number(v) for v in axis.get_view_interval()] for axis in axes],
                "scales": [str(axis.get_scale()) for axis in axes],
                "grid": [_has_grid(ax, axis) for axis in axes],
                "legend": None if legend is None else [t.get_text() for t in legend.get_texts()],
                "legend_title": "" if legend is None else str(legend.get_title().get_text()),
                "series": reader.series_of(ax),
            }
        )
    if len(figure.axes) > MAX_AXES:
        reader.notes.append(f"axes: {MAX_AXES} of {len(figure.axes)} were read")
    return found, reader.notes


def _has_grid(ax: Any, axis: Any) -> bool:
    if getattr(ax, "name", "") == "3d":
        return bool(getattr(ax, "_draw_grid", False))
    ticks = axis.get_major_ticks(1)
    return bool(ticks and ticks[0].gridline.get_visible())


def _number(value: Any) -> float | str:
    value = float(value)
    return value if math.isfinite(value) else str(value)


def _words(axis: Any) -> tuple[str, Any]:
    """How numbers of an axis are told: as categories, as dates, or as they are."""
    mapping = getattr(axis.units, "_mapping", None)
    if mapping is not None:
        return "categories", {float(place): str(name) for name, place in mapping.items()}
    converter = type(getattr(axis, "converter", None) or getattr(axis, "_converter", None)).__name__
    return ("dates", None) if "Date" in converter else ("numbers", None)


class _Reader:
    """Reads artists; counts what it keeps."""

    def __init__(self) -> None:
        self.left = MAX_NUMBERS
        self.notes: list[str] = []
        self.units: list[tuple[str, Any]] = []

    def series_of(self, ax: Any) -> list[dict[str, Any]]:
        """All drawn data sets of an axes: containers first, then what belongs to none."""
        found: list[dict[str, Any]] = []
        grouped: set[int] = set()
        for container in ax.containers:
            if type(container).__name__ == "BarContainer":
                grouped.update(map(id, container.patches))
                found.append(self._bars(container))
        artists = [*ax.lines, *ax.patches, *ax.collections, *ax.images]
        for artist in artists:
            if id(artist) in grouped:
                continue
            if len(found) >= MAX_SERIES:
                self.notes.append(f"series: {MAX_SERIES} of one axes were read")
                break
            try:
                made = self._artist(artist) if artist.get_visible() else None
            except (AttributeError, IndexError, TypeError, ValueError) as error:
                made = None  # a kind of artist of a later or an earlier matplotlib
                self.notes.append(f"{type(artist).__name__}: not read: {error}"[:200])
            if made is not None:
                found.append(made)
        return found

    def _bars(self, container: Any) -> dict[str, Any]:
        bars = container.patches
        upright = getattr(container, "orientation", "vertical") != "horizontal"
        if upright:
            x, y = [b.get_x() + b.get_width() / 2 for b in bars], [b.get_height() for b in bars]
            z = [b.get_y() for b in bars]
        else:
            x, y = [b.get_width() for b in bars], [b.get_y() + b.get_height() / 2 for b in bars]
            z = [b.get_x() for b in bars]
        return self._series(
            "bar" if upright else "barh", container, [b.get_facecolor() for b in bars], x, y,
            z if any(z) else (), units=self.units[:2],
        )  # fmt: skip

    def _artist(self, artist: Any) -> dict[str, Any] | None:
        kinds = {kind.__name__ for kind in type(artist).__mro__}
        if "Line3D" in kinds:
            return self._series("line", artist, [artist.get_color()], *artist.get_data_3d())
        if "Line2D" in kinds:
            return self._series("line", artist, [artist.get_color()], *artist.get_data(orig=False))
        if "Path3DCollection" in kinds:
            return self._series("scatter", artist, artist.get_facecolor(), *artist._offsets3d)
        if "Poly3DCollection" in kinds:
            corners = artist._vec[:3] if hasattr(artist, "_vec") else artist._faces.reshape(-1, 3).T
            return self._series("surface", artist, artist.get_facecolor(), *corners)
        if "Line3DCollection" in kinds:
            return self._segments(artist, artist._segments3d, artist.get_colors())
        if kinds & {"QuadMesh", "AxesImage", "NonUniformImage"}:
            return self._mapped(artist, "mesh" if "QuadMesh" in kinds else "image")
        if "Quiver" in kinds:
            import numpy

            size = numpy.hypot(artist.U, artist.V)
            return self._series("quiver", artist, artist.get_facecolor(), artist.X, artist.Y, size)
        if "ContourSet" in kinds:
            return self._series("contour", artist, artist.get_facecolor(), (), (), artist.levels)
        if "PathCollection" in kinds:
            x, y = artist.get_offsets().T
            values = artist.get_array()
            colors = (
                artist.get_facecolor() if len(artist.get_facecolor()) else artist.get_edgecolor()
            )
            return self._series("scatter", artist, colors, x, y, () if values is None else values)
        if "LineCollection" in kinds:
            return self._segments(artist, artist.get_segments(), artist.get_colors())
        if "PolyCollection" in kinds or "PatchCollection" in kinds:
            import numpy

            paths = artist.get_paths()[:MAX_POINTS]
            points = (
                numpy.concatenate([p.vertices for p in paths]) if paths else numpy.empty((0, 2))
            )
            return self._series("area", artist, artist.get_facecolor(), points[:, 0], points[:, 1])
        return self._patch(artist, kinds) if "Patch" in kinds else None

    def _patch(self, patch: Any, kinds: set[str]) -> dict[str, Any] | None:
        color = [patch.get_facecolor()]
        if "Wedge" in kinds:
            return self._series("wedge", patch, color, [patch.theta1, patch.theta2], [0, patch.r])
        if "Rectangle" in kinds:
            x, y = patch.get_xy()
            width, height = patch.get_width(), patch.get_height()
            return self._series("rectangle", patch, color, [x, x + width], [y, y + height])
        if "StepPatch" in kinds:
            values, edges, _ = patch.get_data()
            return self._series("stairs", patch, color, edges, values)
        if "FancyArrowPatch" in kinds:
            ends = getattr(patch, "_posA_posB", None)
            if not ends or None in ends:
                return None
            (a, b), (c, d) = ends
            return self._series("arrow", patch, color, [a, c], [b, d])
        if kinds & {"Ellipse", "Circle"}:
            x, y = patch.center
            return self._series("ellipse", patch, color, [x, patch.width], [y, patch.height])
        points = patch.get_path().vertices
        return self._series("polygon", patch, color, points[:, 0], points[:, 1])

    def _segments(self, artist: Any, segments: Any, colors: Any) -> dict[str, Any]:
        import numpy

        parts = [numpy.asarray(part, float) for part in segments[:MAX_POINTS]]
        flat = numpy.concatenate(parts) if parts else numpy.empty((0, 2))
        return self._series("segments", artist, colors, *flat.T)

    def _mapped(self, artist: Any, kind: str) -> dict[str, Any]:
        values = artist.get_array()
        shape = () if values is None else values.shape
        flat = () if values is None else values.ravel()
        made = self._series(kind, artist, (), (), (), flat)
        cmap = artist.get_cmap()
        made["colors"] = [cmap.name] if cmap is not None and len(shape) < 3 else []
        made["x"] = list(shape)
        return made

    def _series(
        self, kind: str, artist: Any, colors: Any, x: Any, y: Any, z: Any = (), *, units: Any = None
    ) -> dict[str, Any]:  # fmt: skip
        label = str(artist.get_label() or "")
        told = units or self.units
        data = [self._values(values, told[i] if i < len(told) else ("numbers", None)) for i, values in enumerate((x, y, z))]  # fmt: skip
        cut = max(total for _, total in data)
        if cut > max(len(values) for values, _ in data):
            self.notes.append(f"{kind}: {len(data[0][0] or data[2][0])} of {cut} points were kept")
        return {
            "kind": kind,
            "label": "" if label.startswith("_") else label,
            "colors": _hex(colors),
            **dict(zip("xyz", (values for values, _ in data), strict=True)),
        }

    def _values(self, values: Any, told: tuple[str, Any]) -> tuple[list[float | str], int]:
        """Numbers (or words) and how many there were."""
        import numpy

        if numpy.ma.isMaskedArray(values):
            values = numpy.ma.filled(values.astype(float), numpy.nan)
        try:
            flat = numpy.asarray(values, float).ravel()
        except (TypeError, ValueError):  # dates and categories that were never converted
            flat = numpy.asarray(values, object).ravel()
        total = len(flat)
        keep = min(total, MAX_POINTS, self.left)
        if keep < total:
            flat = flat[numpy.linspace(0, total - 1, keep).astype(int)] if keep else flat[:0]
        self.left -= keep
        if flat.dtype == object:
            return [str(value) for value in flat], total
        kind, names = told
        if kind == "dates" and keep:
            from matplotlib.dates import num2date

            if numpy.isfinite(flat).all() and abs(flat).max() < 2_000_000:
                return [num2date(value).isoformat() for value in flat], total
        if kind == "categories":
            return [names.get(v, _number(v)) for v in flat.tolist()], total
        if numpy.isfinite(flat).all():
            return flat.tolist(), total
        return [_number(value) for value in flat.tolist()], total


def _hex(colors: Any) -> list[str]:
    """At most MAX_COLORS different colours as #rrggbbaa, in order."""
    from matplotlib.colors import to_hex

    found: dict[str, None] = {}
    for color in colors if isinstance(colors, list) else list(colors[: 50 * MAX_COLORS]):
        if len(found) >= MAX_COLORS:
            break
        if isinstance(color, str) and color in ("none", "None"):
            continue
        found[to_hex(color, keep_alpha=True)] = None
    return list(found)
