"""Observations in five versions: values of every type, digits and units as sent, flags, ranges, reasons, status."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.datatypes import Unreadable
from patients.readers.observation import observation
from patients.readers.select import reader_for
from patients.records import (
    Coded,
    Missing,
    Observation,
    ObservationGroup,
    PartialDate,
    Reading,
    ReferenceRange,
    Tag,
    Tone,
    When,
)
from tests.patients.readers.golden import quantity
from tests.patients.readers.mutating import losses

Json = dict[str, Any]
LOINC = "http://loinc.org"


def loinc(code: str, text: str) -> Json:
    return {"text": text, "coding": [{"system": LOINC, "code": code, "display": text}]}


def row(**fields: Any) -> Observation:
    return observation({"resourceType": "Observation", "id": "o", "status": "final", **fields})


def value(**fields: Any) -> Reading:
    found = row(**fields).value
    assert found is not None
    return found


def flag(code: str) -> Json:
    return {"coding": [{"system": "http://hl7.org/fhir/v2/0078", "code": code}]}


LAB_DSTU2: Json = {
    "resourceType": "Observation",
    "id": "o-2",
    "status": "final",
    "category": {"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "laboratory"}]},
    "code": loinc("2823-3", "Potassium"),
    "subject": {"reference": "Patient/p-2"},
    "effectiveDateTime": "2026-01-08T07:30:00Z",
    "issued": "2026-01-08T09:00:00Z",
    "performer": [{"display": "Example Laboratory"}],
    "valueQuantity": quantity("5.70", "mmol/L"),
    "interpretation": flag("HH"),
    "comments": "Not hemolyzed.",
    "method": {"text": "Ion selective electrode"},
    "referenceRange": [{"low": quantity("3.5", "mmol/L"), "high": quantity("5.0", "mmol/L")}],
    "related": [{"type": "has-member", "target": {"reference": "Observation/9"}}, {"type": "derived-from"}],
}
LAB_STU3: Json = {
    **{key: item for key, item in LAB_DSTU2.items() if key != "comments"},
    "id": "o-3",
    "category": [LAB_DSTU2["category"]],
    "comment": "Not hemolyzed.",
}
LAB_R4: Json = {
    **{key: item for key, item in LAB_DSTU2.items() if key not in {"comments", "related"}},
    "id": "o-4",
    "category": [LAB_DSTU2["category"]],
    "note": [{"text": "Not hemolyzed."}],
    "interpretation": [flag("HH")],
    "hasMember": [{"reference": "Observation/9"}],
}
LAB_R4B: Json = {**LAB_R4, "id": "o-4b"}
LAB_R5: Json = {**LAB_R4, "id": "o-5"}
LABS = (LAB_DSTU2, LAB_STU3, LAB_R4, LAB_R4B, LAB_R5)
PRESSURE: Json = {
    "resourceType": "Observation",
    "id": "o-bp",
    "status": "final",
    "category": [{"text": "Vital Signs"}],
    "code": loinc("85354-9", "Blood pressure panel"),
    "effectivePeriod": {"start": "2026-01-08", "end": "2026-01-09"},
    "bodySite": {"text": "Left arm"},
    "component": [
        {
            "code": loinc("8480-6", "Systolic"),
            "valueQuantity": quantity("128", "mm[Hg]"),
            "interpretation": [flag("H")],
        },
        {
            "code": loinc("8462-4", "Diastolic"),
            "dataAbsentReason": {"coding": [{"code": "not-performed"}]},
            "referenceRange": [{"text": "60 to 80"}],
        },
    ],
}


@pytest.mark.parametrize("resource", LABS, ids=["DSTU2", "STU3", "R4", "R4B", "R5"])
def test_a_laboratory_result_in_every_version(resource: Json) -> None:
    found = observation(resource)
    assert found.name == Coded("Potassium", "2823-3", "LOINC")
    assert found.kinds == {"laboratory"}
    assert (found.group, found.status) == (ObservationGroup.RESULT, Tag("Final", Tone.OK))
    assert found.value == Reading(
        words="5.70 mmol/L", number=Decimal("5.70"), digits="5.70", unit="mmol/L", unit_key="mmol/L"
    )
    assert found.flags == (Tag("Critical high", Tone.BAD),)
    assert found.ranges == (
        ReferenceRange(words="3.5 to 5.0 mmol/L", low=Decimal("3.5"), high=Decimal("5.0"), unit_key="mmol/L"),
    )
    assert isinstance(found.taken, When)
    assert found.at
    assert found.at.exact == PartialDate("2026-01-08", 2026, 1, 8).exact
    assert (found.notes, found.members) == (("Not hemolyzed.",), ("Observation/9",))
    assert (found.performers, found.method, found.marks) == (("Example Laboratory",), "Ion selective electrode", ())


def test_a_blood_pressure_has_its_values_in_components() -> None:
    found = observation(PRESSURE)
    upper, lower = found.components
    assert found.value is None
    assert (upper.codes, upper.value.words, upper.flags) == (("8480-6",), "128 mmHg", (Tag("High", Tone.WARN),))
    assert lower.value == Reading(missing=Missing.NOT_PERFORMED)
    assert lower.ranges[0].words == "60 to 80"
    assert (sorted(found.kinds), found.body_site) == (["vital-signs"], "Left arm")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"valueQuantity": quantity("5.0", "mg/dL")}, "5.0 mg/dL"),
        ({"valueQuantity": quantity("0.50", "mg/dL")}, "0.50 mg/dL"),
        ({"valueQuantity": quantity("250000", "/uL")}, "250000 per mcL"),
        ({"valueQuantity": {**quantity("5", "mg/dL"), "comparator": "<"}}, "<5 mg/dL"),
        ({"valueQuantity": {**quantity("90", "mL/min"), "comparator": ">="}}, ">=90 mL/min"),
        ({"valueQuantity": {"value": 7}}, "7 (unit not given)"),
        ({"valueQuantity": quantity("1.2", "1")}, "1.2"),
        ({"valueQuantity": quantity("30", "U/L")}, "30 units/L"),
        ({"valueQuantity": quantity("30", "[IU]/mL")}, "30 units/mL"),
        ({"valueQuantity": quantity("3", "uIU/mL")}, "3 microunits/mL"),
        ({"valueQuantity": quantity("3", "MIU/L")}, "3 MIU/L"),
        ({"valueQuantity": quantity("4", "ug/dL")}, "4 mcg/dL"),
        ({"valueQuantity": quantity("4.1", "10*3/uL")}, "4.1 thousand/mcL"),
        ({"valueQuantity": quantity("98", "%")}, "98%"),
        ({"valueQuantity": quantity("72", "/min")}, "72 per minute"),
        ({"valueQuantity": quantity("37.0", "Cel")}, "37.0 °C"),
        ({"valueQuantity": {"value": 70, "unit": "lb", "code": "kg"}}, "70 lb (coded as kg)"),
        ({"valueQuantity": {"value": "5.10", "unit": "g/dL"}}, "5.10 g/dL"),
        ({"valueCodeableConcept": {"text": "Positive"}}, "Positive"),
        ({"valueString": "Not seen\nSee report"}, "Not seen\nSee report"),
        ({"valueBoolean": False}, "No"),
        ({"valueInteger": 0}, "0"),
        ({"valueRange": {"low": quantity("1", "mg"), "high": quantity("2.0", "mg")}}, "1 to 2.0 mg"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "1:128"),
        ({"valueRatio": {"numerator": quantity("5", "mg"), "denominator": quantity("1", "g")}}, "5 mg per 1 g"),
        (
            {"valueSampledData": {"origin": quantity("0", "mV"), "data": "1 2 E 4"}},
            "Recorded curve of 4 values in mV (open it in the EHR)",
        ),
        ({"valueTime": "14:05:00"}, "14:05:00"),
        ({"valueDateTime": "2026-01-08T14:05:00Z"}, "08-Jan-2026 14:05"),
        ({"valueDateTime": "2026-01"}, "Jan-2026"),
        ({"valuePeriod": {"start": "2026-01-08"}}, "08-Jan-2026 to …"),
        ({"valueAttachment": {"title": "ECG"}}, "Attached file: ECG (open it in the EHR)"),
        ({"valueReference": {"display": "Sequence 7"}}, "See Sequence 7"),
    ],
)
def test_a_value_of_every_type_keeps_its_digits(fields: Json, words: str) -> None:
    assert value(**fields).words == words


def test_a_bounded_number_is_no_exact_one() -> None:
    assert value(valueQuantity={**quantity("5", "mg/dL"), "comparator": "<"}).exact is None
    assert value(valueQuantity=quantity("5", "mg/dL")).exact == 5


def test_an_unknown_comparator_makes_the_value_unreadable_instead_of_wrong() -> None:
    assert value(valueQuantity={**quantity("5", "mg/dL"), "comparator": "~"}).missing is Missing.UNREADABLE


def test_why_there_is_no_value_is_said() -> None:
    assert value().missing is Missing.NOT_RECORDED
    assert value(valueQuantity=5).missing is Missing.UNREADABLE
    assert value(dataAbsentReason={"coding": [{"code": "not-performed"}]}).missing is Missing.NOT_PERFORMED
    assert value(dataAbsentReason={"coding": [{"code": "masked"}]}).missing is Missing.MASKED
    told = value(dataAbsentReason={"text": "Patient refused"})
    assert (told.missing, told.reason) == (Missing.UNKNOWN, "Patient refused")
    both = value(valueString="5", dataAbsentReason={"coding": [{"code": "error"}]})
    assert both == Reading(words="5")


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        (flag("H"), "High"),
        ([flag("L")], "Low"),
        ([{"text": "H"}], "High"),
        ([{"text": "critical high"}], "Critical high"),
        ([{"text": "A bit off"}], "A bit off"),
        ([{"coding": [{"system": "urn:local", "code": "A", "display": "Adequate"}]}], "Adequate"),
    ],
)
def test_a_flag_is_the_word_of_the_ehr(sent: object, word: str) -> None:
    assert [tag.word for tag in row(interpretation=sent).flags] == [word]


def test_no_flag_is_computed_from_a_range() -> None:
    found = row(valueQuantity=quantity("99", "mmol/L"), referenceRange=[{"high": quantity("5", "mmol/L")}])
    assert found.flags == ()


@pytest.mark.parametrize(
    ("sent", "words", "low", "high"),
    [
        ({"low": quantity("3.50", "g"), "high": quantity("5.0", "g")}, "3.50 to 5.0 g", "3.50", "5.0"),
        ({"high": quantity("5", "g")}, "up to 5 g", None, "5"),
        ({"low": quantity("3", "g")}, "at least 3 g", "3", None),
        ({"text": "Negative"}, "Negative", None, None),
        ({"low": quantity("3", "g"), "high": {"value": "many"}, "text": "3 or more"}, "3 or more", None, None),
    ],
)
def test_a_reference_range_is_shown_as_sent(sent: Json, words: str, low: str | None, high: str | None) -> None:
    (found,) = row(referenceRange=[sent]).ranges
    assert (found.words, found.low, found.high) == (words, low and Decimal(low), high and Decimal(high))


def test_a_range_for_some_people_says_for_whom() -> None:
    sent = {"text": "3 to 5", "appliesTo": [{"text": "Women"}], "age": {"low": quantity("18", "a")}}
    (found,) = row(referenceRange=[sent]).ranges
    assert (found.applies_to, found.normal) == ("Women, age at least 18 years", False)


@pytest.mark.parametrize(
    ("status", "group", "word"),
    [
        ("preliminary", ObservationGroup.RESULT, "Preliminary"),
        ("corrected", ObservationGroup.RESULT, "Corrected"),
        ("registered", ObservationGroup.PENDING, "Registered, no result yet"),
        ("cancelled", ObservationGroup.CANCELLED, "Cancelled"),
        ("entered-in-error", ObservationGroup.ENTERED_IN_ERROR, "Entered in error"),
        ("sideways", ObservationGroup.RESULT, "sideways"),
        (None, ObservationGroup.RESULT, "Status not given"),
    ],
)
def test_status_words(status: str | None, group: ObservationGroup, word: str) -> None:
    found = row(status=status)
    assert (found.group, found.status.word) == (group, word)


def test_the_time_is_that_of_the_patient_not_of_the_report() -> None:
    assert row(effectiveInstant="2026-01-08", issued="2026-01-09").at == PartialDate("2026-01-08", 2026, 1, 8)
    assert row(effectiveTiming={"event": ["2026-01-08"]}).at == PartialDate("2026-01-08", 2026, 1, 8)
    assert row(issued="2026-01-09").taken == When(start=PartialDate("2026-01-09", 2026, 1, 9), label="Reported")
    assert row().taken is Missing.NOT_RECORDED
    strange = row(effectiveDateTime="last week")
    assert strange.at is None
    assert strange.marks == ("A date could not be read and is shown as sent",)


VALUE = frozenset({"value"})
TAKEN = frozenset({"taken"})
TOUCHES = {
    "id": frozenset({"reference"}),
    "status": frozenset({"group", "status"}),
    "category": frozenset({"kinds"}),
    "code": frozenset({"name", "codes"}),
    "effectiveDateTime": TAKEN,
    "effectivePeriod": TAKEN,
    "issued": frozenset({"issued"}),
    "performer": frozenset({"performers"}),
    "valueQuantity": VALUE,
    "interpretation": frozenset({"flags"}),
    "comments": frozenset({"notes"}),
    "comment": frozenset({"notes"}),
    "note": frozenset({"notes"}),
    "method": frozenset({"method"}),
    "bodySite": frozenset({"body_site"}),
    "referenceRange": frozenset({"ranges"}),
    "related": frozenset({"members"}),
    "hasMember": frozenset({"members"}),
    "component": frozenset({"components", "value"}),
}


@pytest.mark.parametrize("golden", [LAB_DSTU2, LAB_R4, PRESSURE], ids=lambda golden: str(golden["id"]))
def test_a_broken_element_costs_no_more_than_itself(golden: Json) -> None:
    assert list(losses(observation, golden, TOUCHES)) == []


@pytest.mark.parametrize(
    "element",
    [
        {"valueCodeableConcept": {"coding": [{"code": "1"}]}},
        {"valueRange": {"low": quantity("1", "mg")}},
        {"valueRatio": {"numerator": quantity("5", "mg"), "denominator": quantity("1", "g")}},
        {"valueSampledData": {"origin": quantity("0", "mV"), "data": "1 2"}},
        {"valuePeriod": {"start": "2026"}},
        {"valueAttachment": {"title": "ECG"}},
        {"valueString": "x", "valueBoolean": True, "valueInteger": 4, "valueTime": "10:00", "valueDateTime": "2026"},
    ],
    ids=lambda element: next(iter(element)),
)
def test_a_broken_value_is_never_a_non_word(element: Json) -> None:
    golden = {"resourceType": "Observation", "id": "o", "status": "final", **element}
    assert list(losses(observation, golden, {**TOUCHES, **dict.fromkeys(element, VALUE)})) == []


@pytest.mark.parametrize("resource", [None, [], "x", {}, {"resourceType": "Condition"}])
def test_what_is_no_observation_is_unreadable(resource: Any) -> None:
    with pytest.raises(Unreadable):
        observation(resource)


@pytest.mark.parametrize("version", list(FhirVersion))
def test_every_version_asks_by_category(version: FhirVersion) -> None:
    reader = reader_for(version)
    assert reader.VITALS_QUERIES == (("Observation", (("patient", "{patient}"), ("category", "vital-signs"))),)
    assert reader.LABS_QUERIES == (("Observation", (("patient", "{patient}"), ("category", "laboratory"))),)
    assert [reader.observation(lab).name.text for lab in LABS] == ["Potassium"] * 5
