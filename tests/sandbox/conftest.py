"""The simulated EHRs by themselves: no middleware, no other app's addresses, and no database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client, override_settings


@pytest.fixture
def http() -> Iterator[Client]:
    with override_settings(ROOT_URLCONF="tests.sandbox.sandbox_urls", MIDDLEWARE=[]):
        cache.clear()
        yield Client()
