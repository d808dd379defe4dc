"""Seven patients of an R4 server: what R4 alone can say, and what it can leave out."""

from __future__ import annotations

from sandbox.cast.shorthand import (
    ASIAN,
    BLACK,
    DIVORCED,
    HISPANIC,
    MARRIED,
    NOT_HISPANIC,
    SINGLE,
    WHITE,
    address,
    bare_drug,
    order,
    phone,
    problem,
    remedy,
    report,
    words_only,
)
from sandbox.medicines import ROUTES, milligrams, millilitres, pieces, usual
from sandbox.person import (
    Age,
    AgeRange,
    AmountRange,
    Concept,
    Dosage,
    Home,
    Medicine,
    Name,
    Person,
    Prescription,
    Relative,
    Shape,
    Span,
    Statement,
    Timing,
    Visit,
)

_HOME: Home = "smart-r4"
_DOCTOR = "dr-azcona"

KITTREDGE = Person(
    id="smart-1042",
    home=_HOME,
    story="a DO NOT GIVE, a plan, a proposal, on hold, draft",
    names=(Name(("Kittredge-Vale",), ("Ambrose",), prefix="Mr."),),
    sex="male",
    born="1953-06-17",
    mrn="S-1042",
    address=address("1 Lantern Yard", "Eddington Mills", "VT", "05999"),
    telecom=phone(41, email="ambrose.kv"),
    language="en-US",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor=_DOCTOR,
    visits=(
        Visit("2026-10-12", clinician="dr-phetchara", place="Heart clinic", reason="Chest pain on stairs"),
        Visit("2022-02-14", "IMP", _DOCTOR, left="2022-02-19", place="Ward 2", reason="Bleeding ulcer"),
        Visit("2026-09-14", clinician="dr-phetchara", status="cancelled"),
        Visit("2026-11-01T10:40:00-04:00", clinician="dr-phetchara", status="in-progress", place="Heart clinic"),
        Visit("2026-11-16", clinician="dr-phetchara", status="planned", place="Heart clinic", reason="Stress test"),
    ),
    conditions=(
        problem("coronary-disease", onset="2013-11", recorded="2013-11-20", asserter="dr-phetchara"),
        problem("duodenal-ulcer", clinical="inactive", onset="2022-02-14", ended="2022-06", recorded="2022-02-14"),
        problem("hyperlipidemia", onset=Age(55), recorded="2008-10-01"),
        problem("tia", verification="unconfirmed", onset="2026-10-10", recorded="2026-10-12", visit=1),
        problem("angina", category="health-concern", clinical="relapse", recorded="2026-10-12", visit=1),
    ),
    prescriptions=(
        order(
            "ibuprofen",
            written="2022-02-15",
            prescriber=_DOCTOR,
            do_not_perform=True,
            dosages=(),
            treats=2,
            note="Bleeding ulcer in 2022: no NSAIDs.",
        ),
        order("clopidogrel", written="2013-11-22", prescriber="dr-phetchara", treats=1, repeats=3),
        order("metoprolol", status="on-hold", written="2014-01-08", prescriber="dr-phetchara", treats=1),
        order("losartan", intent="plan", written="2026-10-12", prescriber="dr-phetchara", visit=1),
        order("spironolactone", intent="proposal", status="draft", written="2026-10-12", visit=1),
        order("omeprazole", status="completed", written="2022-02-15", ended="2022-06-15", treats=2, repeats=0),
        order("atorvastatin", reported=True, written="2026-10-12", note="Started abroad in summer."),
        order("digoxin", status="entered-in-error", written="2026-10-12"),
        order("amlodipine", status="cancelled", written="2026-10-12", end_reason="Ordered twice"),
        order("aspirin", status="stopped", written="2013-11-22", ended="2022-02-15", end_reason="Ulcer", treats=2),
    ),
    statements=(
        report("clopidogrel", taken=Span("2013-11"), asserted="2026-10-12"),
        report("metoprolol", status="on-hold", asserted="2026-10-12", source="dr-phetchara"),
    ),
)

