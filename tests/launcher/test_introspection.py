"""Introspection of a launch's own token, by the client and by a bearer, at a simulated EHR."""

from __future__ import annotations

import pytest

from launcher.discovery import door_for
from launcher.models import Launch
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.introspection import Introspection
from launcher.smart.secret import Secret
from launcher.smart.token import introspect, revoke
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import opened

pytestmark = pytest.mark.django_db


@pytest.fixture
def launch(ehrs: Bridge, browser: Browser) -> Launch:
    opened(browser)
    return Launch.objects.select_related("registration__site").get()


def asked(launch: Launch, token: Secret, *, bearer: Secret | None = None) -> Introspection:
    client = launch.registration.as_client(iss=launch.iss)
    config = SmartConfiguration.from_json(launch.configuration)
    return introspect(door_for(client), client, config, token=token, bearer=bearer)


@pytest.mark.parametrize("by", ["client", "bearer"])
def test_the_ehr_repeats_the_context_of_the_launch(by: str, launch: Launch, ehrs: Bridge) -> None:
    ehrs.forget()
    found = asked(launch, launch.access_token, bearer=launch.access_token if by == "bearer" else None)
    assert (found.active, found.patient, found.encounter) == (True, launch.patient, launch.encounter)
    assert (found.client_id, found.missing) == (launch.registration.client_id, ())
    assert found.subject
    (request,) = ehrs.seen
    assert request.headers["Authorization"].partition(" ")[0] == ("Bearer" if by == "bearer" else "Basic")


def test_a_token_that_was_revoked_or_never_existed_is_inactive(launch: Launch) -> None:
    client = launch.registration.as_client(iss=launch.iss)
    config = SmartConfiguration.from_json(launch.configuration)
    revoke(door_for(client), client, config, token=launch.access_token, hint="access_token")
    assert asked(launch, launch.access_token) == Introspection(active=False)
    assert asked(launch, Secret("never-existed")) == Introspection(active=False)
