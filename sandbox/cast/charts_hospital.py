"""The charts of the hospitals' patients: the wards, the maternity clinic, and those of the R4 servers."""

from __future__ import annotations

from sandbox.cast.chart_words import (
    allergy,
    answer,
    free_allergy,
    lab,
    none_known,
    panel,
    paper,
    pressures,
    reaction,
    series,
    shot,
)
from sandbox.findings import ANSWERS
from sandbox.papers import LARGE_BYTES, html_of, large_pdf, pdf_of, text_of, xml_of
from sandbox.person import Concept
from sandbox.record import Allergy, Attachment, Chart, Vaccination

_WARD = "dr-azcona"
_HEART = "dr-phetchara"
_MIDWIFE = "np-lindeberg"
_CHILDREN = "dr-okonkwo"

_BERGSVEIN = Chart(
    allergies=(
        allergy(
            "ibuprofen",
            reaction("wheezing", "hives", severity="severe", onset="2018-02"),
            criticality="high",
            recorded="2026-10-28T21:40:00-04:00",
            recorder=_WARD,
        ),
        allergy("latex", reaction("itching", severity="mild"), criticality="low", recorded="2010-03-03"),
    ),
    measurements=(
        *pressures(
            "2026-10-28T21:20:00-04:00 92/54",
            "2026-10-29T06:00:00-04:00 104/60",
            "2026-10-30T06:00:00-04:00 112/66",
            "2026-10-31T06:00:00-04:00 118/70",
            visit=1,
        ),
        *series(
            "heart-rate",
            "2026-10-28T21:20:00-04:00 124",
            "2026-10-29T06:00:00-04:00 108",
            "2026-10-30T06:00:00-04:00 96",
            "2026-10-31T06:00:00-04:00 88",
            visit=1,
        ),
        *series(
            "oxygen",
            "2026-10-28T21:20:00-04:00 86",
            "2026-10-29T06:00:00-04:00 92",
            "2026-10-31T06:00:00-04:00 95",
            visit=1,
        ),
        *series("temperature", "2026-10-28T21:20:00-04:00 101.8 °F", "2026-10-31T06:00:00-04:00 37.1", visit=1),
        *series("weight", "2024-12-04 71.5", "2026-10-28T22:00:00-04:00 152 lb"),
        lab("d-dimer", "2026-10-28T21:35:00-04:00", "4850", "HH", visit=1),
        lab("troponin", "2026-10-28T21:35:00-04:00", "34", "H", visit=1),
        lab("lactate", "2026-10-28T21:35:00-04:00", "3.10", "H", visit=1),
        lab("lactate", "2026-10-29T06:00:00-04:00", "1.40", "N", visit=1),
        lab("white-cells", "2026-10-29T06:00:00-04:00", "14.2", "H", visit=1),
        lab("potassium", "2026-10-31T06:00:00-04:00", "2.8", "LL", status="preliminary", visit=1),
        lab("platelets", "2026-10-31T06:00:00-04:00", status="cancelled", absent="error", visit=1, note="Clotted."),
    ),
    vaccinations=(shot("influenza", "2026-10-29", status="not-done", why_not="MEDPREC", why_not_text="Fever"),),
    documents=(
        paper(
            "imaging",
            "2026-10-28T22:50:00-04:00",
            Attachment(
                "application/pdf", "Report", pdf_of("CT of the chest", "Embolus in the right lower lobe artery.")
            ),
            title="CT of the chest",
            visit=1,
        ),
        paper(
            "admission",
            "2026-10-28T23:30:00-04:00",
            Attachment(
                "text/plain", "Note", text_of("Short of breath since noon.", "On heparin by protocol."), "inline"
            ),
            title="Admission note",
            author=_WARD,
            visit=1,
        ),
        paper(
            "discharge",
            "2019-09-12T10:00:00-04:00",
            Attachment("application/pdf", "Letter", pdf_of("lost"), "lost"),
            title="Hospital stay of 2019",
        ),
    ),
)

_FORSYTHE = Chart(
    allergies=(allergy("sulfa", reaction("rash", severity="moderate"), recorded="2015-06-11", criticality="low"),),
    measurements=(
        lab("white-cells", "2026-05-20", "5.2", "N", restricted=True),
        *pressures("2026-05-20 118/76"),
    ),
    documents=(
        paper(
            "progress",
            "2026-05-20T13:00:00-04:00",
            Attachment("text/plain", "Note", text_of("Doing well."), "inline"),
            title="Restricted note",
            restricted=True,
        ),
    ),
)

