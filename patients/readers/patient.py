"""A Patient of any FHIR version as Demographics.

Sources: https://hl7.org/fhir/DSTU2/patient.html, https://hl7.org/fhir/R4/patient.html, US Core's extensions for race,
ethnicity and sex (https://hl7.org/fhir/us/core/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from patients.readers.codes import concept_at, is_bare, undescribed, why_no_concept
from patients.readers.contacts import addresses, contact_persons, languages, telecom
from patients.readers.datatypes import (
    Fields,
    absent_reason,
    beside,
    extensions,
    flag_at,
    is_restricted,
    is_sent,
    many,
    modifier_marks,
    normal_code,
    number,
    reason_of,
    require_type,
    resource_id,
    text_at,
    unique,
    unreadable_flag,
    why_missing,
)
from patients.readers.dates import calendar_date, exact_time, in_future, is_before
from patients.readers.identifiers import identifiers, medical_record_number
from patients.readers.names import choose_name, preferred_name, reference_names
from patients.readers.quantities import plain_number
from patients.readers.shapes import PATIENT, unreadable_marks
from patients.readers.wording import said, worded
from patients.records import Contact, Demographics, Missing, PartialDate


def demographics(resource: Fields, *, mrn_system: str = "") -> Demographics:
    """Read a Patient of any version; raises Unreadable when it is none. `mrn_system`: which identifier is the MRN."""
    patient = require_type(resource, "Patient")
    name = choose_name(patient)
    return Demographics(
        id=resource_id(patient),
        name=name,
        preferred_name=preferred_name(patient, name),
        born=calendar_date(patient.get("birthDate")) or why_missing(patient, "birthDate"),
        birth_moment=_birth_moment(patient),
        sex=_sex(patient),
        mrn=medical_record_number(patient, mrn_system=mrn_system),
        identifiers=identifiers(patient, mrn_system=mrn_system),
        deceased=_deceased(patient),
        inactive=flag_at(patient, "active") is False,
        merged=any(normal_code(text_at(link, "type")) in {"replaced-by", "replace"} for link in many(patient, "link")),
        restricted=is_restricted(patient),
        addresses=addresses(patient),
        telecom=telecom(patient),
        languages=_languages(patient),
        marital_status=_marital_status(patient),
        race=_heritage(patient, "us-core-race", "argo-race"),
        ethnicity=_heritage(patient, "us-core-ethnicity", "argo-ethnicity"),
        general_practitioners=reference_names(patient, "generalPractitioner", "careProvider"),
        contacts=contact_persons(patient),
        multiple_birth=_multiple_birth(patient),
        sex_details=_sex_details(patient),
        marks=_marks(patient),
    )


def _birth_moment(patient: Fields) -> PartialDate | None:
    """The time of birth, from `_birthDate` or (against the rules) the Patient itself; None where it is on another day.

    HL7's own example of a newborn has day and month exchanged in one of the two: an age in hours would be wrong.
    """
    found = _sent_birth_moment(patient)
    born = calendar_date(patient.get("birthDate"))
    agrees = found and (not born or not born.exact or born.exact == found.exact)
    return found if agrees else None


def _sent_birth_moment(patient: Fields) -> PartialDate | None:
    for holder in (beside(patient, "birthDate"), patient):
        for extension in extensions(holder, "patient-birthTime"):
            found = exact_time(extension.get("valueDateTime"))
            if found and found.moment:
                return found
    return None


_SEXES: Mapping[str, str] = worded(
    {
        **dict.fromkeys(("male", "m", "248153007"), "Male"),
        **dict.fromkeys(("female", "f", "248152002"), "Female"),
        **dict.fromkeys(("other", "o", "oth"), "Other"),
        **dict.fromkeys(("unknown", "u", "unk"), "Unknown"),
        "un": "Undifferentiated",
        "asku": "Asked, not known",
        "asked-declined": "Asked, declined to answer",
        "nonbinary": "Non-binary",
    }
)


def _sex(patient: Fields) -> str | Missing:
    """The administrative gender as a word; where it is not sent, US Core's sex (US Core 9 allows that)."""
    if found := _sex_word(text_at(patient, "gender")):
        return found
    reason = why_missing(patient, "gender")
    detail = next((words for label, words in _recorded_sexes(patient) if label == "Sex"), "")
    return detail if detail and reason is Missing.NOT_RECORDED else reason


