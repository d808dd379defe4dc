from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from launcher import vendors
from launcher.models import EhrRegistration
from sandbox import store
from sandbox.clients import client_for
from tests.sandbox.house import EHRS, ORIGIN

pytestmark = pytest.mark.django_db


def seed() -> None:
    call_command("seed_sandbox", verbosity=0)


def stored() -> list[Any]:
    return list(EhrRegistration.objects.order_by("slug").values_list())


def test_the_app_is_registered_at_every_simulated_ehr() -> None:
    seed()
    found = {registration.slug: registration for registration in EhrRegistration.objects.all()}
    assert set(found) == set(EHRS)
    for ehr, registration in found.items():
        client = client_for(ehr)
        assert registration.iss == f"{ORIGIN}/sandbox/{ehr}/fhir"
        assert registration.redirect_uri == client.redirect_uris[0]
        assert (registration.client_id, registration.secret.reveal()) == (client.client_id, client.secret)
        assert registration.frame_ancestors == [ORIGIN]
        assert registration.environment == "sandbox"


def test_the_demo_patients_are_those_whose_home_it_is() -> None:
    seed()
    for registration in EhrRegistration.objects.all():
        people = store.residents(registration.slug)
        assert registration.demo_patients == [
            {"launch": person.id, "label": person.display_name, "story": person.story} for person in people
        ]


def test_seeding_twice_changes_nothing() -> None:
    seed()
    before = stored()
    seed()
    assert stored() == before


def test_seeding_again_mends_what_has_drifted_and_leaves_a_switch_alone() -> None:
    seed()
    registration = EhrRegistration.objects.get(slug="smart-r4")
    registration.iss = "https://elsewhere.test/fhir"
    registration.client_secret = "another"
    registration.enabled = False
    registration.save()
    seed()
    registration = EhrRegistration.objects.get(slug="smart-r4")
    assert registration.iss == f"{ORIGIN}/sandbox/smart-r4/fhir"
    assert registration.secret.reveal() == client_for("smart-r4").secret
    assert not registration.enabled


def test_the_registrations_follow_the_site_to_another_port(settings: Any) -> None:
    seed()
    settings.SMARTPORTAL_BASE_URL = "http://127.0.0.1:8123"
    seed()
    registration = EhrRegistration.objects.get(slug="allscripts-sunrise")
    assert registration.iss == "http://127.0.0.1:8123/sandbox/allscripts-sunrise/fhir"
    assert registration.redirect_uri == "http://127.0.0.1:8123/callback/allscripts-sunrise"


@pytest.mark.parametrize("ehr", EHRS)
def test_every_simulated_ehr_has_a_preset(ehr: str) -> None:
    preset = vendors.get(f"simulated-{ehr}")
    assert preset is not None
    assert preset.status == "simulator"
    assert "launch" in preset.scopes.split()
    assert preset.quirks.search_style == ("compartment" if ehr.startswith("allscripts") else "parameter")
    assert preset.quirks.pkce is (ehr != "azure")
