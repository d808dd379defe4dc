"""Addresses, telephone numbers, contact persons and languages of a patient, as labelled plain text."""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.codes import concept_at, is_bare
from patients.readers.datatypes import Fields, as_list, many, normal_code, number, one, text_at, unique, why_missing
from patients.readers.dates import is_current
from patients.readers.names import reference_name, spoken_name
from patients.readers.text import clean_lines
from patients.readers.wording import said, worded
from patients.records import Contact, ContactPerson

_MEANS: Mapping[str, str] = worded(
    {
        "phone": "Phone",
        "fax": "Fax",
        "email": "E-mail",
        "pager": "Pager",
        "url": "Web",
        "sms": "Text message",
        "other": "Other contact",
    }
)
_USES: Mapping[str, str] = worded(
    {
        "home": "home",
        "work": "work",
        "mobile": "mobile",
        "billing": "billing",
        "temp": "temporary",
        "old": "old",
    }
)


def telecom(holder: Fields) -> tuple[Contact, ...]:
    """ContactPoints by rank, old ones last; one without a value is left out."""
    points = [point for point in many(holder, "telecom") if text_at(point, "value")]
    points.sort(key=lambda point: (is_old(point), _rank(point)))
    return tuple(Contact(label=_telecom_label(point), value=text_at(point, "value")) for point in points)


def is_old(holder: Fields) -> bool:
    return normal_code(text_at(holder, "use")) == "old" or not is_current(holder)


def _rank(point: Fields) -> int:
    value = number(point.get("rank"))
    return int(value) if value is not None and 0 < value < 1000 else 1000


def _telecom_label(point: Fields) -> str:
    system = text_at(point, "system")
    use = normal_code(text_at(point, "use"))
    means = _MEANS.get(normal_code(system))
    label = said(means) if means else system or said("Contact")
    use = _use_words("old" if is_old(point) else use)
    return f"{label}, {use}" if use else label


def _use_words(use: str) -> str:
    known = _USES.get(use)
    return said(known) if known else use


def addresses(holder: Fields) -> tuple[str, ...]:
    """Each address in one line; a use other than home stands behind it in parentheses; old ones come last."""
    found = many(holder, "address")
    found.sort(key=is_old)
    return unique(_with_use(address, _address_line(address)) for address in found)


def _address_line(address: Fields) -> str:
    if lines := clean_lines(address.get("text")):
        return ", ".join(lines)
    street = [line for item in as_list(address.get("line")) for line in clean_lines(item)]
    place = " ".join(part for part in (text_at(address, "state"), text_at(address, "postalCode")) if part)
    parts = (*street, text_at(address, "city"), text_at(address, "district"), place, text_at(address, "country"))
    return ", ".join(part for part in parts if part)


def _with_use(address: Fields, line: str) -> str:
    use = "old" if is_old(address) else normal_code(text_at(address, "use"))
    return f"{line} ({_use_words(use)})" if line and use and use != "home" else line


_RELATIONSHIPS: Mapping[str, str] = worded(
    {
        # http://terminology.hl7.org/CodeSystem/v2-0131
        "c": "Emergency contact",
        "n": "Next of kin",
        "e": "Employer",
        "f": "Federal agency",
        "i": "Insurance company",
        "s": "State agency",
        "cp": "Contact person",
        "ep": "Emergency contact person",
        "pr": "Person preparing referral",
        "bp": "Billing contact person",
        # DSTU2, http://hl7.org/fhir/patient-contact-relationship
        "emergency": "Emergency contact",
        "family": "Family",
        "guardian": "Guardian",
        "friend": "Friend",
        "partner": "Partner",
        "work": "Work",
        "caregiver": "Caregiver",
        "agent": "Agent",
        "guarantor": "Guarantor",
        "owner": "Owner",
        "parent": "Parent",
    }
)


def contact_persons(patient: Fields) -> tuple[ContactPerson, ...]:
    """Patient.contact; an entry that says nothing at all is left out."""
    return tuple(person for item in many(patient, "contact") if (person := _contact_person(patient, item)))


def _contact_person(patient: Fields, item: Fields) -> ContactPerson | None:
    relationship = ", ".join(unique(_relationship({"": value}) for value in as_list(item.get("relationship"))))
    name = spoken_name(item) or reference_name(patient, one(item, "organization"))
    numbers = telecom(item)
    if not (relationship or name or numbers):
        return None
    return ContactPerson(
        relationship=relationship or why_missing(item, "relationship"),
        name=name or why_missing(item, "name", "organization"),
        telecom=numbers,
    )


def _relationship(holder: Fields) -> str:
    """One relationship: a code known to us as a word when the EHR sent neither text nor display."""
    found = concept_at(holder, "")
    if not found:
        return ""
    known = _RELATIONSHIPS.get(normal_code(found.code)) if found.code and is_bare(found) else None
    return said(known) if known else found.text


_LANGUAGES: Mapping[str, str] = worded({
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fa": "Persian", "fr": "French", "hi": "Hindi",
    "ht": "Haitian Creole", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ru": "Russian", "so": "Somali", "tl": "Tagalog", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "yue": "Cantonese", "zh": "Chinese",
})  # fmt: skip


def languages(patient: Fields) -> tuple[str, ...]:
    """Languages in words, the preferred one marked and first."""
    entries = sorted(many(patient, "communication"), key=lambda entry: entry.get("preferred") is not True)
    return unique(_language(entry) for entry in entries)


def _language(entry: Fields) -> str:
    found = concept_at(entry, "language")
    if not found:
        return ""
    name = found.text
    if not found.code or is_bare(found):
        language, _, region = (found.code or name).partition("-")
        known = said(_LANGUAGES.get(language.lower(), ""))
        name = (f"{known} ({region.upper()})" if region else known) if known else name
    return said("%(language)s (preferred)") % {"language": name} if entry.get("preferred") is True else name
