"""A patient's business identifiers: what each is called, and which of them is the medical record number."""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.contacts import is_old
from patients.readers.datatypes import Fields, many, normal_code, one, text_at, why_missing
from patients.readers.wording import said, worded
from patients.records import Identifier, Missing

# http://terminology.hl7.org/CodeSystem/v2-0203, the codes of Identifier.type
_IDENTIFIER_TYPES: Mapping[str, str] = worded(
    {
        "MR": "MRN",
        "MRN": "MRN",
        "DL": "Driver's license number",
        "PPN": "Passport number",
        "SS": "Social Security number",
        "SB": "Social beneficiary identifier",
        "MA": "Medicaid number",
        "MC": "Medicare number",
        "NI": "National identifier",
        "PI": "Patient internal identifier",
        "PT": "Patient external identifier",
        "PN": "Person number",
        "EN": "Employer number",
        "AN": "Account number",
        "HC": "Health card number",
        "JHN": "Jurisdictional health number",
        "MB": "Member number",
        "SN": "Subscriber number",
        "AC": "Accreditation number",
        "TAX": "Tax number",
    }
)
_IDENTIFIER_SYSTEMS: Mapping[str, str] = worded(
    {
        "http://hl7.org/fhir/sid/us-ssn": "Social Security number",
        "urn:oid:2.16.840.1.113883.4.1": "Social Security number",
        "http://hl7.org/fhir/sid/us-medicare": "Medicare number",
        "http://hl7.org/fhir/sid/us-mbi": "Medicare number",
    }
)
_MRN_WORDS = frozenset(
    {"mrn", "mr", "medical record number", "medical record no", "patient mrn", "patient medical record number"}
)


def identifiers(patient: Fields, *, mrn_system: str = "") -> tuple[Identifier, ...]:
    """All business identifiers with a value, with the label to show before each; `mrn_system` as below."""
    among = _of_mrn_system(patient, mrn_system)
    found = (_identifier(item, among) for item in many(patient, "identifier") if text_at(item, "value"))
    return tuple(dict.fromkeys(found))


def _identifier(item: Fields, chosen: list[Fields]) -> Identifier:
    is_mrn = item in chosen if chosen else _mrn_rank(item) is not None
    label = said("MRN") if is_mrn else _identifier_label(item)
    if is_old(item):
        label = said("%(label)s (old)") % {"label": label}
    return Identifier(label=label, value=text_at(item, "value"), system=text_at(item, "system"))


def _identifier_label(item: Fields) -> str:
    kind, system = one(item, "type"), text_at(item, "system")
    codings = many(kind, "coding")
    words = text_at(kind, "text") or next((text for coding in codings if (text := text_at(coding, "display"))), "")
    codes = (_IDENTIFIER_TYPES.get(text_at(coding, "code").upper(), "") for coding in codings)
    by_code = next((label for label in codes if label), "")
    assigner = text_at(one(item, "assigner"), "display")
    return (
        words
        or said(_IDENTIFIER_SYSTEMS.get(system, "") or by_code)
        or (said("Identifier of %(assigner)s") % {"assigner": assigner} if assigner else said("Identifier"))
    )


def _mrn_rank(item: Fields) -> int | None:
    """How surely this is a medical record number: 0 by the type's code, 1 by words, 2 by the system; None if not."""
    kind = one(item, "type")
    codings = many(kind, "coding")
    if any(text_at(coding, "code").upper() in {"MR", "MRN"} for coding in codings):
        return 0
    words = (text_at(kind, "text"), *(text_at(coding, "display") for coding in codings))
    if any(word.lower().rstrip(".") in _MRN_WORDS for word in words):
        return 1
    last = text_at(item, "system").rstrip("/").rpartition("/")[2].lower()
    return 2 if not codings and last in {"mrn", "mr", "medical-record-number"} else None


_USE_ORDER: Mapping[str, int] = {"usual": 0, "official": 1, "": 2, "temp": 3, "secondary": 4}


def _of_mrn_system(patient: Fields, mrn_system: str) -> list[Fields]:
    """The current identifiers with a value whose system is exactly `mrn_system`; none for ""."""
    if not mrn_system:
        return []
    return [
        item
        for item in many(patient, "identifier")
        if text_at(item, "system") == mrn_system and text_at(item, "value") and not is_old(item)
    ]


def medical_record_number(patient: Fields, *, mrn_system: str = "") -> Identifier | Missing:
    """The surest current MRN: usual before official before the rest. Never the FHIR id, never an expired number.

    With an `mrn_system` it is the one of that system, whatever its type says. A patient who has none of it (and with
    "") has the one that the EHR marks so.
    """
    ranked: list[tuple[int, int, int, Identifier]] = []
    reasons = []
    chosen = _of_mrn_system(patient, mrn_system)
    for item in chosen or many(patient, "identifier"):
        rank = 0 if chosen else _mrn_rank(item)
        if rank is None or is_old(item):
            continue
        if value := text_at(item, "value"):
            use = _USE_ORDER.get(normal_code(text_at(item, "use")), 2)
            ranked.append(
                (rank, use, len(ranked), Identifier(label=said("MRN"), value=value, system=text_at(item, "system")))
            )
        else:
            reasons.append(why_missing(item, "value"))
    if ranked:
        return min(ranked, key=lambda entry: entry[:3])[3]
    return reasons[0] if reasons else _no_number(patient)


def _no_number(patient: Fields) -> Missing:
    """Not recorded when the list is readable but holds nothing fitting, else what `why_missing` says."""
    return Missing.NOT_RECORDED if many(patient, "identifier") else why_missing(patient, "identifier")
