"""Seven patients of a hospital's wards: infusions, a restricted record, and what patients do not take."""

from __future__ import annotations

from sandbox.cast.shorthand import (
    ASIAN,
    BLACK,
    MARRIED,
    NATIVE,
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
from sandbox.medicines import ROUTES, milligrams, units, usual
from sandbox.person import (
    Concept,
    Dosage,
    Home,
    Name,
    Person,
    Prescription,
    Relative,
    Shape,
    Span,
    Statement,
    Timing,
    Visit,
    Words,
)

_HOME: Home = "allscripts-sunrise"
_WARD = "dr-azcona"
_ADMITTED = "2026-10-28T21:15:00-04:00"

BERGSVEIN = Person(
    id="385800201",
    home=_HOME,
    story="on the ward: infusions, orders by the hour",
    names=(Name(("Bergsvein",), ("Solveig", "Mercy"), prefix="Ms."),),
    sex="female",
    born="1962-05-19",
    mrn="385800201",
    address=address("104 Tannery Hill", "Brackwater", "PA", "18999"),
    telecom=phone(31),
    language="en-US",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor=_WARD,
    relatives=(Relative(Name(("Bergsvein",), ("Absalom",), use="usual"), "C", "555-0132"),),
    blanks=True,
    visits=(Visit("2026-10-28", "IMP", _WARD, status="in-progress", place="Ward 7, bed 12", reason="Short of breath"),),
    conditions=(
        problem("pulmonary-embolism", onset=_ADMITTED, recorded=_ADMITTED, severity=Concept("severe"), visit=1),
        problem("pneumonia", verification="provisional", onset="2026-10-29", recorded="2026-10-29", visit=1),
        problem("fever", category="encounter-diagnosis", onset="2026-10-28", recorded="2026-10-28", visit=1),
        problem("hypertension", onset="2010", recorded="2010-03-03"),
        problem("appendicitis", clinical="resolved", onset="1977", ended="1977", recorded="2010-03-03"),
        problem("dvt", verification="entered-in-error", recorded="2026-10-28", note="Wrong leg, wrong patient."),
    ),
    prescriptions=(
        order(
            "heparin",
            written="2026-10-28T22:05:00-04:00",
            prescriber=_WARD,
            treats=1,
            visit=1,
            dosages=(
                Dosage(
                    "25,000 units/250 mL IV, start at 1,000 units/hour, adjust by protocol",
                    route=ROUTES["intravenous"],
                    rate=units(1000),
                ),
            ),
        ),
        order("ceftriaxone", written="2026-10-29T06:00:00-04:00", prescriber=_WARD, treats=2, visit=1),
        order("ondansetron", written="2026-10-28T22:10:00-04:00", prescriber=_WARD, visit=1),
        order("acetaminophen", written="2026-10-28T22:10:00-04:00", prescriber=_WARD, treats=3, visit=1),
        order("lisinopril", status="on-hold", written="2019-09-09", treats=4, note="Low blood pressure."),
        order("apixaban", status="draft", written="2026-10-31T11:30:00-04:00", prescriber=_WARD, treats=1, visit=1),
    ),
    statements=(report("lisinopril", taken=Span("2019-09"), asserted="2026-10-28", source=_WARD),),
)

IGNACE = Person(
    id="385800212",
    home=_HOME,
    story="deceased, date of death unknown",
    names=(Name(("Ignace",), ("Bartholomew",), prefix="Mr."),),
    sex="male",
    born="1931-05",
    died=True,
    mrn="385800212",
    race=NATIVE,
    ethnicity=NOT_HISPANIC,
    marital=WIDOWED,
    conditions=(
        problem("prostate-cancer", onset="2016-02", recorded="2016-02-24"),
        problem("aortic-stenosis", onset="2019", recorded="2019-08-13"),
    ),
    prescriptions=(order("fentanyl", status="stopped", written="2022-01-03", ended="2022-02-28"),),
)

FORSYTHE = Person(
    id="385800227",
    home=_HOME,
    story="restricted record, with restricted rows",
    names=(Name(("Forsythe-Adeyemi",), ("Imani",)),),
    sex="female",
    born="1987-09-04",
    mrn="385800227",
    restricted=True,
    race=BLACK,
    ethnicity=NOT_HISPANIC,
    marital=SINGLE,
    doctor="dr-marchetti",
    blanks=True,
    conditions=(
        problem("hiv", onset="2015-06", recorded="2015-06-11", restricted=True),
        problem("depression", clinical="remission", onset="2016", recorded="2016-03-01", restricted=True),
        problem("eczema", onset="1990", recorded="2015-06-11"),
    ),
    prescriptions=(
        order("dolutegravir", written="2015-06-25", treats=1, restricted=True),
        order("sertraline", status="stopped", written="2016-03-01", ended="2018-12-12", treats=2, restricted=True),
    ),
)

ASHGROVE = Person(
    id="385800238",
    home="oracle-health",
    story="no sex recorded",
    visits=(
        Visit("2026-06-13", "EMER", "dr-vanhoutte", place="Emergency room", reason="Fell off a bicycle"),
        Visit("2026-11-01T16:00:00-05:00", clinician="dr-marchetti", status="in-progress"),
    ),
    names=(Name(("Ashgrove",), ("Robin",)), Name((), ("Rob",), use="usual")),
    born="1995-12-25",
    mrn="385800238",
    address=address("7 Signal Box Cottages", "Brackwater", "PA", "18999"),
    telecom=phone(33, email="robin.ashgrove"),
    language="en-US",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    blanks=True,
    conditions=(
        problem("anxiety", onset="2017", recorded="2017-10-02", asserter="dr-marchetti"),
        problem("concussion", clinical="resolved", onset="2026-06-13", ended="2026-07-01", recorded="2026-06-13"),
    ),
    prescriptions=(order("sertraline", written="2017-10-02", prescriber="dr-marchetti", treats=1),),
)

YESSENOVA = Person(
    id="385800249",
    home=_HOME,
    story="medications not taken, planned, and told by the patient",
    names=(Name(("Yessenova",), ("Gulnara",), prefix="Mrs."),),
    sex="female",
    born="1971-11-08",
    mrn="385800249",
    address=address("15 Paper Mill Square", "Brackwater", "PA", "18999"),
    telecom=phone(34),
    language="kk",
    race=ASIAN,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor=_WARD,
    blanks=True,
    conditions=(
        problem("rheumatoid-arthritis", onset="2014-04", recorded="2014-04-29", severity=Concept("moderate")),
        problem("hyperlipidemia", onset="2020", recorded="2020-02-06"),
    ),
    prescriptions=(
        order("methotrexate", written="2014-05-13", prescriber=_WARD, treats=1),
        order("atorvastatin", written="2020-02-06", prescriber=_WARD, treats=2),
    ),
    statements=(
        report("methotrexate", taken=Span("2014-05"), asserted="2026-09-01", dosages=(Dosage("Mondays, 6 tablets"),)),
        report("atorvastatin", status="not-taken", asserted="2026-09-01", why_not=Concept("Muscle aches")),
        report("hydroxychloroquine", status="intended", asserted="2026-09-01", source=_WARD, note="After eye check."),
        report("ibuprofen", asserted="2026-09-01", note="Bought over the counter."),
        Statement(remedy("fish oil, the yellow bottle"), asserted="2026-09-01", note="On and off."),
        report("prednisone", status="completed", taken=Span("2014-04", "2014-06"), asserted="2026-09-01"),
    ),
)

MOKOENA = Person(
    id="385800255",
    home="epic",
    story="pregnant; drugs named by reference and contained",
    names=(Name(("Mokoena-Brill",), ("Thandeka",), prefix="Dr."),),
    sex="female",
    born="1993-03-15",
    mrn="385800255",
    address=address("88 Orchard Terrace", "Brackwater", "PA", "18999"),
    telecom=phone(35),
    language="en-US",
    race=BLACK,
    ethnicity=NOT_HISPANIC,
    marital=MARRIED,
    doctor="np-lindeberg",
    visits=(
        Visit("2026-10-19", clinician="np-lindeberg", place="Maternity clinic"),
        Visit("2026-05-12", clinician="np-lindeberg", place="Maternity clinic", reason="First visit"),
        Visit("2026-10-28", clinician="np-lindeberg", status="cancelled", reason="Could not come"),
        Visit("2026-11-01T09:00:00-04:00", clinician="np-lindeberg", status="in-progress", place="Maternity clinic"),
        Visit("2026-12-28", "IMP", "np-lindeberg", status="planned", place="Delivery ward", reason="Birth"),
    ),
    conditions=(
        problem("pregnancy", onset="2026-03-28", recorded="2026-05-12", asserter="np-lindeberg"),
        problem("gestational-diabetes", onset="2026-09-21", recorded="2026-09-21", visit=1),
        problem("pre-eclampsia", verification="differential", recorded="2026-10-19", visit=1),
    ),
    prescriptions=(
        order("labetalol", shape=Shape.REFERENCE, written="2026-10-19", prescriber="np-lindeberg", visit=1),
        order("insulin-glargine", shape=Shape.CONTAINED, written="2026-09-21", prescriber="np-lindeberg", treats=2),
        order("ferrous-sulfate", shape=Shape.LOST_REFERENCE, written="2026-05-12", prescriber="np-lindeberg"),
    ),
    statements=(Statement(remedy("prenatal vitamin"), taken=Span("2026-04"), asserted="2026-10-19"),),
)

HADDADIN = Person(
    id="385800266",
    home="smart-stu3",
    story="a right-to-left name kept as text only; conditions in free text",
    names=(Name(text="ليلى مروان الحدادين"),),
    sex="female",
    born="1952-07-01",
    mrn="385800266",
    language="ar",
    race=WHITE,
    ethnicity=NOT_HISPANIC,
    blanks=True,
    conditions=(
        words_only("سكري (sugar)", onset=Words("many years"), recorded="2022-05-30"),
        words_only("Knees bad on both sides, worse in the morning; cannot manage stairs", recorded="2022-05-30"),
        words_only("s/p chole", clinical="resolved", recorded="2022-05-30"),
    ),
    prescriptions=(
        Prescription(remedy("METFORMIN 500MG TAB"), written="2022-05-30", dosages=(Dosage("1 TAB PO BID W/ MEALS"),)),
        Prescription(
            remedy("Diclofenac gel 1%"),
            written="2022-05-30",
            dosages=(Dosage("Rub in a little", timing=Timing(frequency=3, code="TID"), site=Concept("both knees")),),
        ),
        order("acetaminophen", written="2022-05-30", dosages=(usual("acetaminophen", "structured"),)),
        Prescription(
            remedy("calcium carbonate 600 mg"),
            written="2022-05-30",
            dosages=(Dosage(dose=milligrams(600), route=ROUTES["oral"], extra=Concept("with food")),),
        ),
    ),
)

PEOPLE = (BERGSVEIN, IGNACE, FORSYTHE, ASHGROVE, YESSENOVA, MOKOENA, HADDADIN)
