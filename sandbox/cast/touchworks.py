"""Seven patients of a hospital's outpatient clinics: long lists, a newborn, and records with holes in them."""

from __future__ import annotations

from sandbox.cast.long_history import CONDITIONS as LONG_HISTORY
from sandbox.cast.long_history import VISITS as LONG_HISTORY_VISITS
from sandbox.cast.shorthand import (
    BLACK,
    DIVORCED,
    HISPANIC,
    MARRIED,
    NOT_HISPANIC,
    PACIFIC,
    WHITE,
    WIDOWED,
    address,
    order,
    phone,
    problem,
    remedy,
    report,
    words_only,
)
from sandbox.medicines import ROUTES, milligrams, usual
from sandbox.person import Age, Concept, Dosage, Home, Name, Person, Prescription, Relative, Span, Visit, Words

_HOME: Home = "allscripts-touchworks"
_DOCTOR = "dr-azcona"
_HEART = "dr-phetchara"

VARGHESE_STROM = Person(
    id="19",
    home=_HOME,
    story="heart and lung clinic: active, on hold, stopped, draft",
    names=(Name(("Varghese-Ström",), ("Leopold", "Joseph"), prefix="Mr."),),
    sex="male",
    born="1949-12-12",
    mrn="TW-000019",
    address=address("9 Ropewalk", "Saltwick", "ME", "03999"),
    telecom=phone(21, email="leopold.vs"),
    language="en-US",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor=_DOCTOR,
    relatives=(Relative(Name(("Varghese-Ström",), ("Annika",), use="usual"), "C", "555-0122"),),
    blanks=True,
    visits=(
        Visit("2026-08-19", "IMP", _HEART, left="2026-08-24", place="Ward 4 East", reason="Short of breath"),
        Visit("2026-10-14", clinician=_HEART, place="Heart clinic"),
        Visit("2026-11-01T13:15:00-05:00", clinician=_HEART, status="in-progress", place="Heart clinic"),
        Visit("2026-12-09", clinician=_HEART, status="planned", place="Heart clinic", reason="Slow pulse"),
    ),
    conditions=(
        problem("heart-failure", onset="2020-02-17", recorded="2020-02-17", severity=Concept("moderate"), visit=1),
        problem("copd", onset="2014", recorded="2014-10-08", asserter=_DOCTOR),
        problem("atrial-fibrillation", onset=Span("2021-05-03"), recorded="2021-05-03", asserter=_HEART),
        problem("gout", clinical="recurrence", onset=Age(66), recorded="2016-01-19", site=Concept("right foot")),
        problem(
            "dvt", clinical="resolved", onset="2017-07-04", ended=Span("2017-07-04", "2017-10"), recorded="2017-07-05"
        ),
        problem("stroke", verification="refuted", recorded="2021-05-03"),
        problem("prostate-enlargement", onset="2011", recorded="2011-03-30", style="icd10"),
    ),
    prescriptions=(
        order("furosemide", written="2020-02-20", prescriber=_HEART, treats=1),
        order(
            "carvedilol", status="on-hold", written="2020-02-20", prescriber=_HEART, treats=1, note="Pulse below 50."
        ),
        order("apixaban", written="2021-05-03", prescriber=_HEART, treats=3),
        order("albuterol", written="2014-10-08", prescriber=_DOCTOR, treats=2),
        order("spironolactone", status="draft", written="2026-10-14", prescriber=_HEART, treats=1, visit=2),
        order("warfarin", status="stopped", written="2017-07-05", ended="2021-05-03", end_reason="Changed to apixaban"),
        order("prednisone", status="completed", written="2026-08-19", ended="2026-08-24", treats=2, visit=1),
        order("digoxin", status="entered-in-error", written="2020-02-20"),
    ),
    statements=(
        report("apixaban", taken=Span("2021-05"), asserted="2026-10-14"),
        report("allopurinol", status="completed", taken=Span("2016-02", "2019"), asserted="2026-10-14"),
    ),
)

BRACKENRIDGE = Person(
    id="23",
    home=_HOME,
    story="300 conditions",
    names=(Name(("Brackenridge",), ("Ottoline",), prefix="Miss"),),
    sex="female",
    born="1941-04-02",
    mrn="TW-000023",
    address=address("The Old Observatory", "Saltwick", "ME", "03999"),
    telecom=phone(23),
    language="en-US",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    doctor=_DOCTOR,
    visits=LONG_HISTORY_VISITS,
    conditions=LONG_HISTORY,
    prescriptions=tuple(
        order(drug, written=day, prescriber=_DOCTOR)
        for drug, day in (("amlodipine", "2012-06-11"), ("aspirin", "2015-01-20"), ("gabapentin", "2022-09-09"))
    ),
)

