"""The owner of the tables and the role of the product: what the guide says is what the commands do."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from launcher import audit_grants

ROOT = Path(__file__).resolve().parents[2]
OWNER, APP = "postgres://owner@db/smartportal", "postgres://app@db/smartportal"


@pytest.mark.django_db
def test_the_guide_has_exactly_the_sql_that_is_said() -> None:
    guide = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    whole = "\n".join(f"{statement};" for statement in audit_grants.statements("smartportal"))
    assert f"```sql\n{whole}\n```" in guide


@pytest.mark.django_db
def test_the_name_of_a_role_is_a_name_whatever_it_holds() -> None:
    quoted = audit_grants.statements("app; DROP TABLE x")[0]
    assert quoted == 'GRANT USAGE ON SCHEMA public TO "app; DROP TABLE x"'


@pytest.fixture
def manage(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "SMARTPORTAL_MIGRATE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    spec = importlib.util.spec_from_file_location("manage_py", ROOT / "manage.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_migrate_runs_as_the_owner_and_the_rest_does_not(manage: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"migrate", "grant_app_role"} == manage.OWNERS
    monkeypatch.setenv("DATABASE_URL", APP)
    manage.become_owner()
    assert os.environ["DATABASE_URL"] == APP, "without a second role there is one"
    monkeypatch.setenv("SMARTPORTAL_MIGRATE_DATABASE_URL", OWNER)
    manage.become_owner()
    assert os.environ["DATABASE_URL"] == OWNER


def test_the_owners_address_may_be_in_a_file(manage: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", "/run/secrets/app")
    monkeypatch.setenv("SMARTPORTAL_MIGRATE_DATABASE_URL_FILE", "/run/secrets/owner")
    manage.become_owner()
    assert os.environ["DATABASE_URL_FILE"] == "/run/secrets/owner"
    monkeypatch.delenv("SMARTPORTAL_MIGRATE_DATABASE_URL_FILE")
    monkeypatch.setenv("SMARTPORTAL_MIGRATE_DATABASE_URL", OWNER)
    manage.become_owner()
    assert "DATABASE_URL_FILE" not in os.environ, "a file would go before the variable"
    assert os.environ["DATABASE_URL"] == OWNER