NGUYEN = Person(
    id="smart-1057",
    home=_HOME,
    story="a Vietnamese name; not taken, intended, stopped",
    names=(Name(("Nguyễn",), ("Thị", "Ánh Tuyết"), prefix="Bà"), Name(("Nguyen",), ("Tuyet",), use="usual")),
    sex="female",
    born="1968-02-09",
    mrn="S-1057",
    address=address("26 Weaver's Green", "Eddington Mills", "VT", "05999"),
    telecom=phone(42),
    language="vi",
    race=ASIAN,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor=_DOCTOR,
    absolute_references=True,
    visits=(
        *(Visit(day, clinician=_DOCTOR) for day in ("2026-01-15", "2026-04-16", "2026-07-16", "2026-10-15")),
        Visit("2026-11-01T08:30:00-04:00", clinician=_DOCTOR, status="in-progress"),
        Visit("2027-01-14", clinician=_DOCTOR, status="planned"),
    ),
    conditions=(
        problem("breast-cancer", clinical="remission", onset="2019-08-06", recorded="2019-08-06", style="snomed"),
        problem("osteoporosis", onset="2024-03-03", recorded="2024-03-03"),
        *(
            problem("joint-pain", category="encounter-diagnosis", onset=day, recorded=day, visit=visit)
            for visit, day in enumerate(("2026-01-15", "2026-04-16", "2026-07-16", "2026-10-15"), 1)
        ),
        problem("rheumatoid-arthritis", verification="refuted", recorded="2026-10-15", note="Antibodies negative."),
    ),
    prescriptions=(
        order("tamoxifen", written="2019-10-01", prescriber=_DOCTOR, treats=1),
        Prescription(
            remedy("alendronate 70 mg tablet"),
            written="2024-03-03",
            treats=2,
            dosages=(Dosage("One tablet every Sunday", milligrams(70), ROUTES["oral"], Timing(unit="wk")),),
        ),
    ),
    statements=(
        report("tamoxifen", taken=Span("2019-10"), asserted="2026-10-15"),
        Statement(remedy("alendronate"), status="not-taken", asserted="2026-10-15", why_not=Concept("Heartburn")),
        Statement(remedy("thuốc bổ (herbal tonic)"), asserted="2026-10-15"),
        report("prednisone", status="stopped", taken=Span("2026-04", "2026-05"), asserted="2026-07-16"),
        report("gabapentin", status="intended", asserted="2026-10-15", source=_DOCTOR),
    ),
)

QUISPE = Person(
    id="smart-1063",
    home=_HOME,
    story="a child with asthma, doses in puffs and millilitres",
    names=(Name(("Quispe", "Arroyo"), ("Mateo",)),),
    sex="male",
    born="2018-08-21",
    mrn="S-1063",
    address=address("40 Slate Street", "Eddington Mills", "VT", "05999"),
    telecom=phone(43),
    language="es",
    race=WHITE,
    ethnicity=HISPANIC,
    doctor="dr-okonkwo",
    relatives=(Relative(Name(("Arroyo",), ("Ximena",), use="usual"), "N", "555-0143"),),
    visits=(
        Visit("2026-10-22", clinician="dr-okonkwo", reason="Earache"),
        Visit("2026-11-01T11:30:00-04:00", clinician="dr-okonkwo", status="in-progress", reason="Ear, seen again"),
    ),
    conditions=(
        problem("asthma", onset="2022-10", recorded="2022-10-17", severity=Concept("mild"), asserter="dr-okonkwo"),
        problem("eczema", clinical="inactive", onset="2019", recorded="2019-05-02"),
        problem("croup", clinical="resolved", onset="2020-01-12", ended="2020-01-17", recorded="2020-01-12"),
        problem("ear-infection", category="encounter-diagnosis", onset="2026-10-22", recorded="2026-10-22", visit=1),
    ),
    prescriptions=(
        order("albuterol", written="2022-10-17", prescriber="dr-okonkwo", treats=1),
        order("fluticasone", written="2023-01-09", prescriber="dr-okonkwo", treats=1),
        order("montelukast", status="stopped", written="2024-11-06", ended="2025-02-12", end_reason="Bad dreams"),
        order(
            "amoxicillin-suspension",
            written="2026-10-22",
            prescriber="dr-okonkwo",
            treats=4,
            supply=millilitres(100),
            visit=1,
        ),
    ),
)

WESTERGAARD = Person(
    id="smart-1078",
    home=_HOME,
    story="reasons for missing data: asked and declined, masked, unknown",
    names=(Name(("Westergaard",), ("Noor",)),),
    born_absent="asked-declined",
    sex_absent="asked-unknown",
    mrn="S-1078",
    ethnicity=NOT_HISPANIC,
    conditions=(
        problem("depression", clinical="", clinical_absent="unknown", verification="", recorded="2026-08-03"),
        words_only("", clinical="active", recorded="2026-08-03"),
        problem("insomnia", clinical="", clinical_absent="not-asked", onset="2025", recorded="2026-08-03"),
    ),
    prescriptions=(
        Prescription(Medicine(Concept(absent="masked")), written="2026-08-03", prescriber="dr-marchetti"),
        order("sertraline", status="unknown", written="2026-08-03"),
    ),
    statements=(Statement(Medicine(Concept(absent="unknown")), note="A small white pill.", asserted="2026-08-03"),),
)

