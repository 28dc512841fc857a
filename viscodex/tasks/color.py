"""Colours and how alike they are: sRGB to CIELAB to CIEDE2000, many at once.

in:  sRGB colours
out: Lab values, colour differences as the library colormath 3.0 has them
not covered: which colours of two pictures are compared
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RGB_TO_XYZ = np.array(
    [
        [0.412424, 0.357579, 0.180464],
        [0.212656, 0.715158, 0.0721856],
        [0.0193324, 0.119193, 0.950444],
    ]
)
"""IEC 61966-2-1, D65, to six digits."""

_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65, 2 degrees
_EPSILON = 216 / 24389
_CHROMA_7 = 25.0**7


def rgb_from_hex(colors: Sequence[str]) -> Floats:
    """`#rrggbb` (any case; what follows is left out) as channels in 0..1: (N, 3)."""
    channels = [[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in colors]
    return np.array(channels, dtype=np.float64).reshape(-1, 3) / 255.0


def lab_from_rgb(rgb: Any) -> Floats:
    """sRGB in 0..1 to CIELAB under D65: (..., 3) to (..., 3)."""
    rgb = np.asarray(rgb, dtype=np.float64)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _RGB_TO_XYZ.T / _WHITE
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.stack(
        [
            116.0 * f[..., 1] - 16.0,
            500.0 * (f[..., 0] - f[..., 1]),
            200.0 * (f[..., 1] - f[..., 2]),
        ],
        axis=-1,
    )


def ciede2000(lab_1: Any, lab_2: Any) -> Floats:
    """CIEDE2000 of Lab colours, broadcast: (..., 3), (..., 3) to (...).

    Sharma, Wu and Dalal 2005, with colormath's mean hue: 360 is added whenever the hues lie more
    than 180 degrees apart, also where it should be taken off (4 % of random pairs, 1.5e-4 at most).
    """
    l_1, a_1, b_1 = np.moveaxis(np.asarray(lab_1, dtype=np.float64), -1, 0)
    l_2, a_2, b_2 = np.moveaxis(np.asarray(lab_2, dtype=np.float64), -1, 0)
    chroma_7 = ((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2.0) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(chroma_7 / (chroma_7 + _CHROMA_7))
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    c_1, c_2 = np.hypot(a_1, b_1), np.hypot(a_2, b_2)
    h_1, h_2 = np.degrees(np.arctan2(b_1, a_1)) % 360.0, np.degrees(np.arctan2(b_2, a_2)) % 360.0

    turn = h_2 - h_1
    apart = np.abs(turn) > 180.0
    mean_h = (h_1 + h_2 + 360.0 * apart) / 2.0
    turn = turn + np.where(apart, np.where(h_2 <= h_1, 360.0, -360.0), 0.0)
    d_l, d_c = l_2 - l_1, c_2 - c_1
    d_h = 2.0 * np.sqrt(c_1 * c_2) * np.sin(np.radians(turn) / 2.0)

    mean_l, mean_c = (l_1 + l_2) / 2.0, (c_1 + c_2) / 2.0
    t = (
        1.0
        - 0.17 * np.cos(np.radians(mean_h - 30.0))
        + 0.24 * np.cos(np.radians(2.0 * mean_h))
        + 0.32 * np.cos(np.radians(3.0 * mean_h + 6.0))
        - 0.20 * np.cos(np.radians(4.0 * mean_h - 63.0))
    )
    s_l = 1.0 + 0.015 * (mean_l - 50.0) ** 2 / np.sqrt(20.0 + (mean_l - 50.0) ** 2)
    s_c = 1.0 + 0.045 * mean_c
    s_h = 1.0 + 0.015 * mean_c * t
    mean_c_7 = mean_c**7
    r_c = 2.0 * np.sqrt(mean_c_7 / (mean_c_7 + _CHROMA_7))
    r_t = -r_c * np.sin(np.radians(60.0 * np.exp(-(((mean_h - 275.0) / 25.0) ** 2))))
    l_, c_, h_ = d_l / s_l, d_c / s_c, d_h / s_h
    return np.asarray(np.sqrt(np.maximum(l_**2 + c_**2 + h_**2 + r_t * c_ * h_, 0.0)))


def similarity(colors_1: Sequence[str], colors_2: Sequence[str]) -> Floats:
    """max(0, 1 - CIEDE2000 / 100) of every hex colour with every other: (N, M)."""
    lab_1, lab_2 = lab_from_rgb(rgb_from_hex(colors_1)), lab_from_rgb(rgb_from_hex(colors_2))
    return np.maximum(0.0, 1.0 - ciede2000(lab_1[:, None], lab_2[None]) / 100.0)
