"""The address of an EHR's own look, as `launcher.smart.style` wrote it. It says nothing about anybody: no session."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from launcher import styles
from launcher.methods import only
from launcher.site_of import site_of
from launcher.smart.errors import SmartError

_FOR_EVER = "public, max-age=31536000, immutable"


@only("GET", "HEAD")
def style(request: HttpRequest, sha256: str) -> HttpResponse:
    """The CSS with this SHA-256, for as long as a registration of this site uses it; else `not_found`."""
    sheet = styles.usable(sha256, site_id=site_of(request).id)
    if sheet is None:
        raise SmartError("not_found", "no style sheet in use has this hash", reason="style")
    return HttpResponse(sheet.css, content_type="text/css; charset=utf-8", headers={"Cache-Control": _FOR_EVER})
