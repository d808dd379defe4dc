"""Invariant 7: every record on a page belongs to the patient of its launch, and so does the name in the banner."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from launcher.models import Launch
from patients.vocabulary import NO_NAME
from sandbox import store
from sandbox.addresses import EhrAddress
from tests.browser import Page
from tests.security.pages import plain_text
from tests.security.watching import Call, Visit, chart_of


def the_chart_is_its_patients(visits: Iterable[Visit], calls: list[Call]) -> None:
    for visit in visits:
        launch = Launch.objects.select_related("registration").filter(pk=chart_of(visit)).first()
        page = visit.page
        if launch is None or page.status != 200 or not (page.patient or page.marks("data-record")):
            continue
        assert page.patient in {"", launch.patient}, f"invariant 7: the page of {launch.patient} names {page.patient}"
        ehr = launch.registration.slug
        for record in " ".join(page.marks("data-record")).split():
            owners = owners_of(ehr, record, calls)
            assert owners == {launch.patient}, (
                f"invariant 7: {record} is {owners or 'nobody'}'s, not {launch.patient}'s"
            )
        if page.patient:
            _banner_names(page, ehr, launch.patient, calls)


def owners_of(ehr: str, record: str, calls: Iterable[Call]) -> set[str]:
    """Whose record this is by the simulator's own data; else (a test invented it) by what the EHR answered."""
    kind, _, number = record.partition("/")
    if known := _population_owners(ehr, kind).get(number):
        return set(known)
    served = (resource for call in calls if call.is_bearer for resource in resources_in(call.body))
    return {
        _patient_of(resource)
        for resource in served
        if (resource.get("resourceType"), resource.get("id")) == (kind, number) and _patient_of(resource)
    }


@cache
def _population_owners(ehr: str, kind: str) -> dict[str, frozenset[str]]:
    owners: dict[str, frozenset[str]] = {}
    for person in store.people(ehr):
        for resource in store.records(EhrAddress.parse(ehr), person, kind):
            number = str(resource["id"])
            owners[number] = owners.get(number, frozenset()) | {person.id}
    return owners


def resources_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The resource of a read, or those of a Bundle."""
    entries = body.get("entry")
    inner = [each.get("resource") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    return [each for each in (body, *inner) if isinstance(each, dict) and "resourceType" in each]


def _patient_of(resource: dict[str, Any]) -> str:
    if resource["resourceType"] == "Patient":
        return str(resource.get("id") or "")
    reference = resource.get("subject") or resource.get("patient") or {}
    text = reference.get("reference") if isinstance(reference, dict) else ""
    return str(text or "").rpartition("/")[2]


def _banner_names(page: Page, ehr: str, patient: str, calls: Iterable[Call]) -> None:
    banner = plain_text(re.search(r'data-testid="patient-banner".*?</header>', page.text, re.DOTALL)).casefold()
    heading = plain_text(re.search(r'data-field="name".*?</h1>', page.text, re.DOTALL)).casefold()
    words = {
        word.casefold()
        for call in calls
        for resource in resources_in(call.body)
        if resource["resourceType"] == "Patient" and resource.get("id") == patient
        for word in name_words(resource)
    }
    named = not words or any(word in heading for word in words) or str(NO_NAME).casefold() in heading
    assert named, "invariant 7: the banner names somebody else"
    for other in store.people(ehr):
        is_other = other.id != patient and len(other.mrn) > 3
        assert not is_other or other.mrn.casefold() not in banner, f"invariant 7: the banner has the MRN of {other.id}"


def name_words(resource: dict[str, Any]) -> list[str]:
    """Family names, given names and whole names of a Patient, as far as they are texts."""
    names = resource.get("name")
    found: list[Any] = []
    for name in names if isinstance(names, list) else []:
        for value in (name.get("family"), name.get("given"), name.get("text")) if isinstance(name, dict) else ():
            found += value if isinstance(value, list) else [value]
    return [" ".join(word.split()) for word in found if isinstance(word, str) and len(word.strip()) > 1]