def _sex_word(sent: str) -> str:
    known = _SEXES.get(normal_code(sent))
    return said(known) if known else sent


_SEX_EXTENSIONS: Mapping[str, str] = worded(
    {
        "us-core-sex": "Sex",
        "us-core-individual-sex": "Sex",
        "us-core-birthsex": "Sex assigned at birth",
        "us-core-birth-sex": "Sex assigned at birth",
        "argo-birthsex": "Sex assigned at birth",
        "birthsex": "Sex assigned at birth",
        "patient-sexParameterForClinicalUse": "Sex for clinical use",
        "us-core-genderIdentity": "Gender identity",
        "patient-genderIdentity": "Gender identity",
        "individual-genderIdentity": "Gender identity",
    }
)


def _recorded_sexes(patient: Fields) -> list[tuple[str, str]]:
    """Every sex or gender besides the administrative one with a label of its own: they get confused otherwise."""
    found = []
    for name, label in _SEX_EXTENSIONS.items():
        for extension in extensions(patient, name):
            nested = next(extensions(extension, "value"), extension)
            words = concept_at(nested, "valueCodeableConcept", "valueCoding", "valueCode", "valueString")
            if words:
                coded = said(_SEXES.get(normal_code(words.code or words.text), ""))
                found.append((label, coded or words.text))
    return list(dict.fromkeys(found))


def _sex_details(patient: Fields) -> tuple[Contact, ...]:
    return tuple(Contact(label=said(label), value=words) for label, words in _recorded_sexes(patient))


def _deceased(patient: Fields) -> PartialDate | Missing | None:
    """The date of death; a Missing when the patient is dead and it is not known; None when death is not stated."""
    if flag_at(patient, "deceasedDateTime") is not None:
        return Missing.NOT_RECORDED if flag_at(patient, "deceasedDateTime") else None
    if died := calendar_date(patient.get("deceasedDateTime")):  # a day: no time zone may move it
        return died
    reason = why_missing(patient, "deceasedDateTime")
    if reason is not Missing.NOT_RECORDED:
        return reason
    return Missing.NOT_RECORDED if flag_at(patient, "deceasedBoolean") else None


def _multiple_birth(patient: Fields) -> str:
    order = number(patient.get("multipleBirthInteger"))
    if order is not None and 0 < order < 100:
        return said("Number %(number)s of a multiple birth") % {"number": plain_number(order)}
    return said("One of a multiple birth") if flag_at(patient, "multipleBirthBoolean") else ""


def _languages(patient: Fields) -> tuple[str, ...]:
    found = extensions(patient, "patient-interpreterRequired", "us-core-interpreter-needed")
    needed = any(flag_at(extension, "valueBoolean") or _says_yes(extension) for extension in found)
    return (*languages(patient), *([said("Interpreter needed")] if needed else []))


def _says_yes(extension: Fields) -> bool:
    answer = concept_at(extension, "valueCoding", "valueCodeableConcept")
    return answer is not None and answer.code in {"373066001", "Y", "yes"}


# http://terminology.hl7.org/CodeSystem/v3-MaritalStatus
_MARITAL: Mapping[str, str] = worded(
    {
        "A": "Annulled",
        "C": "Common law",
        "D": "Divorced",
        "I": "Interlocutory",
        "L": "Legally separated",
        "M": "Married",
        "P": "Polygamous",
        "S": "Never married",
        "T": "Domestic partner",
        "U": "Unmarried",
        "W": "Widowed",
    }
)


def _marital_status(patient: Fields) -> str | Missing:
    found = concept_at(patient, "maritalStatus")
    if not found or found.code.upper() == "UNK":
        return Missing.UNKNOWN if found else why_no_concept(patient, "maritalStatus")
    known = _MARITAL.get((found.code or found.text).upper()) if is_bare(found) or not found.code else None
    return said(known) if known else found.text


