"""A browser without a screen: keeps cookies as browsers do (paths, prefixes, Secure) and follows redirects itself.

Django's own test client sends every cookie everywhere, which would hide exactly the mistakes the journeys look for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import Morsel
from typing import Any, ClassVar
from urllib.parse import parse_qs, urljoin, urlsplit

from django.http import HttpResponseBase
from django.test import Client

ORIGIN = "https://testserver"


@dataclass
class Page:
    """An answer as the browser sees it, with the addresses it came by."""

    response: HttpResponseBase
    url: str
    history: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        if not hasattr(self, "_text"):
            body = self.response.getvalue() if self.response.streaming else self.response.content
            self._text = body.decode()
        return self._text

    @property
    def location(self) -> str:
        return urljoin(self.url, self.response.headers.get("Location", ""))

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the address that this answer redirects to."""
        return parse_qs(urlsplit(self.location).query, keep_blank_values=True)

    @property
    def error(self) -> str:
        found = re.search(r'data-error="([a-z_]+)"', self.text)
        return found.group(1) if found else ""

    @property
    def reference(self) -> str:
        found = re.search(r'data-reference="([0-9A-Z]+)"', self.text)
        return found.group(1) if found else ""

    def marks(self, name: str) -> list[str]:
        return re.findall(rf'{name}="([^"]*)"', self.text)

    def panel(self, slug: str) -> str:
        """The HTML of one panel."""
        found = re.search(rf'<section[^>]*data-panel="{slug}".*?</section>', self.text, re.DOTALL)
        return found.group(0) if found else ""

    def state(self, slug: str) -> str:
        found = re.search(r'data-state="([a-z-]+)"', self.panel(slug))
        return found.group(1) if found else ""

    @property
    def patient(self) -> str:
        found = re.search(r'data-patient="([^"]*)"', self.text)
        return found.group(1) if found else ""


class Browser:
    """One browser with its cookie jar; `get` and `post` follow no redirect, `visit` follows all."""

    everything: ClassVar[list[Page]] = []
    """Every page that any browser of a test has seen."""

    def __init__(self, **headers: str) -> None:
        self._client = Client()
        self._headers = headers
        self.cookies: dict[tuple[str, str], Morsel[str]] = {}

    def get(self, url: str, **headers: str) -> Page:
        return self._send("get", url, None, headers)

    def post(self, url: str, data: dict[str, Any] | None = None, **headers: str) -> Page:
        return self._send("post", url, data or {}, headers)

    def visit(self, url: str, *, until: str = "", **headers: str) -> Page:
        """Follow redirects; stop before an address whose path begins with `until` (its page is not fetched)."""
        history: list[str] = []
        for _ in range(12):
            history.append(url)
            page = self.get(url, **headers)
            page.history = history
            if page.status not in {301, 302, 303, 307, 308}:
                return page
            url = page.location
            if until and urlsplit(url).path.startswith(until):
                return page
        raise AssertionError(f"too many redirects: {history}")

    def _send(self, method: str, url: str, data: dict[str, Any] | None, headers: dict[str, str]) -> Page:
        absolute = urljoin(ORIGIN, url)
        parts = urlsplit(absolute)
        cookies = "; ".join(
            f"{name}={morsel.value}"
            for (name, path), morsel in self.cookies.items()
            if parts.path == path or parts.path.startswith(path.rstrip("/") + "/")
        )
        sent = {**self._headers, **headers, **({"Cookie": cookies} if cookies else {})}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        call = getattr(self._client, method)
        response = call(path, **({"data": data} if data is not None else {}), secure=True, headers=sent)
        self._client.cookies.clear()
        for morsel in response.cookies.values():
            self._keep(morsel)
        page = Page(response, absolute)
        Browser.everything.append(page)
        return page

    def _keep(self, morsel: Morsel[str]) -> None:
        name, path = morsel.key, morsel["path"] or "/"
        if name.startswith("__Host-"):
            assert (bool(morsel["secure"]), path, morsel["domain"]) == (True, "/", ""), f"browsers refuse {morsel}"
        if name.startswith("__Secure-"):
            assert morsel["secure"], f"browsers refuse {morsel}"
        if str(morsel["max-age"]) == "0":
            self.cookies.pop((name, path), None)
        else:
            self.cookies[(name, path)] = morsel
