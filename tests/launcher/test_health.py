"""/livez and /readyz."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from launcher import health


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/livez/", "/readyz", "/readyz/"])
def test_they_answer_before_the_host_is_looked_at(path: str) -> None:
    assert Client().get(path, headers={"Host": "unknown.example.org"}).status_code == 200


def test_livez_needs_no_database() -> None:
    assert Client().get("/livez").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("part", "named"), [("_database", "database"), ("_keys", "keys"), ("_migrated", "migrations")])
def test_what_is_missing_is_named(part: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, part, lambda: False)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == [named]


@pytest.mark.django_db
def test_without_the_cache_it_is_ready_but_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_cache", lambda: False)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "degraded": "cache"})


@pytest.mark.django_db
def test_keys_that_are_no_keys_are_missing_keys(settings: Any) -> None:
    settings.SMARTPORTAL_FIELD_KEYS = ["nonsense"]
    assert Client().get("/readyz").json()["missing"] == ["keys"]


def test_a_database_that_fails_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def cursor(self) -> None:
            raise OperationalError("gone")

    monkeypatch.setattr(health, "connections", {"default": Broken()})
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "database" in answer.json()["missing"]
