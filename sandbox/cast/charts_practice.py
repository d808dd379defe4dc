"""The charts of the family practice's and the outpatient clinics' patients."""

from __future__ import annotations

from decimal import Decimal

from sandbox.cast.chart_words import (
    LAB,
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
from sandbox.person import Amount, Concept
from sandbox.record import Attachment, Bounds, Chart, Measurement, Vaccination

_PRACTICE = "dr-fennimore"
_CLINIC = "dr-azcona"
_HEART = "dr-phetchara"

_HOLLINGBROOK = Chart(
    allergies=(
        allergy(
            "penicillin",
            reaction("hives", "swelling", severity="severe", onset="1983"),
            criticality="high",
            recorded="2004-11-02",
            onset="1983",
            recorder=_PRACTICE,
            note="Given amoxicillin in February 2026 without any trouble: to be tested.",
        ),
        allergy(
            "sulfa",
            reaction("rash", severity="moderate"),
            criticality="low",
            recorded="2011-03-09",
            recorder=_PRACTICE,
        ),
        allergy("codeine", reaction("nausea"), kind="intolerance", criticality="low", recorded="2015-08-20"),
        free_allergy("adhesive tape, the brown one", reaction("red skin under it"), recorded="2019-12-30"),
        allergy("grass", clinical="resolved", recorded="2004-11-02", note="Gone since the course of injections."),
        allergy("aspirin", verification="refuted", recorded="2022-06-14", note="Took it for a week, no reaction."),
        allergy("latex", verification="entered-in-error", recorded="2022-06-14"),
        allergy("cat", clinical="inactive", recorded="2009-05-18"),
        allergy("dust-mite", verification="unconfirmed", recorded="2026-02-11"),
    ),
    measurements=(
        *pressures(
            "2024-11-05T09:20:00-05:00 148/92",
            "2025-02-04T10:05:00-05:00 144/88",
            "2025-05-06T08:50:00-04:00 141/86",
            "2026-02-11T11:30:00-05:00 139/84",
            "2026-06-09T09:15:00-04:00 136/82",
            "2026-10-06T09:40:00-04:00 134/80",
            by=_PRACTICE,
        ),
        *series("heart-rate", "2024-11-05 82", "2025-05-06 78", "2026-02-11 91", "2026-10-06 76", by=_PRACTICE),
        *series(
            "weight",
            "2024-11-05 184 lb",
            "2025-02-04 181.5 lb",
            "2025-05-06 81.6",
            "2026-02-11 80.4",
            "2026-10-06 79.8",
        ),
        *series("height", "2024-11-05 163", "2026-10-06 162"),
        *series("temperature", "2026-02-11 100.9 °F", "2026-10-06 36.7"),
        *series("oxygen", "2025-02-04 97", "2026-02-11 95", "2026-10-06 98"),
        *series("bmi", "2024-11-05 31.4", "2025-05-06 30.7", "2026-02-11 30.3", "2026-10-06 30.4"),
        *series("weight", "2026-06-09 8.04", status="entered-in-error"),
        panel("metabolic-panel", "2026-10-06T08:10:00-04:00", 4, by=_PRACTICE, visit=2),
        lab("sodium", "2026-10-06T08:10:00-04:00", "139", "N"),
        lab("potassium", "2026-10-06T08:10:00-04:00", "4.20", "N"),
        lab("creatinine", "2026-10-06T08:10:00-04:00", "1.10", "N"),
        lab("glucose", "2026-10-06T08:10:00-04:00", "148", "H"),
        *(
            lab("a1c", day, value, "H", by=_PRACTICE)
            for day, value in (
                ("2024-11-05", "8.4"),
                ("2025-02-04", "8.0"),
                ("2025-05-06", "7.6"),
                ("2026-02-11", "7.2"),
                ("2026-10-06", "7.0"),
            )
        ),
        lab("ldl", "2026-10-06", "112", "H"),
        lab("tsh", "2026-10-06", "2.50", "N"),
        lab("crp", "2026-02-11", "<5", "N"),
        answer("flu-test", "2026-02-11", ANSWERS["not-detected"], flag="NEG"),
        lab("hemoglobin", "2026-10-06", status="cancelled", absent="not-performed", note="Tube broken in transport."),
        answer("urine-protein", "2026-10-06", "trace", status="preliminary"),
    ),
    vaccinations=(
        shot("influenza", "2026-10-06", lot="FL2611", by=_PRACTICE, site=Concept("left upper arm")),
        shot("influenza", "2025-10-14", lot="FL2507", by=_PRACTICE),
        shot("pneumococcal", "2023-05-09", by=_PRACTICE),
        shot("shingles", "2022-03-01", dose=1, by=_PRACTICE),
        shot("shingles", "2022-06-14", dose=2, by=_PRACTICE),
        shot("covid", "2026-10-06", status="not-done", why_not="PATOBJ", why_not_text="Wants to wait until spring"),
        shot("tetanus", "2016", told=True, note="As she remembers it."),
        shot("measles", "2026-10-06", status="entered-in-error"),
    ),
    documents=(
        paper(
            "consult",
            "2022-06-14T15:10:00-04:00",
            Attachment(
                "application/pdf",
                "Cardiology letter",
                pdf_of(
                    "Cardiology, 14 June 2022", "", "Holter over 72 hours: sinus rhythm throughout.", "No fibrillation."
                ),
            ),
            title="Holter monitor, no arrhythmia",
            author=_HEART,
        ),
        paper(
            "progress",
            "2026-10-06T10:02:00-04:00",
            Attachment(
                "text/plain",
                "Visit note",
                text_of("Diabetes: sugar better, HbA1c 7.0 %.", "Blood pressure 134/80.", "Atorvastatin started."),
                "inline",
            ),
            title="Visit of 6 October 2026",
            author=_PRACTICE,
            visit=2,
        ),
        paper(
            "letter",
            "2015-08-21T08:00:00-04:00",
            Attachment("text/html", "Letter", html_of("To the orthopedist", "Left knee: pain on stairs & at night.")),
            title="Referral to orthopedics",
            author=_PRACTICE,
        ),
        paper(
            "summary",
            "2026-10-06T23:55:00-04:00",
            Attachment(
                "application/xml",
                "Summary",
                xml_of("Summary of care", "Type 2 diabetes, essential hypertension, osteoarthritis of the left knee."),
            ),
            Attachment("application/pdf", "The same on paper", pdf_of("Summary of care", "Marguerite A. Hollingbrook")),
            title="Summary of care",
        ),
        paper(
            "discharge",
            "2020-01-19T12:00:00-05:00",
            Attachment("application/pdf", "Discharge letter", pdf_of("lost"), "lost"),
            title="Hospital stay for pneumonia",
        ),
        paper(
            "summary",
            "2012-07-02T12:00:00-04:00",
            Attachment("application/pdf", "Paper chart", large_pdf, size=LARGE_BYTES),
            title="The old paper chart, scanned",
        ),
        paper(
            "progress",
            "2026-02-11T12:15:00-05:00",
            Attachment("text/plain", "Visit note", text_of("Sinusitis."), "inline"),
            title="Visit of 11 February 2026, first version",
            status="superseded",
            author=_PRACTICE,
            visit=1,
        ),
    ),
)

_ACHTERBERG = Chart(
    allergies=(allergy("lisinopril", reaction("cough"), kind="intolerance", criticality="low", recorded="2013-02-04"),),
    measurements=(
        *series("weight", "2025-09-02 88.2", "2025-12-01 93.7", "2026-02-23 97.1"),
        *pressures("2025-12-01 104/60", "2026-02-23 96/54"),
        lab("bnp", "2026-02-23", "14200", "HH"),
        lab("creatinine", "2026-02-23", "2.40", "H"),
    ),
    documents=(
        paper(
            "progress",
            "2026-03-02T07:40:00-05:00",
            Attachment("text/plain", "Note", text_of("Died at home in the early morning."), "inline"),
            title="Certificate of death, draft",
            progress="preliminary",
            author=_PRACTICE,
        ),
    ),
)

_VENKATARAGHAVAN = Chart(
    allergies=(none_known(recorded="2026-10-20T10:15:00-04:00", recorder=_PRACTICE),),
    measurements=(
        *series("temperature", "2025-11-18 37.9", "2026-03-24 38.2", "2026-07-07 37.4", "2026-10-20 38.0"),
        *pressures("2026-03-24 112/70", "2026-10-20 110/68"),
        answer("urine-culture", "2026-03-24", ANSWERS["e-coli"], flag="A", note="More than 100,000 per milliliter."),
        answer("urine-culture", "2026-10-20", "Growth, not yet named", flag="A", status="preliminary"),
    ),
)

_VARGHESE_STROM = Chart(
    allergies=(
        free_allergy(
            "contrast dye", reaction("dizziness", severity="moderate"), criticality="high", recorded="2017-07-05"
        ),
        allergy("egg", verification="refuted", recorded="2016-01-19"),
    ),
    measurements=(
        *series(
            "weight",
            "2024-11-20 92.4",
            "2025-01-15 93.0",
            "2025-03-19 91.8",
            "2025-11-12 95.6",
            "2026-08-19 99.1",
            "2026-08-24 94.9",
            "2026-10-14 94.2",
            by=_HEART,
        ),
        *pressures("2024-11-20 126/74", "2025-03-19 122/70", "2026-08-19 108/62", "2026-10-14 112/-", by=_HEART),
        *series("heart-rate", "2024-11-20 71", "2025-11-12 66", "2026-08-19 104", "2026-10-14 48", by=_HEART),
        *series("oxygen", "2024-11-20 95", "2026-08-19 88", "2026-10-14 93"),
        *series("respiratory-rate", "2026-08-19 26", "2026-10-14 18"),
        lab("bnp", "2026-08-19", "5230", "HH", by=_HEART),
        lab("bnp", "2026-10-14", "1180", "H", by=_HEART),
        lab("potassium", "2026-10-14", "5.0", "N", status="corrected", note="First printed as 6.0."),
        lab("creatinine", "2026-10-14", "1.60", "H"),
        lab("inr", "2021-05-03", "1.0", "N"),
        lab("uric-acid", "2026-08-19", "8.1", "H"),
    ),
    vaccinations=(
        shot("pneumococcal", "2022-09-20", by=_CLINIC),
        shot("influenza", "2025-10-08", by=_CLINIC),
        shot("influenza", "2026-10-14", status="not-done", why_not="OSTOCK", why_not_text="None left in the clinic"),
    ),
    documents=(
        paper(
            "discharge",
            "2026-08-24T16:00:00-04:00",
            Attachment(
                "application/pdf",
                "Discharge letter",
                pdf_of(
                    "Discharge letter", "19 to 24 August 2026", "", "Lungs and heart both: five days of prednisone."
                ),
                "inline",
            ),
            title="Hospital stay, August 2026",
            author=_HEART,
            visit=1,
        ),
    ),
)

_BRACKENRIDGE = Chart(
    allergies=tuple(
        free_allergy(text, criticality=risk, recorded=day)
        for text, risk, day in (
            ("penicillin", "high", "1986-01-20"),
            ("bee stings", "high", "1991-07-08"),
            ("strawberries", "low", "1992-06-01"),
            ("nickel", "", "1999-03-15"),
            ("lanolin", "", "2003-10-10"),
            ("iodine", "unable-to-assess", "2007-02-27"),
            ("moths", "", "2012-06-11"),
        )
    ),
    measurements=tuple(
        one
        for month in range(1, 11)
        for one in (
            *pressures(f"2025-{month:02d}-07 {150 - month}/{88 - month}", f"2026-{month:02d}-06 {139 - month % 4}/78"),
            *series("weight", f"2025-{month:02d}-07 {61.5 - month / 10:.1f}", f"2026-{month:02d}-06 60.4"),
            lab("hemoglobin", f"2026-{month:02d}-06", f"{11 + month / 10:.1f}", "L" if month < 10 else "N"),
        )
    ),
)

_CASTELLANOS = Chart(
    measurements=(
        *series("weight", "2026-10-30T04:00:00-04:00 2.610", "2026-10-31T08:00:00-04:00 2.540"),
        *series("height", "2026-10-30T04:00:00-04:00 46.5"),
        *series("head", "2026-10-30T04:00:00-04:00 33.0"),
        *series("temperature", "2026-10-31T08:00:00-04:00 36.9"),
        lab("bilirubin", "2026-10-31T09:00:00-04:00", "13.1", "H", by="dr-okonkwo", visit=1),
        answer("blood-group", "2026-10-30T05:10:00-04:00", ANSWERS["a-positive"], visit=1),
    ),
    vaccinations=(shot("hepatitis-b", "2026-10-30", dose=1, by="dr-okonkwo", lot="HB0931"),),
)

_NWACHUKWU = Chart(
    allergies=(
        free_allergy("sulfa?", clinical="", verification="", recorded="2015-04-05"),
        allergy("lisinopril", reaction("swelling", severity="severe"), clinical="", recorded="2015-05-05"),
    ),
    measurements=(
        *pressures("2025-04-14 158/96", "2025-12-15 151/94", "2026-09-28 149/91", old=True),
        Measurement(Concept("admission height/weight"), "vital-signs", "2026-09-28", "5 ft 11 in, 214 lb"),
        *series("weight", "2025-04-14 219 lb", "2026-09-28 214 lb"),
        lab("a1c", "2026-09-28", "8.80", "H"),
        lab("glucose", "2026-09-28", ">500", "HH", note="Called to the clinic at 16:20."),
        Measurement(
            Concept("Kidney function (local)"),
            LAB,
            "2026-09-28",
            Amount(Decimal("61"), "mL/min", ""),
            usual=Bounds(text="above 60 if under 70 years"),
        ),
    ),
    vaccinations=(Vaccination(Concept("flu shot"), "2025-11"), shot("tetanus", "2019-05-20", lot="TD88")),
    documents=(
        paper(
            "admission",
            "2026-09-28T11:00:00-04:00",
            Attachment("text/plain", "Note", text_of("Feet: no ulcer.", "Sees the eye clinic in spring."), "inline"),
            Attachment("application/pdf", "Foot drawing", pdf_of("Foot drawing: no ulcer")),
            title="Yearly check",
        ),
    ),
)

CHARTS: dict[str, Chart] = {
    "54520": _HOLLINGBROOK,
    "54531": _ACHTERBERG,
    "54546": _VENKATARAGHAVAN,
    "54560": Chart(
        allergies=(allergy("grass", reaction("itching", severity="mild"), verification="", recorded="2026-05-04"),),
        vaccinations=(shot("tetanus", "2024-02-19"),),
    ),
    "54577": Chart(
        allergies=(free_allergy("ασπιρίνη (aspirin)", reaction("πονοκέφαλος (headache)"), recorded="2026-04-22"),),
        measurements=(*series("height", "2021-09-14 161", "2026-04-22 159"), *pressures("2026-04-22 124/78")),
    ),
    "54590": Chart(
        allergies=(none_known("drug", recorded="2026-10-27T14:05:00-04:00", recorder="dr-vanhoutte"),),
        measurements=(
            *pressures("2026-10-27T14:00:00-04:00 168/98", "2026-10-27T18:30:00-04:00 142/86", visit=1),
            *series("heart-rate", "2026-10-27T14:00:00-04:00 112", "2026-10-27T18:30:00-04:00 84", visit=1),
            lab("troponin", "2026-10-27T14:20:00-04:00", "<5", "N", visit=1),
            lab("troponin", "2026-10-27T17:20:00-04:00", "<5", "N", visit=1),
            lab("d-dimer", "2026-10-27T14:20:00-04:00", "310", "N", visit=1),
        ),
        documents=(
            paper(
                "imaging",
                "2026-10-28T01:12:00-04:00",
                Attachment("application/pdf", "Report", pdf_of("CT of the chest", "No embolism.")),
                title="CT of the chest",
                author="dr-vanhoutte",
                visit=1,
            ),
        ),
    ),
    "19": _VARGHESE_STROM,
    "23": _BRACKENRIDGE,
    "41": _CASTELLANOS,
    "57": Chart(
        allergies=(none_known(recorded="2023-04-18", recorder=_CLINIC),),
        measurements=series("weight", "2024-12-03 74.0", "2025-06-10 71.2", "2026-05-12 66.5"),
    ),
    "72": Chart(
        allergies=(
            allergy("grass", reaction("itching", severity="mild"), recorded="2012-05-16"),
            allergy(
                "peanut", reaction("hives", "vomiting", severity="moderate"), criticality="high", recorded="2012-05-16"
            ),
        ),
        measurements=(
            lab("hemoglobin", "2018-11-20", "9.8", "L"),
            lab("ferritin", "2018-11-20", "6", "L"),
            lab("hemoglobin", "2025-06-03", "13.20", "N"),
            lab("ferritin", "2025-06-03", "48", "N"),
            *pressures("2024-12-10 118/74", "2025-06-03 116/72", "2026-06-16 121/75"),
            *series("weight", "2024-12-10 68.4", "2025-06-03 150 lb", "2026-06-16 69.1"),
        ),
        vaccinations=(
            shot("influenza", "2025-10-22", lot="FL2544"),
            shot("covid", "2025-10-22", status="not-done", why_not="MEDPREC", why_not_text="Fever on the day"),
        ),
        documents=(
            paper(
                "letter",
                "2026-06-16T09:30:00-04:00",
                Attachment("application/pdf", "Letter", pdf_of("Allergy clinic: carry two pens.")),
                Attachment("text/html", "Letter", html_of("Allergy clinic", "Carry two pens."), "inline"),
                title="Letter of the allergy clinic",
            ),
        ),
    ),
    "86": _NWACHUKWU,
}
