"""Spanish for providers: the catalogue is whole, and the sentences on which safety hangs are right word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy

from patients import vocabulary
from patients.panels import PanelQuery
from patients.readers import wording
from patients.readers.dates import time_at
from patients.readers.quantities import amount
from patients.readers.r4 import condition, medication
from patients.readers.timing import timing_words
from patients.records import Missing, PartialDate
from smartportal.messages import Message, in_code, in_template, messages
from tests.patients.catalogue import compiled, written
from tests.patients.fakes import Json

ES = written("es")
PLACES = re.compile(r"%\(\w+\)[.\d]*[a-z]|{\w+}")


@pytest.fixture
def spanish() -> Iterator[None]:
    with translation.override("es"):
        yield


# --- The catalogue ------------------------------------------------------------------------------------------


def test_the_catalogue_holds_every_text_of_the_sources_and_no_other() -> None:
    marked = {(found.context, found.text, found.several) for found in messages()}
    assert len(marked) > 700
    assert marked - set(ES) == set(), "run `make messages` and translate these"
    assert set(ES) - marked == set(), "run `make messages`: nobody says these any more"


def test_every_text_has_a_translation_with_the_same_places() -> None:
    def places(text: str) -> list[str]:
        return sorted(PLACES.findall(text))

    wrong = [
        (key, text)
        for key, texts in ES.items()
        for text in texts
        if not text.strip() or places(text) != places(key[1]) or "%" in PLACES.sub("", text)
    ]
    assert wrong == []
    assert [key for key, texts in ES.items() if len(texts) != (2 if key[2] else 1)] == []


def test_the_compiled_catalogue_says_the_same_as_the_written_one() -> None:
    expected: dict[Any, str] = {}
    for (context, text, several), texts in ES.items():
        name = f"{context}\x04{text}" if context else text
        expected |= {(name, form): each for form, each in enumerate(texts)} if several else {name: texts[0]}
    assert compiled("es") == expected


def test_a_translation_keeps_the_emphasis_and_the_full_stop_of_the_text() -> None:
    wrong = []
    for (_context, text, _plural), texts in ES.items():
        for each in texts:
            if len(text) > 3 and text.isupper() != each.isupper():
                wrong.append((text, each))
            if text.endswith(".") != each.endswith("."):
                wrong.append((text, each))
            if re.search(r"\bNOT\b", text) and not re.search(r"\bNO\b", each):
                wrong.append((text, each))
    assert [pair for pair in wrong if pair[0] not in {"MRN"}] == []


def test_providers_are_spoken_to_with_respect() -> None:
    familiar = re.compile(r"\b(tú|tu|tus|ti|contigo|busca|elige|haz|puedes|quieres)\b", re.IGNORECASE)
    assert [text for texts in ES.values() for text in texts if familiar.search(text)] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('said("one %(place)s") % {"place": x}', [Message("", "one %(place)s")]),
        ('said("High", "criticality")', [Message("criticality", "High")]),
        ('said_of("one", "several", n)', [Message("", "one", "several")]),
        ('Tag("Active", Tone.OK); Tag(status.words, Tone.UNKNOWN)', [Message("", "Active")]),
        ('worded(Tag("High", Tone.BAD), "criticality")', [Message("criticality", "High")]),
        (
            'worded({"a": "A", **dict.fromkeys(("b", "c"), "B"), "d": ("one", "two")})',
            [Message("", text) for text in ("A", "B", "one", "two")],
        ),
        ('pgettext("group", "Active")', [Message("group", "Active")]),
    ],
)
def test_the_extraction_finds_our_words_wherever_they_stand(source: str, expected: list[Message]) -> None:
    assert [found for found in in_code(source) if found.text] == expected


def test_the_extraction_reads_templates_and_refuses_what_cannot_be_translated() -> None:
    page = '{% translate "Read" %} {% blocktranslate with a=b %}Open {{ a }}{% endblocktranslate %}'
    context = '{% translate "High" context "criticality" %}'
    assert list(in_template(page)) == [Message("", "Read"), Message("", "Open %(a)s")]
    assert list(in_template(context)) == [Message("criticality", "High")]
    with pytest.raises(SystemExit, match="named places"):
        list(in_code('said(f"at {age}")'))


# --- What must be right word by word ------------------------------------------------------------------------


SAFETY = {
    "DO NOT GIVE": "NO ADMINISTRAR",
    "DOSE": "DOSIS",
    "No known allergies": "Sin alergias conocidas",
    "Allergies unavailable": "Alergias no disponibles",
    "Allergies not recorded": "Alergias sin registrar",
    "This is not a statement that there are none.": "Esto no significa que no haya ninguno.",
    "Entered in error": "Registrado por error",
    "TEST DATA – not a real person": "DATOS DE PRUEBA – no es una persona real",
    "Display only – check the EHR before acting.": "Solo para consulta: verifique en la HCE antes de actuar.",
}


@pytest.mark.parametrize("text", SAFETY)
def test_the_words_on_which_safety_hangs_are_these(text: str, spanish: None) -> None:
    assert translation.gettext(text) == SAFETY[text]


def test_nothing_found_is_not_said_to_be_nothing_there(spanish: None) -> None:
    said = vocabulary.sentence(vocabulary.EMPTY, things=translation.gettext("allergies"))
    assert said == "Sin registrar. La HCE no devolvió alergias. Esto no significa que no haya ninguno."
    failed = vocabulary.sentence(vocabulary.FAILED, things=translation.gettext("conditions"))
    assert failed == "Afecciones: no se pudo cargar. Esto no significa que no haya ninguno: verifique en la HCE."


def _order(**fields: Any) -> Json:
    drug = {"text": "ibuprofen 400 MG Oral Tablet"}
    return {"resourceType": "MedicationRequest", "status": "active", "medicationCodeableConcept": drug, **fields}


def test_a_dose_is_one_spanish_line_and_what_the_ehr_wrote_stays(spanish: None) -> None:
    dosage = {
        "text": "Take with food",
        "route": {"coding": [{"code": "PO"}]},
        "doseAndRate": [{"doseRange": {"low": {"value": 1, "unit": "TAB"}, "high": {"value": 2, "unit": "TAB"}}}],
        "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d", "when": ["PC"]}},
        "asNeededCodeableConcept": {"text": "pain"},
        "maxDosePerPeriod": {"numerator": {"value": 1200, "unit": "mg"}, "denominator": {"value": 24, "unit": "h"}},
    }
    record = medication(_order(dosageInstruction=[dosage], authoredOn="1945-07-14"))
    (dose,) = record.doses
    assert dose.as_written == "Take with food"
    assert (dose.dose, dose.route) == ("1 a 2 tabletas", "vía oral")
    assert dose.timing == "3 veces al día después de las comidas"
    assert dose.as_needed == "según sea necesario para: pain"
    assert dose.maximum == "1,200 mg en 24 horas"
    assert vocabulary.words(record.name) == "ibuprofen 400 MG Oral Tablet"
    assert vocabulary.words(record.started) == "Registrado 14-Jul-1945"


def test_a_prohibition_is_loud_in_spanish_too(spanish: None) -> None:
    record = medication(_order(doNotPerform=True, status="on-hold"))
    assert record.status.word == "NO ADMINISTRAR"
    assert record.marks == ("Estado de esta indicación: En pausa",)


@pytest.mark.parametrize(
    ("repeat", "said"),
    [
        ({"frequency": 2, "period": 8, "periodUnit": "h"}, "dos veces cada 8 horas"),
        ({"frequency": 1, "period": 2, "periodUnit": "d"}, "un día sí y otro no"),
        ({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "sat"]},
         "una vez por semana los lunes y sábados"),
        ({"period": 1, "periodUnit": "d", "timeOfDay": ["08:00:00"], "duration": 30, "durationUnit": "min",
          "boundsDuration": {"value": 10, "unit": "d"}},
         "una vez al día a las 08:00 a pasar en 30 minutos durante 10 días"),
        ({"when": ["AC"], "offset": 30}, "30 minutos antes de las comidas"),
        ({"count": 1}, "una sola vez"),
    ],
)  # fmt: skip
def test_how_often_is_a_spanish_phrase(repeat: Json, said: str, spanish: None) -> None:
    assert timing_words({"repeat": repeat}) == said


def test_times_and_amounts_are_whole_sentences(spanish: None) -> None:
    ages = {"low": {"value": 34, "unit": "years"}, "high": {"value": 36, "unit": "years"}}
    when = time_at({"onsetRange": ages}, "onset")
    assert vocabulary.words(when) == "entre 34 años y 36 años"
    assert amount({"value": Decimal("0.5"), "unit": "mg/kg", "comparator": "<"}) == "menos de 0.5 mg por kg"


def test_dates_ignore_the_language(spanish: None) -> None:
    day = PartialDate(sent="2011-01-12", year=2011, month=1, day=12)
    assert vocabulary.date_words(day) == "12-Jan-2011"
    today = PartialDate(sent="", year=2026, month=11, day=23)
    assert vocabulary.age_words(PartialDate(sent="", year=2023, month=5, day=2), today) == "3 a 6 m"


def test_why_something_is_missing_is_said_in_spanish(spanish: None) -> None:
    assert vocabulary.words(Missing.NOT_RECORDED) == "sin registrar"
    assert condition({"resourceType": "Condition"}).name.text == "Afección sin nombre"


def test_a_word_of_the_ehr_stays_even_where_it_is_one_of_ours(spanish: None) -> None:
    sent = condition({"resourceType": "Condition", "code": {"text": "Allergy"}, "clinicalStatus": {"text": "High"}})
    assert sent.clinical.word == "High"
    assert sent.name.text == "Allergy"
    known = condition({"resourceType": "Condition", "clinicalStatus": {"text": "Active"}})
    assert known.clinical.word == "Activo"


def test_one_english_word_may_be_two_spanish_ones(spanish: None) -> None:
    assert [wording.said("High"), wording.said("High", "criticality")] == ["Alto", "Alta"]


def test_a_search_is_found_again_in_whatever_language_it_is_looked_for() -> None:
    query = PanelQuery("Condition", (), gettext_lazy("conditions"))
    with translation.override("es"):
        kept = {query: "answer"}
    with translation.override("en"):
        assert kept.get(query) == "answer"


def test_records_are_english_where_nobody_asks_for_another_language() -> None:
    with translation.override(None):
        assert condition({"resourceType": "Condition"}).name.text == "Condition not named"
        assert wording.said_of("%(count)d day old", "%(count)d days old", 2) == "%(count)d days old"