_YESSENOVA = Chart(
    allergies=(
        # Both cannot be true: the second came from another hospital.
        none_known("drug", recorded="2014-04-29", recorder=_WARD),
        allergy("sulfa", reaction("hives", severity="moderate"), criticality="high", recorded="2021-08-30"),
    ),
    measurements=(
        *series("weight", "2024-11-19 64.0", "2025-05-21 63.2", "2026-09-01 62.4"),
        lab("alt", "2026-03-02", "38", "H"),
        lab("alt", "2026-09-01", "34.0", "N"),
        lab("crp", "2026-09-01", "<5", "N"),
    ),
)

_MOKOENA = Chart(
    allergies=(
        none_known("drug", recorded="2026-05-12T09:30:00-04:00", recorder=_MIDWIFE),
        none_known("food", recorded="2026-05-12T09:30:00-04:00", recorder=_MIDWIFE),
    ),
    measurements=(
        *pressures(
            "2026-05-12T09:20:00-04:00 108/66",
            "2026-07-14T09:20:00-04:00 112/68",
            "2026-09-21T09:20:00-04:00 128/80",
            "2026-10-19T09:20:00-04:00 146/94",
            by=_MIDWIFE,
        ),
        *series("weight", "2026-05-12 138 lb", "2026-07-14 65.9", "2026-09-21 71.0", "2026-10-19 74.3"),
        *series("height", "2026-05-12 168"),
        *series("heart-rate", "2026-05-12 78", "2026-10-19 92"),
        answer("blood-group", "2026-05-12", ANSWERS["a-positive"]),
        answer("urine-protein", "2026-10-19", "1+", flag="A", visit=1),
        lab("glucose", "2026-09-21", "118", "H"),
        lab("hemoglobin", "2026-10-19", "10.90", "L", visit=1),
        lab("platelets", "2026-10-19", "148", "L", visit=1, status="preliminary"),
    ),
    vaccinations=(
        shot("tetanus", "2026-09-21", by=_MIDWIFE, lot="TD1207", site=Concept("right upper arm")),
        shot("influenza", "2026-10-19", by=_MIDWIFE),
    ),
    documents=(
        paper(
            "progress",
            "2026-10-19T10:05:00-04:00",
            Attachment("text/html", "Note", html_of("Maternity clinic", "Blood pressure up. To be seen in two days.")),
            title="Visit of 19 October 2026",
            author=_MIDWIFE,
            visit=1,
        ),
    ),
)

_HADDADIN = Chart(
    allergies=(free_allergy("البنسلين (penicillin)", reaction("طفح (rash)"), recorded="2022-05-30"),),
    measurements=(*pressures("2022-05-30 150/88"), lab("glucose", "2022-05-30", "182", "H")),
)

_KITTREDGE = Chart(
    allergies=(
        allergy(
            "ibuprofen",
            reaction("bleeding", severity="severe", onset="2022-02-14"),
            kind="intolerance",
            criticality="high",
            recorded="2022-02-15",
            recorder=_WARD,
        ),
        allergy("carbamazepine", verification="refuted", recorded="2013-11-20", note="It was his brother."),
        allergy("amoxicillin", reaction("nausea", severity="mild"), clinical="resolved", recorded="1998-05-05"),
    ),
    measurements=(
        *pressures(
            "2024-11-18T10:00:00-05:00 142/84",
            "2025-04-14T10:00:00-04:00 138/80",
            "2025-11-17T10:00:00-05:00 144/86",
            "2026-06-08T10:00:00-04:00 152/90",
            "2026-10-12T10:00:00-04:00 149/88",
            by=_HEART,
        ),
        *series("heart-rate", "2024-11-18 58", "2025-11-17 61", "2026-10-12 49", by=_HEART),
        *series("weight", "2024-11-18 178 lb", "2025-11-17 82.1", "2026-10-12 80.60"),
        *series("oxygen", "2026-10-12 97"),
        lab("ldl", "2025-11-17", "71", "N"),
        lab("ldl", "2026-10-12", "68", "N"),
        lab("hemoglobin", "2026-10-12", "12.40", "L"),
        lab("troponin", "2026-10-12T10:30:00-04:00", "<5", "N", visit=1),
        lab("creatinine", "2026-10-12", "1.10", "N", status="corrected", note="First sent as 11.0."),
    ),
    vaccinations=(
        shot("pneumococcal", "2021-10-04", by=_WARD),
        shot("influenza", "2026-10-12", by=_HEART, lot="FL2618"),
        shot("shingles", "2026-10-12", status="not-done", why_not="PATOBJ", why_not_text="Does not want it"),
    ),
    documents=(
        paper(
            "consult",
            "2026-10-12T11:20:00-04:00",
            Attachment(
                "application/pdf", "Cardiology letter", pdf_of("Cardiology, 12 October 2026", "Chest pain again.")
            ),
            title="Cardiology letter",
            author=_HEART,
            visit=1,
        ),
        paper(
            "imaging",
            "2013-11-21T09:00:00-05:00",
            Attachment("application/pdf", "Films", large_pdf, size=LARGE_BYTES),
            title="Catheter films, scanned",
        ),
    ),
)

