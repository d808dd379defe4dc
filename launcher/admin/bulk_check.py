"""Checks several connections in one page: a line for each as it is done, without any script."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string

from launcher.membership import actor
from launcher.models import EhrRegistration
from launcher.probe import reports

_PAGE = "admin/launcher/ehrregistration/bulk_check.html"
_ROW = "admin/launcher/ehrregistration/bulk_check_row.html"


def streamed_check(request: HttpRequest, rows: Iterable[EhrRegistration], site: AdminSite) -> StreamingHttpResponse:
    """Run the daily checks of one after another; each run is audited and kept as any other is."""
    marker = secrets.token_hex(16)
    page = render_to_string(_PAGE, {**site.each_context(request), "title": "Daily checks", "marker": marker}, request)
    head, tail = page.split(marker)
    response = StreamingHttpResponse(
        _pieces(rows, actor(request), head=head, tail=tail), content_type="text/html; charset=utf-8"
    )
    response["X-Accel-Buffering"] = "no"
    return response


def _pieces(rows: Iterable[EhrRegistration], who: str, *, head: str, tail: str) -> Iterator[str]:
    yield head
    for row in rows:
        yield render_to_string(_ROW, {"original": row, **_outcome(row, who)})
    yield tail


def _outcome(row: EhrRegistration, who: str) -> dict[str, object]:
    try:
        results = list(reports.begin(row, actor=who, daily=True))
    except ImproperlyConfigured as error:
        return {"status": "fail", "summary": "could not begin", "worst": [{"evidence": str(error)}]}
    bad = sorted((each for each in results if each.status in {"fail", "warn"}), key=lambda each: each.status)
    status = bad[0].status if bad else "pass"
    return {"status": status, "word": reports.WORDS[status], "summary": reports.summary(results), "worst": bad}
