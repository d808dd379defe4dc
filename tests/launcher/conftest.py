"""Registrations to test with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from launcher.models import EhrRegistration

MakeRegistration = Callable[..., EhrRegistration]


@pytest.fixture
def make_registration(db: None) -> MakeRegistration:
    def make(**values: Any) -> EhrRegistration:
        given = {"slug": "main", "name": "Main", "iss": "https://ehr.example.org/fhir", "client_id": "app", **values}
        registration = EhrRegistration(site_id=given.pop("site_id", settings.SITE_ID), **given)
        registration.full_clean()
        registration.save()
        return registration

    return make


@pytest.fixture
def registration(make_registration: MakeRegistration) -> EhrRegistration:
    return make_registration()
