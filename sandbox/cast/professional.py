"""Seven patients of a family practice: everyday records, and the ways in which a diagnosis can be no diagnosis."""

from __future__ import annotations

from datetime import date

from sandbox.cast.shorthand import (
    ASIAN,
    BLACK,
    HISPANIC,
    MARRIED,
    NOT_HISPANIC,
    SINGLE,
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
from sandbox.medicines import pieces, usual
from sandbox.person import (
    Age,
    AgeRange,
    Concept,
    Dosage,
    Home,
    Name,
    Person,
    Relative,
    Span,
    Statement,
    Visit,
    Words,
)

_HOME: Home = "allscripts-professional"
_DOCTOR = "dr-fennimore"

HOLLINGBROOK = Person(
    id="54520",
    home=_HOME,
    story="everyday chart: diabetes, blood pressure, eight medications",
    names=(
        Name(("Hollingbrook",), ("Marguerite", "Ann"), prefix="Mrs."),
        Name((), ("Greta",), use="nickname"),
        Name(("Pellworth",), ("Marguerite", "Ann"), use="old", span=Span(end="1981-06-20")),
    ),
    sex="female",
    born="1957-03-22",
    mrn="0054520",
    address=address("12 Juniper Row"),
    telecom=phone(12, email="m.hollingbrook"),
    language="en-US",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor=_DOCTOR,
    relatives=(Relative(Name(("Hollingbrook",), ("Edwin",), use="usual"), "N", "555-0113"),),
    blanks=True,
    visits=(
        Visit("2026-02-11", clinician=_DOCTOR, reason="Sore face and fever"),
        Visit("2026-10-06", clinician=_DOCTOR, place="Room 2", reason="Diabetes check"),
        Visit("2026-10-13", clinician=_DOCTOR, status="cancelled", reason="Flu shot (given a week earlier)"),
        Visit("2026-11-01T09:30:00-05:00", clinician=_DOCTOR, status="in-progress", place="Room 2", reason="Knee pain"),
        Visit("2027-02-09", clinician=_DOCTOR, status="planned", reason="Diabetes check"),
    ),
    conditions=(
        problem("type-2-diabetes", onset="2009-05-18", recorded="2009-05-18", asserter=_DOCTOR, style="chosen"),
        problem("hypertension", onset="2004", recorded="2004-11-02", asserter=_DOCTOR),
        problem("hyperlipidemia", onset="2011-03", recorded="2011-03-09", asserter=_DOCTOR),
        problem("knee-arthritis", onset=Age(58), recorded="2015-08-20", site=Concept("left knee")),
        problem("hypothyroidism", onset="2013-01-15", recorded="2013-01-15"),
        problem("pneumonia", clinical="resolved", onset="2019-12-30", ended="2020-01-19", recorded="2019-12-30"),
        problem("gallstones", clinical="resolved", onset="1996", ended="1996", recorded="2004-11-02"),
        problem("sinusitis", category="encounter-diagnosis", onset="2026-02-11", recorded="2026-02-11", visit=1),
        problem("atrial-fibrillation", verification="refuted", recorded="2022-06-14", note="Holter: sinus rhythm."),
    ),
    prescriptions=(
        order("metformin", written="2009-05-18", prescriber=_DOCTOR, treats=1, repeats=3, supply=pieces(180, "tablet")),
        order("lisinopril", written="2018-04-12", prescriber=_DOCTOR, treats=2, repeats=3),
        order("atorvastatin", written="2026-10-06", prescriber=_DOCTOR, treats=3, repeats=1, visit=2),
        order("levothyroxine", written="2013-01-15", prescriber=_DOCTOR, treats=5),
        order(
            "amoxicillin",
            status="completed",
            written="2026-02-11",
            ended="2026-02-21",
            prescriber=_DOCTOR,
            treats=8,
            visit=1,
        ),
        order(
            "hydrochlorothiazide",
            status="stopped",
            written="2005-01-10",
            ended="2018-04-12",
            end_reason="Low sodium",
            prescriber=_DOCTOR,
            treats=2,
        ),
    ),
    statements=(
        report(
            "metformin", taken="2026-10-06", asserted="2026-10-06", dosages=(Dosage("One tablet with supper only"),)
        ),
        report("acetaminophen", taken=Span("2024-03"), asserted="2026-10-06", reason=Concept("sore knee")),
    ),
)

ACHTERBERG = Person(
    id="54531",
    home=_HOME,
    story="deceased, date of death known",
    names=(Name(("Achterberg",), ("Desmond", "Piet"), prefix="Mr."),),
    sex="male",
    born="1938-11-05",
    died=date(2026, 3, 2),
    mrn="0054531",
    address=address("3 Millrace Lane"),
    telecom=phone(14),
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=WIDOWED,
    doctor=_DOCTOR,
    conditions=(
        problem("heart-failure", onset="2018-09-03", recorded="2018-09-03", severity=Concept("severe")),
        problem("kidney-disease", onset="2020", recorded="2020-07-01"),
        problem("prostate-enlargement", onset=AgeRange(65, 70), recorded="2008-02-27"),
        problem("heart-attack", clinical="resolved", onset="2012-01-28", ended="2012-02-20", recorded="2012-01-28"),
    ),
    prescriptions=(
        order("furosemide", status="stopped", written="2018-09-05", ended="2026-03-02", end_reason="Patient died"),
        order("carvedilol", status="stopped", written="2018-09-05", ended="2026-03-02", end_reason="Patient died"),
        order("tamsulosin", status="completed", written="2008-02-27", ended="2019-05-30", treats=3),
    ),
)

VENKATARAGHAVAN = Person(
    id="54546",
    home=_HOME,
    story="the same diagnosis in four encounters",
    names=(Name(("Venkataraghavan",), ("Priya",), prefix="Ms."),),
    sex="female",
    born="1989-06-30",
    mrn="0054546",
    address=address("77 Larkspur Street"),
    telecom=phone(15, email="priya.v"),
    language="ta",
    race=ASIAN,
    ethnicity=NOT_HISPANIC,
    marital=SINGLE,
    doctor=_DOCTOR,
    blanks=True,
    visits=tuple(Visit(day, clinician=_DOCTOR) for day in ("2025-11-18", "2026-03-24", "2026-07-07", "2026-10-20")),
    conditions=(
        problem("migraine", onset="2011", recorded="2014-02-02", asserter=_DOCTOR),
        *(
            problem("urinary-infection", category="encounter-diagnosis", onset=day, recorded=day, visit=visit)
            for visit, day in enumerate(("2025-11-18", "2026-03-24", "2026-07-07", "2026-10-20"), 1)
        ),
    ),
    prescriptions=(
        order("ciprofloxacin", status="completed", written="2026-03-24", ended="2026-03-31", treats=3, visit=2),
        order("ciprofloxacin", written="2026-10-20", prescriber=_DOCTOR, treats=5, visit=4),
    ),
    statements=(
        Statement(remedy("cranberry extract capsules"), taken=Span("2026-04"), asserted="2026-07-07"),
        report("ibuprofen", asserted="2026-07-07", reason=Concept("migraine")),
    ),
)

DUNMORROW = Person(
    id="54560",
    home="epic",
    story="no conditions recorded",
    visits=(Visit("2026-11-01T11:00:00-04:00", clinician="dr-fennimore", status="in-progress", reason="Hay fever"),),
    names=(Name(("Dunmorrow",), ("Calum",)),),
    sex="male",
    born="1998-01-17",
    mrn="0054560",
    address=address("5 Quarry View"),
    telecom=phone(16),
    language="en-US",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    doctor=_DOCTOR,
    blanks=True,
    prescriptions=(order("cetirizine", written="2026-05-04", prescriber=_DOCTOR, reason=Concept("pollen")),),
)

PAPASTAVROU = Person(
    id="54577",
    home="azure",
    story="a name in Greek script",
    visits=(
        Visit("2026-04-22", clinician="dr-fennimore"),
        Visit("2026-11-01T10:00:00-04:00", clinician="dr-fennimore", status="in-progress", reason="πόνος (pain)"),
    ),
    names=(
        Name(("Παπασταύρου",), ("Ελένη",), prefix="Κα"),
        Name(("Papastavrou",), ("Eleni",), use="usual"),
    ),
    sex="female",
    born="1966-08-09",
    mrn="0054577",
    address=address("41 Harbour Steps", "Saltwick", "ME", "03999"),
    telecom=phone(17),
    language="el",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    conditions=(
        problem("osteoporosis", onset="2021-09-14", recorded="2021-09-14", asserter=_DOCTOR),
        problem("glaucoma", onset="2019", recorded="2019-06-03"),
        words_only("πόνος στη μέση (low back pain)", onset=Words("since last winter"), recorded="2026-04-22"),
    ),
    statements=(Statement(remedy("βιταμίνη D3 1000 IU"), dosages=(Dosage("1 την ημέρα"),), asserted="2026-04-22"),),
)

HOLINGBROK = Person(
    id="54582",
    home=_HOME,
    story="inactive record, merged into patient 54520",
    names=(Name(("Holingbrok",), ("Margaret",)),),
    sex="female",
    born="1957-03-22",
    mrn="0054582",
    active=False,
    replaced_by="54520",
    blanks=True,
)

OYARZABAL = Person(
    id="54590",
    home="oracle-health",
    story="refuted, provisional and entered-in-error diagnoses",
    names=(Name(("Oyarzabal",), ("Wendell", "Ignacio"), prefix="Mr.", suffix="Jr."),),
    sex="male",
    born="1979-10-11",
    mrn="0054590",
    address=address("220 Foundry Road"),
    telecom=phone(18),
    language="es",
    race=BLACK,
    ethnicity=HISPANIC,
    doctor="dr-vanhoutte",
    visits=(
        Visit("2026-10-27", "EMER", "dr-vanhoutte", left="2026-10-28", place="Emergency room", reason="Chest pain"),
        Visit("2026-11-01T08:15:00-05:00", clinician="dr-vanhoutte", status="in-progress", reason="Seen again"),
    ),
    conditions=(
        problem("chest-pain", category="encounter-diagnosis", onset="2026-10-27", recorded="2026-10-27", visit=1),
        problem("angina", verification="provisional", recorded="2026-10-27", asserter="dr-vanhoutte"),
        problem("reflux", verification="differential", recorded="2026-10-27", asserter="dr-vanhoutte"),
        problem("heart-attack", verification="refuted", recorded="2026-10-27", note="Troponin negative twice."),
        problem("pulmonary-embolism", verification="refuted", recorded="2026-10-28"),
        problem("type-1-diabetes", verification="entered-in-error", recorded="2025-01-08", note="Wrong chart."),
        problem("epilepsy", verification="entered-in-error", recorded="2025-01-08"),
        problem("obesity", verification="unconfirmed", recorded="2026-10-27"),
        problem("back-pain", onset="2024-12", ended="2025-03", recorded="2024-12-09", note="Never marked as resolved."),
    ),
    prescriptions=(
        order("aspirin", written="2026-10-27", prescriber="dr-vanhoutte", visit=1),
        order("insulin-glargine", status="entered-in-error", written="2025-01-08"),
        order("lamotrigine", status="entered-in-error", written="2025-01-08"),
        order("omeprazole", written="2026-10-28", prescriber="dr-vanhoutte", treats=3, dosages=(usual("omeprazole"),)),
    ),
    statements=(report("ibuprofen", status="entered-in-error", asserted="2026-10-27"),),
)

PEOPLE = (HOLLINGBROOK, ACHTERBERG, VENKATARAGHAVAN, DUNMORROW, PAPASTAVROU, HOLINGBROK, OYARZABAL)
