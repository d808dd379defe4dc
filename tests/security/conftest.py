"""One harness around every case: what must hold whatever was tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from launcher.models import AuditEvent, Launch, PendingLaunch
from tests.browser import Browser, Page
from tests.loopback import Bridge

_TOKEN_FIELDS = ("code", "code_verifier", "client_secret", "refresh_token")


@pytest.fixture(autouse=True)
def _invariants(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Headers of every answer, no secret in any page or log line, no impossible row."""
    caplog.set_level(logging.DEBUG)
    Browser.everything.clear()
    bridge = request.getfixturevalue("bridge") if "ehrs" in request.fixturenames else None
    yield
    if "django_db_setup" not in request.fixturenames:
        return
    pages = [page for page in Browser.everything if not urlsplit(page.url).path.startswith("/sandbox/")]
    for page in pages:
        _headers_are_right(page)
        assert page.status != 500 or page.error == "internal", page.url
    if bridge:
        _nothing_secret_is_shown(_secrets_of(bridge), pages, caplog.text)
    _rows_are_possible()


def _headers_are_right(page: Page) -> None:
    headers = page.response.headers
    assert headers["Cache-Control"] == "no-store", page.url
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "max-age=" in headers["Strict-Transport-Security"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors" in policy
    assert "unsafe" not in policy


def _secrets_of(bridge: Bridge) -> set[str]:
    """Everything secret that went over the wire to an EHR."""
    found: set[str] = set()
    for seen in bridge.seen:
        form = parse_qs(seen.body)
        found |= {value for name in _TOKEN_FIELDS for value in form.get(name, [])}
        if authorization := seen.headers.get("Authorization", ""):
            found.add(authorization.partition(" ")[2])
    return {value for value in found if len(value) > 12}


def _nothing_secret_is_shown(secrets: set[str], pages: list[Page], log: str) -> None:
    audit = " ".join(str(row) for row in AuditEvent.objects.values_list("reason", "code", "detail", "actor"))
    for secret in secrets:
        assert secret not in log, "a secret is in the log"
        assert secret not in audit, "a secret is in the audit trail"
        for page in pages:
            assert secret not in page.text, f"a secret is on {page.url}"


def _rows_are_possible() -> None:
    assert not PendingLaunch.objects.filter(launch__isnull=False, consumed_at=None).exists()
    for launch in Launch.objects.exclude(ended_at=None):
        assert not launch.access_token
        assert not launch.refresh_token