# urn:oid:2.16.840.1.113883.6.238, the categories of the US Office of Management and Budget
_CATEGORIES: Mapping[str, str] = worded(
    {
        "1002-5": "American Indian or Alaska Native",
        "2028-9": "Asian",
        "2054-5": "Black or African American",
        "2076-8": "Native Hawaiian or Other Pacific Islander",
        "2106-3": "White",
        "2131-1": "Other Race",
        "2135-2": "Hispanic or Latino",
        "2186-5": "Not Hispanic or Latino",
    }
)


def _heritage(patient: Fields, *names: str) -> str | Missing:
    """Race or ethnicity: DSTU2's one concept, or the nested categories, details and text; all of them are named."""
    found: list[str] = []
    reasons: list[Missing] = []
    texts: list[str] = []
    for extension in extensions(patient, *names):
        texts += [text_at(part, "valueString") for part in extensions(extension, "text")]
        for part in (extension, *extensions(extension, "ombCategory", "detailed")):
            for value in many(part, "valueCoding", "valueCodeableConcept"):
                _add_category(value, found, texts, reasons)
        reasons += [reason] if (reason := absent_reason(extension)) else []
    letters = {word.casefold() for word in found}
    words = unique(text for text in texts if text.casefold() not in letters)
    if found and words:
        return f"{', '.join(words)} ({', '.join(unique(found))})"
    return ", ".join(unique([*found, *words])) or next(iter(reasons), Missing.NOT_RECORDED)


def _add_category(value: Fields, found: list[str], texts: list[str], reasons: list[Missing]) -> None:
    codings = many(value, "coding") or [value]
    text = text_at(value, "text")
    names = [_category_name(coding) for coding in codings]
    unknown = [code for coding in codings if (code := text_at(coding, "code").upper()) in {"UNK", "ASKU", "NASK"}]
    if unknown:
        reasons += [reason_of(unknown[0])]
        return
    # One generator of sample data writes the word "race" as the text of each race, so the coding goes first.
    found += unique(names)
    texts += [text] if text and not any(names) else []


def _category_name(coding: Fields) -> str:
    code = text_at(coding, "code")
    name = text_at(coding, "display") or said(_CATEGORIES.get(code, ""))
    return name or (undescribed(code) if code else "")


def _marks(patient: Fields) -> tuple[str, ...]:
    marks = modifier_marks(patient)
    if unreadable_flag(patient, "deceasedBoolean"):
        marks.append(said("Whether the patient has died could not be read. Check the EHR."))
    if unreadable_flag(patient, "active"):
        marks.append(said("Whether the record is in use could not be read. Check the EHR."))
    if _sent_birth_moment(patient) and not _birth_moment(patient):
        marks.append(said("The time of birth was sent with another day than the birth date"))
    marks += _implausible(patient)
    if is_sent(patient, "animal") or any(extensions(patient, "patient-animal")):
        marks.append(said("This record is of an animal."))
    return (*marks, *unreadable_marks(patient, PATIENT))


OLDEST = 130
"""The age in years above which a date of birth or of death is more likely wrong than right."""


def _implausible(patient: Fields) -> list[str]:
    """Notices about dates that cannot be; they are shown as sent all the same."""
    born, died = calendar_date(patient.get("birthDate")), _deceased(patient)
    death = died if isinstance(died, PartialDate) else None
    marks = []
    if born and in_future(born):
        marks.append(said("The date of birth lies in the future. Check the EHR."))
    if death and in_future(death):
        marks.append(said("The date of death lies in the future. Check the EHR."))
    if born and death and is_before(death, born):
        marks.append(said("The date of death lies before the date of birth. Check the EHR."))
    last = death or _today()
    if born and last.year and born.year and is_before(born, replace(last, year=last.year - OLDEST)):
        marks.append(said("By these dates the age is over %(years)d years. Check the EHR.") % {"years": OLDEST})
    return marks


def _today() -> PartialDate:
    now = datetime.now(UTC)
    return PartialDate(sent="", year=now.year, month=now.month, day=now.day)
