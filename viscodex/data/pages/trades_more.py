"""More trades; see trades.py.

in:  nothing
out: MORE_TRADES
not covered: the first ones, and what the slots mean (trades.py)
"""

from __future__ import annotations

from viscodex.data.pages.trade import Trade

MORE_TRADES: tuple[Trade, ...] = ()