_NGUYEN = Chart(
    allergies=(Allergy(Concept(absent="unknown"), recorded="2026-10-15", note="Something for pain, in Huế, 1990."),),
    measurements=(
        *series("weight", "2026-01-15 51.2", "2026-04-16 50.8", "2026-07-16 50.1", "2026-10-15 49.7"),
        lab("crp", "2026-10-15", "<5", "N"),
        lab("alt", "2026-10-15", "29", "N"),
    ),
    documents=(
        paper(
            "letter",
            "2019-08-07T14:00:00-04:00",
            Attachment("application/pdf", "Thư giới thiệu", pdf_of("To the breast clinic")),
            title="Thư giới thiệu (referral)",
        ),
    ),
)

_QUISPE = Chart(
    allergies=(
        allergy(
            "peanut",
            reaction("anaphylaxis", severity="severe", onset="2021-03-14"),
            reaction("hives", severity="mild", onset="2020-06"),
            criticality="high",
            recorded="2021-03-15",
            recorder=_CHILDREN,
        ),
        allergy("cat", reaction("wheezing", "itching", severity="moderate"), recorded="2022-10-17"),
        allergy("dust-mite", reaction("wheezing"), recorded="2022-10-17"),
        allergy("egg", clinical="resolved", recorded="2019-09-02"),
    ),
    measurements=(
        *series("height", "2024-11-06 114.0", "2025-02-12 115.5", "2025-11-05 120.5", "2026-10-22 126.0", by=_CHILDREN),
        *series("weight", "2024-11-06 20.1", "2025-02-12 45.6 lb", "2025-11-05 23.0", "2026-10-22 25.4", by=_CHILDREN),
        *series("temperature", "2026-10-22 38.6"),
        *series("oxygen", "2024-11-06 94", "2026-10-22 97"),
    ),
    vaccinations=(
        *(shot("dtap", day, dose=dose) for dose, day in enumerate(("2018-10-22", "2018-12-20", "2019-02-21"), 1)),
        *(shot("polio", day, dose=dose) for dose, day in enumerate(("2018-10-22", "2018-12-20"), 1)),
        shot("measles", "2019-08-26", dose=1),
        shot("varicella", "2019-08-26", dose=1),
        shot("influenza", "2026-10-22", status="not-done", why_not="MEDPREC", why_not_text="Ear infection today"),
    ),
    documents=(
        paper(
            "summary",
            "2026-10-22T12:00:00-04:00",
            Attachment(
                "application/pdf", "Asthma plan", pdf_of("Asthma plan", "Green: play. Yellow: 2 puffs. Red: 911.")
            ),
            title="Asthma action plan",
            author=_CHILDREN,
            visit=1,
        ),
    ),
)

_OLUFSEN = Chart(
    allergies=(
        allergy(
            "carbamazepine",
            reaction("rash", "swelling", severity="severe"),
            criticality="high",
            recorded="2005-01-31",
            recorder=_WARD,
        ),
        free_allergy("shea butter", reaction("itching"), verification="unconfirmed", recorded="2026-02-02"),
    ),
    measurements=(
        *pressures("2024-12-11 122/78", "2025-08-20 126/80", "2026-02-02 124/80"),
        *series("weight", "2024-12-11 158 lb", "2025-08-20 70.9", "2026-02-02 70.2"),
        lab("tsh", "2025-08-20", "6.80", "H"),
        lab("tsh", "2026-02-02", "3.10", "N"),
        lab("lamotrigine", "2026-02-02", "2.4", "L"),
        lab("hemoglobin", "2026-02-02", "10.6", "L"),
        lab("ferritin", "2026-02-02", "<5", "L"),
    ),
    vaccinations=(shot("influenza", "2025-10-01", told=True), shot("covid", "2025-10-01", lot="CV2509")),
    documents=(
        paper(
            "consult",
            "2017-06-06T09:00:00-04:00",
            Attachment("application/pdf", "Neurology letter", pdf_of("Neurology", "Migraine, no new seizures.")),
            title="Neurology letter of 2017",
        ),
        paper(
            "summary",
            "2026-02-02T18:00:00-05:00",
            Attachment("application/xml", "Summary", xml_of("Summary of care", "Epilepsy since 1999.")),
            title="Summary of care",
        ),
    ),
)

