"""Immunizations in five versions: what was given, what was not, and what cannot be told."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.datatypes import Unreadable
from patients.readers.immunization import immunization
from patients.readers.select import reader_for
from patients.records import Coded, Immunization, ImmunizationGroup, Missing, PartialDate, Tag, Tone, When
from tests.patients.readers.golden import quantity
from tests.patients.readers.mutating import losses

Json = dict[str, Any]


def row(**fields: Any) -> Immunization:
    return immunization({"resourceType": "Immunization", "id": "i", "status": "completed", **fields})


DSTU2: Json = {
    "resourceType": "Immunization",
    "id": "i-2",
    "status": "completed",
    "date": "2025-10-03",
    "vaccineCode": {"text": "Influenza", "coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "158"}]},
    "patient": {"reference": "Patient/p-2"},
    "wasNotGiven": False,
    "reported": True,
    "performer": {"display": "Nurse Ada Example"},
    "manufacturer": {"display": "Example Vaccines"},
    "location": {"display": "Example Clinic"},
    "lotNumber": "L-77",
    "expirationDate": "2026-06-30",
    "site": {"text": "Left arm"},
    "route": {"text": "Intramuscular"},
    "doseQuantity": quantity("0.50", "mL"),
    "note": [{"text": "No reaction."}],
    "explanation": {"reason": [{"text": "Yearly"}]},
    "vaccinationProtocol": [{"doseSequence": 2, "seriesDoses": 3}],
}
STU3: Json = {
    **{key: item for key, item in DSTU2.items() if key not in {"wasNotGiven", "reported", "performer"}},
    "id": "i-3",
    "notGiven": False,
    "primarySource": False,
    "practitioner": [{"actor": {"display": "Nurse Ada Example"}}],
}
_OLD = {"date", "wasNotGiven", "reported", "explanation", "vaccinationProtocol"}
R4: Json = {
    **{key: item for key, item in DSTU2.items() if key not in _OLD},
    "id": "i-4",
    "occurrenceDateTime": "2025-10-03",
    "primarySource": False,
    "performer": [{"actor": {"display": "Nurse Ada Example"}}],
    "reasonCode": [{"text": "Yearly"}],
    "protocolApplied": [{"doseNumberPositiveInt": 2, "seriesDosesPositiveInt": 3}],
}
R4B: Json = {**R4, "id": "i-4b"}
R5: Json = {
    **{key: item for key, item in R4.items() if key != "reasonCode"},
    "id": "i-5",
    "manufacturer": {"reference": {"display": "Example Vaccines"}},
    "reason": [{"concept": {"text": "Yearly"}}],
    "protocolApplied": [{"doseNumber": "2", "seriesDoses": "3"}],
}
GOLDEN = (DSTU2, STU3, R4, R4B, R5)


@pytest.mark.parametrize("resource", GOLDEN, ids=["DSTU2", "STU3", "R4", "R4B", "R5"])
def test_a_given_vaccine_in_every_version(resource: Json) -> None:
    assert immunization(resource) == Immunization(
        reference=f"Immunization/{resource['id']}",
        vaccine=Coded("Influenza", "158", "CVX"),
        group=ImmunizationGroup.GIVEN,
        status=Tag("Given", Tone.OK),
        occurred=When(start=PartialDate("2025-10-03", 2025, 10, 3)),
        reasons=("Yearly",),
        source="Reported, not recorded by those who gave it",
        dose="2 of 3",
        amount="0.5 mL",
        lot="L-77",
        expires=PartialDate("2026-06-30", 2026, 6, 30),
        manufacturer="Example Vaccines",
        site="Left arm",
        route="Intramuscular",
        performers=("Nurse Ada Example",),
        place="Example Clinic",
        notes=("No reaction.",),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"wasNotGiven": True, "explanation": {"reasonNotGiven": [{"text": "Declined"}]}},
        {"notGiven": True, "explanation": {"reasonNotGiven": [{"text": "Declined"}], "reason": [{"text": "Yearly"}]}},
        {"status": "not-done", "statusReason": {"text": "Declined"}, "reasonCode": [{"text": "Yearly"}]},
    ],
    ids=["DSTU2", "STU3", "R4"],
)
def test_what_was_not_given_says_so_and_why(fields: Json) -> None:
    found = row(**fields)
    assert (found.group, found.status) == (ImmunizationGroup.NOT_GIVEN, Tag("Not given", Tone.BAD))
    assert found.reasons == ("Declined",)


@pytest.mark.parametrize(
    ("fields", "group", "word"),
    [
        ({"status": None}, ImmunizationGroup.UNCLEAR, "Status not given"),
        ({"status": "in-progress"}, ImmunizationGroup.UNCLEAR, "In progress"),
        ({"status": "stopped"}, ImmunizationGroup.UNCLEAR, "Stopped"),
        ({"status": "perhaps"}, ImmunizationGroup.UNCLEAR, "perhaps"),
        ({"status": 5}, ImmunizationGroup.UNCLEAR, "Status could not be read"),
        ({"wasNotGiven": "maybe"}, ImmunizationGroup.UNCLEAR, "Given"),
        ({"status": "entered-in-error", "notGiven": True}, ImmunizationGroup.ENTERED_IN_ERROR, "Entered in error"),
    ],
)
def test_what_cannot_be_told_never_looks_given(fields: Json, group: ImmunizationGroup, word: str) -> None:
    found = row(**fields)
    assert (found.group, found.status.word) == (group, word)


def test_a_date_in_words_is_kept() -> None:
    assert row(occurrenceString="as a child").occurred == When(text="as a child")
    assert row().occurred is Missing.NOT_RECORDED


def test_who_reported_it_is_named() -> None:
    assert (
        row(primarySource=False, reportOrigin={"text": "Patient's card"}).source == "Reported, source: Patient's card"
    )
    told = row(informationSource={"reference": {"display": "Ada Quill"}})
    assert told.source == "Reported, source: Ada Quill"
    assert row(primarySource=True).source == ""


def test_a_vaccine_is_never_without_a_name() -> None:
    assert row().vaccine == Coded("Vaccine not named", named=False)


def test_an_expired_or_weak_dose_is_marked() -> None:
    assert row(occurrenceDateTime="2026-02-01", expirationDate="2026-01-01", isSubpotent=True).marks == (
        "The EHR marks this dose as too weak to count",
        "The recorded expiration date lies before the date of giving",
    )


TOUCHES = {
    "id": frozenset({"reference"}),
    "status": frozenset({"group", "status"}),
    "wasNotGiven": frozenset({"group", "status", "reasons"}),
    "notGiven": frozenset({"group", "status", "reasons"}),
    "date": frozenset({"occurred"}),
    "occurrenceDateTime": frozenset({"occurred"}),
    "vaccineCode": frozenset({"vaccine"}),
    "reported": frozenset({"source"}),
    "primarySource": frozenset({"source"}),
    "performer": frozenset({"performers"}),
    "practitioner": frozenset({"performers"}),
    "manufacturer": frozenset({"manufacturer"}),
    "location": frozenset({"place"}),
    "lotNumber": frozenset({"lot"}),
    "expirationDate": frozenset({"expires"}),
    "site": frozenset({"site"}),
    "route": frozenset({"route"}),
    "doseQuantity": frozenset({"amount"}),
    "note": frozenset({"notes"}),
    "explanation": frozenset({"reasons"}),
    "reasonCode": frozenset({"reasons"}),
    "reason": frozenset({"reasons"}),
    "vaccinationProtocol": frozenset({"dose"}),
    "protocolApplied": frozenset({"dose"}),
}


@pytest.mark.parametrize("golden", [DSTU2, STU3, R5], ids=lambda golden: str(golden["id"]))
def test_a_broken_element_costs_no_more_than_itself(golden: Json) -> None:
    assert list(losses(immunization, golden, TOUCHES)) == []


@pytest.mark.parametrize("resource", [None, [], "x", {}, {"resourceType": "Condition"}])
def test_what_is_no_immunization_is_unreadable(resource: Any) -> None:
    with pytest.raises(Unreadable):
        immunization(resource)


@pytest.mark.parametrize("version", list(FhirVersion))
def test_every_version_asks_for_immunizations_by_patient(version: FhirVersion) -> None:
    reader = reader_for(version)
    assert reader.IMMUNIZATION_QUERIES == (("Immunization", (("patient", "{patient}"),)),)
    assert reader.immunization(R4).vaccine.text == "Influenza"
