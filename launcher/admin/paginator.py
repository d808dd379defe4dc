"""Pages of lists that may hold a million rows: nobody counts further than anybody turns pages."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

MOST = 10_000


class LimitedPaginator(Paginator):
    """Counts up to `MOST` rows and offers pages of so many; `has_more` tells that there are others behind them.

    Whoever looks for an older row narrows the list by filter or search.
    """

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: MOST + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST)

    @property
    def has_more(self) -> bool:
        return self._counted > MOST