OLUFSEN = Person(
    id="smart-1081",
    home="epic",
    story="drugs by reference, contained, without a name, and lost",
    visits=(
        Visit("2026-02-02", clinician=_DOCTOR, place="Neurology"),
        Visit("2026-11-01T09:45:00-04:00", clinician=_DOCTOR, status="in-progress", place="Neurology"),
        Visit("2027-02-01", clinician=_DOCTOR, status="planned", place="Neurology"),
    ),
    names=(Name(("Olufsen-Diallo",), ("Fatoumata",), prefix="Ms."),),
    sex="female",
    born="1976-04-26",
    mrn="S-1081",
    address=address("11 Bellfounders Row", "Eddington Mills", "VT", "05999"),
    telecom=phone(44),
    language="fr",
    race=BLACK,
    ethnicity=NOT_HISPANIC,
    marital=DIVORCED,
    doctor=_DOCTOR,
    conditions=(
        problem("epilepsy", onset="1999-09", recorded="2005-01-31", style="icd10"),
        problem("hypothyroidism", text="Underactive thyroid", onset="2016", recorded="2016-02-22"),
        problem("migraine", text="Headaches, see letter of 2017", onset=AgeRange(38, 40), recorded="2017-06-06"),
    ),
    prescriptions=(
        order("lamotrigine", shape=Shape.REFERENCE, written="2005-01-31", prescriber=_DOCTOR, treats=1),
        order("levothyroxine", shape=Shape.CONTAINED, written="2016-02-22", prescriber=_DOCTOR, treats=2),
        order("ferrous-sulfate", shape=Shape.BARE_REFERENCE, written="2026-02-02", prescriber=_DOCTOR),
        order("ondansetron", shape=Shape.LOST_REFERENCE, written="2026-02-02"),
        Prescription(bare_drug("310798"), written="2026-02-02", dosages=(usual("hydrochlorothiazide"),)),
    ),
    statements=(
        report("lamotrigine", shape=Shape.REFERENCE, taken=Span("2005-02"), asserted="2026-02-02"),
        report("cetirizine", shape=Shape.CONTAINED, asserted="2026-02-02"),
    ),
)

BEAUREGARD = Person(
    id="smart-1096",
    home="oracle-health",
    story="dosages: words only, structure only, both, ranges, tapering",
    visits=(
        Visit("2026-10-20", clinician=_DOCTOR, reason="Back pain"),
        Visit("2026-11-01T10:20:00-05:00", clinician=_DOCTOR, status="in-progress", reason="Back pain"),
        Visit("2026-11-10", clinician=_DOCTOR, status="cancelled"),
    ),
    names=(Name(("Beauregard-Nakashima",), ("Philippa", "June"), prefix="Mrs."),),
    sex="female",
    born="1960-09-29",
    mrn="S-1096",
    address=address("53 Candlemaker Hill", "Eddington Mills", "VT", "05999"),
    telecom=phone(45),
    language="en-US",
    race=ASIAN,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor=_DOCTOR,
    conditions=(
        problem("lupus", onset="1997", recorded="2001-01-22", asserter=_DOCTOR),
        problem("back-pain", onset="2026-08", recorded="2026-08-31"),
        problem("kidney-stone", clinical="resolved", onset="2014-07-02", ended=Age(53), recorded="2014-07-02"),
    ),
    prescriptions=(
        order("hydroxychloroquine", written="2001-01-22", treats=1, dosages=(usual("hydroxychloroquine", "text"),)),
        order("omeprazole", written="2019-03-12", dosages=(usual("omeprazole", "structured"),)),
        order("gabapentin", written="2026-08-31", treats=2),
        order(
            "oxycodone",
            written="2026-10-20",
            treats=2,
            dosages=(
                Dosage(
                    "Take 1 to 2 tablets by mouth every 6 hours as needed for severe pain",
                    AmountRange(pieces(1, "tablet"), pieces(2, "tablet")),
                    ROUTES["oral"],
                    Timing(period=6, unit="h", code="Q6H"),
                    as_needed=Concept("severe pain"),
                    maximum=pieces(6, "tablet"),
                ),
            ),
        ),
        order(
            "prednisone",
            status="completed",
            written="2026-06-01",
            ended="2026-06-15",
            treats=1,
            dosages=tuple(
                Dosage(f"{dose} mg every morning for 5 days", milligrams(dose), ROUTES["oral"], Timing(code="AM"))
                for dose in (40, 20, 10)
            ),
        ),
        order("aspirin", written="2012-05-05", dosages=()),
    ),
)

ODWYER = Person(
    id="smart-1104",
    home="azure",
    story="a name with apostrophe and hyphen; nothing but free text",
    visits=(
        Visit("2026-05-20", clinician=_DOCTOR, reason="wheezy > 3 weeks"),
        Visit("2026-11-01T12:10:00-05:00", clinician=_DOCTOR, status="in-progress"),
    ),
    names=(Name(("O'Dwyer-Łukasik",), ("Siobhán", "Mary-Kate"), prefix="Ms.", suffix="PhD"),),
    sex="other",
    born="1990-10",
    mrn="S-1104",
    address=address("6 St. Brendan's Close", "Eddington Mills", "VT", "05999"),
    telecom=phone(46, email="siobhan"),
    language="ga",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=SINGLE,
    conditions=(
        words_only("wheezy at night, ?asthma", verification="provisional", recorded="2026-05-20"),
        words_only("Broke wrist on holiday <3 yrs ago> & it clicks", clinical="resolved", recorded="2026-05-20"),
        problem("hay-fever", style="none", onset="2002", recorded="2026-05-20"),
    ),
    prescriptions=(Prescription(remedy("blue inhaler"), written="2026-05-20", dosages=(Dosage("2 puffs prn"),)),),
    statements=(Statement(remedy('St John\'s wort & "calming" tea'), asserted="2026-05-20"),),
)

PEOPLE = (KITTREDGE, NGUYEN, QUISPE, WESTERGAARD, OLUFSEN, BEAUREGARD, ODWYER)
