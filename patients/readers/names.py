"""HumanNames: which of a patient's names to show, and how a person is called in a line of text.

In DSTU2 `family` is a list, later a string. Source of the choice: the NHS CUI Patient Name guidance.
"""

from __future__ import annotations

from collections.abc import Sequence

from patients.readers.datatypes import Fields, contained, many, one, text_at, texts_at, why_missing
from patients.readers.dates import is_current
from patients.readers.wording import said
from patients.records import Missing, PersonName

_NOT_TODAYS = frozenset({"old", "maiden"})
_NOT_THE_NAME = _NOT_TODAYS | {"nickname", "anonymous", "temp"}


def person_name(name: Fields) -> PersonName | None:
    """One HumanName, None if it holds no name. Without a family name the EHR's own text is the fuller answer."""
    family, given = " ".join(texts_at(name, "family")), " ".join(texts_at(name, "given"))
    text = text_at(name, "text")
    if text and not family:
        return PersonName(text=text)
    if not family and not given:
        return None
    return PersonName(
        family=family,
        given=given,
        prefix=" ".join(texts_at(name, "prefix")),
        suffix=" ".join(texts_at(name, "suffix")),
    )


def _use(name: Fields) -> str:
    return text_at(name, "use").lower()


def choose_name(patient: Fields) -> PersonName | Missing:
    """The current official name, the usual one, the first that is no old, maiden or nickname, then any."""
    named = [(name, found) for name in many(patient, "name") if (found := person_name(name))]
    current = [pair for pair in named if is_current(pair[0]) and _use(pair[0]) not in _NOT_TODAYS]
    choices: Sequence[list[PersonName]] = (
        [found for name, found in current if _use(name) == "official"],
        [found for name, found in current if _use(name) == "usual"],
        [found for name, found in current if _use(name) not in _NOT_THE_NAME],
        [found for _name, found in current],
        [found for name, found in named if _use(name) not in _NOT_TODAYS],
        [found for _name, found in named],
    )
    first = next((choice[0] for choice in choices if choice), None)
    return first or why_missing(patient, "name")


def preferred_name(patient: Fields, chosen: PersonName | Missing) -> str:
    """The current nickname or usual name where it differs from the name shown, "" otherwise."""
    for use in ("nickname", "usual"):
        for name in many(patient, "name"):
            found = person_name(name)
            if _use(name) == use and is_current(name) and found and (words := _different_part(found, chosen)):
                return words
    return ""


def _different_part(found: PersonName, chosen: PersonName | Missing) -> str:
    if isinstance(chosen, Missing) or _compared(found) == _compared(chosen):
        return ""
    family = "" if found.family == chosen.family else found.family
    return found.text or f"{found.given} {family}".strip()


def _compared(name: PersonName) -> str:
    return (name.text or f"{name.given} {name.family}").casefold()


def spoken_name(holder: Fields, key: str = "name") -> str:
    """A practitioner, contact or organisation in one line: "Dr. Ada Example", "Example Clinic"; "" without a name."""
    if texts := texts_at(holder, key):
        return texts[0]
    for name in many(holder, key):
        if text := text_at(name, "text"):
            return text
        parts = (
            *texts_at(name, "prefix"),
            *texts_at(name, "given"),
            *texts_at(name, "family"),
            *texts_at(name, "suffix"),
        )
        if parts:
            return " ".join(parts)
    return ""


def reference_name(resource: Fields, reference: Fields) -> str:
    """Who or what a Reference points to: the contained resource's name, else its display; "" when neither is there."""
    inside = contained(resource, text_at(reference, "reference"))
    actor = one(inside, "practitioner")
    return spoken_name(inside) or text_at(actor, "display") or text_at(reference, "display")


def reference_names(resource: Fields, *keys: str) -> tuple[str, ...]:
    """The same for lists; a reference without any name is shown by its address, for it must not vanish."""
    names = []
    for reference in many(resource, *keys):
        target = text_at(reference, "reference")
        name = reference_name(resource, reference)
        names.append(name or (said("Name not given (%(reference)s)") % {"reference": target} if target else ""))
    return tuple(dict.fromkeys(name for name in names if name))
