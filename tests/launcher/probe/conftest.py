"""The stage, one server for each module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.launcher.probe.certificates import Authority, new_authority
from tests.launcher.probe.scene import HealthyEhr, Scene, serving_ehr


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ehr(authority: Authority) -> Iterator[HealthyEhr]:
    yield from serving_ehr(authority)


@pytest.fixture
def scene(
    db: None, ehr: HealthyEhr, authority: Authority, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    ehr.begin()
    settings.SMARTPORTAL_CA_BUNDLE = str(authority.bundle)
    with ExitStack() as stack:
        yield Scene(ehr, authority, settings, monkeypatch, stack)
