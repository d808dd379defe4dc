"""One harness around every case: what must hold whatever was tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from launcher.models import EhrRegistration
from tests.browser import Browser
from tests.security.invariants import judge
from tests.security.watching import Approval, Watch, watching


@pytest.fixture(autouse=True)
def watch(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Watch]:
    """Watch the whole case, then let the invariants judge it."""
    # The product's own logger has a level of its own, which would keep the rest of it from being seen.
    for name in ("", "smartportal"):
        caplog.set_level(logging.DEBUG, name)
    Browser.everything.clear()
    if "ehrs" in request.fixturenames:
        # The simulators stay reachable until the last streamed page has been read here.
        request.getfixturevalue("bridge")
    with pytest.MonkeyPatch.context() as patch, watching(patch) as seen:
        yield seen
        if "django_db_setup" in request.fixturenames:
            # Streams make their calls when they are read.
            for visit in seen.visits:
                assert visit.page.text is not None
            seen.approvals |= {Approval.of(row) for row in EhrRegistration.objects.all()}
            judge(seen)
