"""What all tests share: simulated EHRs reached without sockets, and browsers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.core.management import call_command

from launcher.smart import circuit
from tests.browser import Browser
from tests.loopback import Bridge, bridged

pytest_plugins = ["tests.services"]


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Discovery, keys, counters, used codes and open circuits of one test are not those of another."""
    cache.clear()
    circuit.forget_all()


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    """The wire between the product and the simulated EHRs."""
    with bridged() as found:
        yield found


@pytest.fixture
def ehrs(db: None, bridge: Bridge) -> Bridge:
    """The simulated EHRs, registered."""
    call_command("seed_sandbox", verbosity=0)
    return bridge


@pytest.fixture
def browser() -> Browser:
    return Browser()


def pytest_report_header() -> list[str]:
    examples = os.environ.get("SMARTPORTAL_EXAMPLES")
    return [
        f"outside examples: {examples}"
        if examples
        else "outside examples: not collected (SMARTPORTAL_EXAMPLES is not set)"
    ]