CASTELLANOS = Person(
    id="41",
    home=_HOME,
    story="newborn, two days old, time of birth known, second twin",
    names=(Name(("Castellanos", "Reyes"), ("Baby Girl",), use="temp"),),
    sex="female",
    born="2026-10-30",
    birth_time="2026-10-30T03:42:00-04:00",
    mrn="TW-000041",
    address=address("18 Tinder Alley"),
    telecom=phone(24),
    language="es",
    race=WHITE,
    ethnicity=HISPANIC,
    doctor="dr-okonkwo",
    birth_order=2,
    relatives=(Relative(Name(("Reyes",), ("Lucinda",), use="usual"), "N", "555-0124"),),
    visits=(Visit("2026-10-30", "IMP", "dr-okonkwo", status="in-progress", place="Nursery"),),
    conditions=(
        problem(
            "newborn-jaundice",
            onset="2026-10-31T09:00:00-04:00",
            recorded="2026-10-31T09:20:00-04:00",
            asserter="dr-okonkwo",
            visit=1,
        ),
    ),
    prescriptions=(
        Prescription(
            remedy("phytonadione (vitamin K1) 1 mg/0.5 mL injection"),
            status="completed",
            written="2026-10-30T04:30:00-04:00",
            ended="2026-10-30",
            prescriber="dr-okonkwo",
            dosages=(Dosage("1 mg IM once", milligrams(1), ROUTES["intramuscular"]),),
            visit=1,
        ),
    ),
)

MODRZYNSKI = Person(
    id="57",
    home=_HOME,
    story="born 1944, day and month unknown",
    names=(Name(("Modrzyński",), ("Jerzy",), prefix="Mr."),),
    sex="male",
    born="1944",
    mrn="TW-000057",
    address=address("2 Viaduct Court"),
    language="pl",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=WIDOWED,
    blanks=True,
    conditions=(
        problem("alzheimers", onset="2023", recorded="2023-04-18", severity=Concept("mild")),
        problem("cataract", clinical="resolved", onset="2016", ended=True, recorded="2016-05-05"),
        problem("hearing-loss", onset=Words("since the army"), recorded="2010-12-01"),
    ),
    prescriptions=(order("donepezil", written="2023-04-18", prescriber=_DOCTOR, treats=1),),
)

NAKOA = Person(
    id="68",
    home="azure",
    story="no medical record number, no address",
    names=(Name(("Nakoa-Pelham",), ("Keahi",)),),
    sex="male",
    born="1991-02",
    race=PACIFIC,
    ethnicity=NOT_HISPANIC,
    conditions=(problem("forearm-fracture", onset="2026-09-26", recorded="2026-09-26", asserter="dr-vanhoutte"),),
    prescriptions=(
        order("oxycodone", status="completed", written="2026-09-26", ended="2026-09-30", prescriber="dr-vanhoutte"),
        order("acetaminophen", written="2026-09-26", prescriber="dr-vanhoutte", treats=1),
    ),
)

TE_WHETU = Person(
    id="72",
    home="smart-stu3",
    story="no medications recorded",
    visits=(
        Visit("2025-06-03", clinician=_DOCTOR),
        Visit("2026-06-16", clinician=_DOCTOR, place="Allergy clinic"),
        Visit("2026-11-01T14:00:00-04:00", clinician=_DOCTOR, status="in-progress", place="Allergy clinic"),
        Visit("2027-05-04", clinician=_DOCTOR, status="planned", place="Allergy clinic"),
    ),
    names=(Name(("Te Whetu Lindqvist",), ("Aroha",), prefix="Ms."),),
    sex="female",
    born="1984-07-23",
    mrn="TW-000072",
    address=address("60 Causeway Road"),
    telecom=phone(26),
    race=PACIFIC,
    ethnicity=NOT_HISPANIC,
    marital=DIVORCED,
    blanks=True,
    conditions=(
        problem("hay-fever", onset="1996", recorded="2012-05-16"),
        problem("iron-deficiency", clinical="resolved", onset="2018-11", ended="2019-06", recorded="2018-11-20"),
    ),
)

NWACHUKWU = Person(
    id="86",
    home="smart-stu3",
    story="diagnoses and prescriptions without a status",
    visits=(
        Visit("2026-09-28", clinician=_DOCTOR, reason="Yearly check"),
        Visit("2026-10-19", clinician=_DOCTOR, status="cancelled"),
        Visit("2026-11-01T15:30:00-05:00", clinician=_DOCTOR, status="in-progress", reason="Sugar above 500"),
    ),
    names=(Name(("Nwachukwu",), ("Thaddeus", "Obi"), prefix="Mr."),),
    sex="male",
    born="1959-01-30",
    mrn="TW-000086",
    address=address("33 Copperbeech Avenue"),
    telecom=phone(27),
    language="en-US",
    race=BLACK,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    blanks=True,
    conditions=(
        problem("hypertension", clinical="", verification="", onset="1999", recorded="1999-10-10"),
        problem("type-2-diabetes", clinical="", onset="2008-08-08", recorded="2008-08-08"),
        words_only("bad back", clinical="", verification="", recorded="2021-03-15"),
        problem("gout", clinical="", ended="2020-02", onset="2019-12", recorded="2019-12-27"),
    ),
    prescriptions=(
        order("losartan", status="", written="2015-05-05"),
        order("metformin", status="", written="2008-08-08", dosages=(usual("metformin", "text"),)),
        order("amlodipine", status="cancelled", written="2015-04-05", ended="2015-05-05"),
    ),
)

PEOPLE = (VARGHESE_STROM, BRACKENRIDGE, CASTELLANOS, MODRZYNSKI, NAKOA, TE_WHETU, NWACHUKWU)
