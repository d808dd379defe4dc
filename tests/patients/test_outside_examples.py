"""Outside example resources on the chart: each is answered by a played EHR and must be found on the page.

Collected only where SMARTPORTAL_EXAMPLES names a folder laid out as <dstu2|stu3|r4>/*.json. The example's own subject
is the patient of the launch; what only a server would add (an id, a subject in place of a placeholder) is added here.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.patients.played import Json, PlayedEhr, chart_of, open_launch

pytestmark = pytest.mark.django_db
NON_WORDS = ("None", "null", "undefined", "[object", "{'", "Decimal(", "&lt;div", "Traceback")
ORDER = {"dstu2": "MedicationOrder", "stu3": "MedicationRequest", "r4": "MedicationRequest"}
DRUGS = ("MedicationOrder", "MedicationRequest", "MedicationStatement")
SHOWN = ("Condition", *DRUGS)
NEVER_BLANK = {"td", "th", "dd", "dt", "b", "h1", "h2", "h3", "title", "q", "p"}
VOID = {"meta", "link", "input", "br"}


def examples() -> list[tuple[str, str, int]]:
    """Version, file and number within the file of each resource; none when the variable is not set."""
    folder = os.environ.get("SMARTPORTAL_EXAMPLES", "")
    if not folder:
        return []
    paths = sorted(path for version in ORDER for path in Path(folder, version).glob("*.json"))
    return [(path.parent.name, str(path), number) for path in paths for number in range(len(resources(path)))]


def resources(path: Path) -> list[Json]:
    """The resources of a file: its own, or those of its Bundle."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["resourceType"] != "Bundle":
        return [document]
    return [entry["resource"] for entry in document.get("entry", []) if "resource" in entry]


class Page(HTMLParser):
    """What stands on a page to be read, element by element, and its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self.elements[index][2].append(data)

    def words(self, **attributes: str) -> list[str]:
        """The text of each element with these attributes, white space made single."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            single("".join(text))
            for _, attrs, text in self.elements
            if all(attrs.get(name) == value for name, value in wanted.items())
        ]

    def records(self) -> dict[str, str]:
        """The text of each record by its reference."""
        return {
            reference: single("".join(text))
            for _, attrs, text in self.elements
            for reference in attrs.get("data-record", "").split()
        }

    def blank_cells(self) -> list[str]:
        blank = (each for each in self.elements if not "".join(each[2]).strip(" \n\xa0—"))
        # A live region is blank until something is announced.
        return [f"<{tag} {attrs}>" for tag, attrs, _ in blank if tag in NEVER_BLANK and attrs.get("role") != "status"]


def single(text: str) -> str:
    return " ".join(text.split())


def subject_of(resource: Json) -> str:
    reference = (resource.get("subject") or resource.get("patient") or {}).get("reference", "")
    return re.split("[/:]", reference)[-1] if reference else "example"


def as_served(resource: Json, version: str) -> Json:
    """What a server makes of it: with an id, a subject that can be told, and a drug within an order."""
    served = copy.deepcopy(resource)
    if served["resourceType"] == "Medication":
        drug = {**served, "id": "drug"}
        reference = {"medicationReference": {"reference": "#drug"}}
        served = {"resourceType": ORDER[version], "id": "order-of-it", "contained": [drug], **reference}
    served.setdefault("id", "given-by-the-server")
    if served["resourceType"] in (*SHOWN, "AllergyIntolerance"):
        key = "patient" if "patient" in served or (version == "dstu2" and "subject" not in served) else "subject"
        served[key] = {"reference": f"Patient/{subject_of(served)}"}
    return served


def made_up_patient(version: str, patient_id: str) -> Json:
    family: Any = ["Invented"] if version == "dstu2" else "Invented"
    name = {"use": "official", "family": family, "given": ["Ada"]}
    return {"resourceType": "Patient", "id": patient_id, "name": [name], "gender": "female", "birthDate": "1980-02-01"}