_BEAUREGARD = Chart(
    allergies=(
        allergy(
            "sulfa", reaction("rash", severity="severe"), criticality="high", recorded="2001-01-22", last="2000-07"
        ),
        allergy("codeine", reaction("vomiting"), kind="intolerance", criticality="low", recorded="2014-07-02"),
    ),
    measurements=(
        *pressures("2024-11-25 131/79", "2025-06-02 134/82", "2026-06-01 128/78", "2026-10-20 139/85"),
        *series("weight", "2024-11-25 63.0", "2025-06-02 62.4", "2026-06-01 64.1", "2026-10-20 141.1 lb"),
        *series("temperature", "2026-10-20 36.6"),
        panel("metabolic-panel", "2026-10-20T07:50:00-05:00", 3),
        lab("sodium", "2026-10-20T07:50:00-05:00", "141", "N"),
        lab("potassium", "2026-10-20T07:50:00-05:00", "4.0", "N"),
        lab("creatinine", "2026-10-20T07:50:00-05:00", "0.90", "N"),
        answer("antinuclear", "2001-01-22", "Positive, 1:640, homogeneous", flag="A"),
        lab("crp", "2026-06-01", "24.0", "H"),
        lab("crp", "2026-10-20", "<5", "N"),
        lab("platelets", "2026-10-20", "", status="cancelled", absent="not-performed"),
    ),
    vaccinations=(
        shot("pneumococcal", "2022-11-03"),
        shot("measles", "2026-06-01", status="not-done", why_not="MEDPREC", why_not_text="Takes prednisone"),
    ),
    documents=(
        paper(
            "consult",
            "2026-06-01T16:45:00-05:00",
            Attachment("application/pdf", "Rheumatology letter", pdf_of("Rheumatology", "Flare: prednisone, tapered.")),
            title="Rheumatology letter",
            author=_WARD,
        ),
        paper(
            "progress",
            "2026-10-20T08:40:00-05:00",
            Attachment("text/plain", "Note", text_of("Back pain: oxycodone for a few days."), "inline"),
            title="Visit of 20 October 2026",
            author=_WARD,
        ),
    ),
)

_ODWYER = Chart(
    allergies=(
        free_allergy("cats & dogs", reaction("sneezing <hours>"), recorded="2026-05-20"),
        free_allergy('"some antibiotic" as a child', verification="unconfirmed", recorded="2026-05-20"),
    ),
    measurements=(
        *series("oxygen", "2026-05-20 98"),
        *pressures("2025-01-09 110/70", "2026-05-20 112/72"),
        *series("weight", "2025-01-09 128 lb", "2026-05-20 58.9"),
    ),
    vaccinations=(Vaccination(Concept("travel jab, Galway"), "2019", told=True),),
    documents=(
        paper(
            "letter",
            "2026-05-20T11:00:00+01:00",
            Attachment("application/pdf", "Letter", pdf_of("To the lung clinic", "Wheezy at night.")),
            title="Letter to the lung clinic",
        ),
    ),
)

CHARTS: dict[str, Chart] = {
    "385800201": _BERGSVEIN,
    "385800227": _FORSYTHE,
    "385800238": Chart(
        allergies=(none_known(recorded="2026-06-13T20:10:00-05:00", recorder="dr-vanhoutte"),),
        measurements=(*pressures("2026-06-13 124/76"), *series("heart-rate", "2026-06-13 88")),
    ),
    "385800249": _YESSENOVA,
    "385800255": _MOKOENA,
    "385800266": _HADDADIN,
    "smart-1042": _KITTREDGE,
    "smart-1057": _NGUYEN,
    "smart-1063": _QUISPE,
    "smart-1078": Chart(allergies=(Allergy(Concept(absent="masked"), recorded="2026-08-03"),)),
    "smart-1081": _OLUFSEN,
    "smart-1096": _BEAUREGARD,
    "smart-1104": _ODWYER,
}