def chart(resource: Json, version: str) -> Page:
    """The chart of this resource's patient, over the real addresses."""
    is_patient = resource["resourceType"] == "Patient"
    patient = resource if is_patient else made_up_patient(version, subject_of(resource))
    ehr = PlayedEhr(patient, {resource["resourceType"]: resource}, version.upper(), beside={})
    status, html = chart_of(open_launch(patient["id"], version.upper()), ehr)
    assert status == 200, html
    return Page(html)


def concept_words(concept: Any) -> list[str]:
    """What a CodeableConcept says: its text, or its codings' displays, or their bare codes."""
    concept = concept if isinstance(concept, dict) else {}
    codings = concept.get("coding", [])
    codes = [coding["code"] for coding in codings if "code" in coding]
    displays = [coding["display"] for coding in codings if coding.get("display")]
    text = concept.get("text", "")
    return [text] if text and text not in codes else displays or codes


def main_words(resource: Json) -> list[str]:
    """Words of which one at least must be read on the chart; none when the resource has no name for what it is."""
    if resource["resourceType"] == "Condition":
        return concept_words(resource.get("code"))
    if resource["resourceType"] in DRUGS:
        reference = resource.get("medicationReference", {})
        held = {f"#{each['id']}": each for each in resource.get("contained", [])}
        drug = held.get(reference.get("reference", ""), {})
        words = concept_words(resource.get("medicationCodeableConcept")) or concept_words(drug.get("code"))
        return words or [word for word in (reference.get("display"),) if word] or list(ingredients(drug))
    return []


def ingredients(drug: Json) -> Iterator[str]:
    for item in (*drug.get("ingredient", []), *drug.get("product", {}).get("ingredient", [])):
        yield from concept_words(item.get("itemCodeableConcept"))
        yield from (word for word in (item.get("item", {}).get("display"),) if word)


def entered_in_error(resource: Json) -> bool:
    states = (resource.get("status"), resource.get("verificationStatus"), resource.get("clinicalStatus"))
    return any("entered-in-error" in json.dumps(state) for state in states if state)


def check_banner(page: Page, patient: Json) -> None:
    """The names as sent, whichever the banner chose, the year of birth and the sex."""
    (name,), (born,), (sex,) = (page.words(data_field=field) for field in ("name", "born", "sex"))
    assert name
    assert name != "Name not recorded" or not any(map(name_words, patient.get("name", [])))
    families = [word for each in patient.get("name", []) for word in name_words(each)]
    assert not families or any(word.casefold() in name.casefold() for word in families)
    assert (patient["birthDate"][:4] if "birthDate" in patient else "not recorded") in born
    assert patient.get("gender", "").casefold() in sex.casefold()
    assert sex.removeprefix("Sex").strip()


def name_words(name: Json) -> list[str]:
    family = name.get("family") or []
    parts = [*(family if isinstance(family, list) else [family]), *name.get("given", []), name.get("text", "")]
    return [single(part) for part in parts if part]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "example" in metafunc.fixturenames:
        metafunc.parametrize("example", examples(), ids=lambda one: f"{one[0]}/{Path(one[1]).stem}-{one[2]}")


if examples():

    def test_an_example_is_found_on_its_patients_chart(example: tuple[str, str, int]) -> None:
        version, path, number = example
        resource = as_served(resources(Path(path))[number], version)
        page = chart(resource, version)
        for word in NON_WORDS:
            assert word not in page.html, page.html[max(0, page.html.index(word) - 200) :][:400]
        assert page.blank_cells() == []
        kind, reference = resource["resourceType"], f"{resource['resourceType']}/{resource['id']}"
        patient = resource if kind == "Patient" else made_up_patient(version, subject_of(resource))
        assert f"Patient/{patient['id']}" in page.records()
        check_banner(page, patient)
        if kind not in SHOWN:
            return
        if entered_in_error(resource):
            assert reference not in page.records()
            return
        shown = page.records()[reference]
        words = main_words(resource)
        assert not words or any(single(word) in shown for word in words), (words, shown)
        dosages = [*resource.get("dosageInstruction", []), *resource.get("dosage", [])]
        assert [text for each in dosages if (text := single(each.get("text", ""))) not in shown] == []
        assert "Part of this record could not be read" not in page.html
