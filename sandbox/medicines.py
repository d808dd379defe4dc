"""The drugs that the invented patients are given, with their usual doses, routes and times.

Codes: RxNorm (drugs), SNOMED CT (routes), UCUM (units), HL7 GTSAbbreviation (times), as of 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.clinical import SNOMED
from sandbox.person import Amount, Coding, Concept, Dosage, Medicine, Shape, Timing

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

ROUTES: dict[str, Concept] = {
    key: Concept(name, (Coding(SNOMED, code, name),))
    for key, code, name in (
        ("oral", "26643006", "Oral route"),
        ("intravenous", "47625008", "Intravenous route"),
        ("intramuscular", "78421000", "Intramuscular route"),
        ("subcutaneous", "34206005", "Subcutaneous route"),
        ("inhalation", "447694001", "Respiratory tract route"),
        ("transdermal", "45890007", "Transdermal route"),
    )
}

TIMINGS: dict[str, Timing] = {
    "daily": Timing(code="QD"),
    "morning": Timing(code="AM"),
    "bid": Timing(frequency=2, code="BID"),
    "tid": Timing(frequency=3, code="TID"),
    "qid": Timing(frequency=4, code="QID"),
    "bedtime": Timing(when="HS"),
    "q4h": Timing(period=4, unit="h", code="Q4H"),
    "q6h": Timing(period=6, unit="h", code="Q6H"),
    "q72h": Timing(period=72, unit="h"),
    "weekly": Timing(unit="wk"),
}


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug as RxNorm names it, with the dose, route and timing that it is usually given in (a key of TIMINGS)."""

    rxnorm: str
    name: str
    text: str
    dose: Amount
    sig: str
    timing: str = "daily"
    route: str = "oral"
    form: str = "tablet"


def milligrams(value: int | float) -> Amount:
    return Amount(value, "mg", "mg")


def micrograms(value: int | float) -> Amount:
    return Amount(value, "mcg", "ug")


def millilitres(value: int | float) -> Amount:
    return Amount(value, "mL", "mL")


def units(value: int | float) -> Amount:
    return Amount(value, "units", "[iU]")


def pieces(value: int | float, what: str) -> Amount:
    """So many tablets, capsules, puffs, patches: UCUM writes them as an annotation."""
    return Amount(value, what, f"{{{what}}}")


_ONE_DAILY = "Take 1 tablet by mouth once daily"
_ONE_TWICE = "Take 1 tablet by mouth twice daily"

DRUGS: dict[str, Drug] = {
    "acetaminophen": Drug(
        "198440",
        "acetaminophen 500 MG Oral Tablet",
        "acetaminophen 500 mg tablet",
        milligrams(500),
        "Take 1 tablet by mouth every 6 hours as needed",
        "q6h",
    ),
    "albuterol": Drug(
        "745679",
        "albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
        "albuterol 90 mcg/actuation inhaler",
        pieces(2, "puffs"),
        "Inhale 2 puffs every 4 hours as needed",
        "q4h",
        "inhalation",
        "inhaler",
    ),
    "allopurinol": Drug(
        "197319", "allopurinol 100 MG Oral Tablet", "allopurinol 100 mg tablet", milligrams(100), _ONE_DAILY
    ),
    "amlodipine": Drug("197361", "amlodipine 5 MG Oral Tablet", "amlodipine 5 mg tablet", milligrams(5), _ONE_DAILY),
    "amoxicillin": Drug(
        "308191",
        "amoxicillin 500 MG Oral Capsule",
        "amoxicillin 500 mg capsule",
        milligrams(500),
        "Take 1 capsule by mouth three times daily",
        "tid",
        form="capsule",
    ),
    "amoxicillin-suspension": Drug(
        "308189",
        "amoxicillin 80 MG/ML Oral Suspension",
        "amoxicillin 400 mg/5 mL oral suspension",
        millilitres(5),
        "Give 5 mL by mouth twice daily for 10 days",
        "bid",
        form="suspension",
    ),
    "apixaban": Drug("1364445", "apixaban 5 MG Oral Tablet", "apixaban 5 mg tablet", milligrams(5), _ONE_TWICE, "bid"),
    "aspirin": Drug("243670", "aspirin 81 MG Oral Tablet", "aspirin 81 mg tablet", milligrams(81), _ONE_DAILY),
    "atorvastatin": Drug(
        "617310",
        "atorvastatin 20 MG Oral Tablet",
        "atorvastatin 20 mg tablet",
        milligrams(20),
        "Take 1 tablet by mouth at bedtime",
        "bedtime",
    ),
    "carvedilol": Drug(
        "200031", "carvedilol 6.25 MG Oral Tablet", "carvedilol 6.25 mg tablet", milligrams(6.25), _ONE_TWICE, "bid"
    ),
    "ceftriaxone": Drug(
        "1665021",
        "ceftriaxone 1000 MG Injection",
        "ceftriaxone 1 g injection",
        milligrams(1000),
        "1 g IV every 24 hours",
        "daily",
        "intravenous",
        "injection",
    ),
    "cetirizine": Drug(
        "1014678",
        "cetirizine hydrochloride 10 MG Oral Tablet",
        "cetirizine 10 mg tablet",
        milligrams(10),
        _ONE_DAILY,
    ),
    "ciprofloxacin": Drug(
        "309309",
        "ciprofloxacin 500 MG Oral Tablet",
        "ciprofloxacin 500 mg tablet",
        milligrams(500),
        "Take 1 tablet by mouth twice daily for 7 days",
        "bid",
    ),
    "clopidogrel": Drug(
        "309362", "clopidogrel 75 MG Oral Tablet", "clopidogrel 75 mg tablet", milligrams(75), _ONE_DAILY
    ),
    "digoxin": Drug("197604", "digoxin 0.125 MG Oral Tablet", "digoxin 125 mcg tablet", micrograms(125), _ONE_DAILY),
    "dolutegravir": Drug(
        "1433873", "dolutegravir 50 MG Oral Tablet", "dolutegravir 50 mg tablet", milligrams(50), _ONE_DAILY
    ),
    "donepezil": Drug(
        "997223",
        "donepezil hydrochloride 10 MG Oral Tablet",
        "donepezil 10 mg tablet",
        milligrams(10),
        "Take 1 tablet by mouth at bedtime",
        "bedtime",
    ),
    "fentanyl": Drug(
        "245134",
        "72 HR fentanyl 0.025 MG/HR Transdermal System",
        "fentanyl 25 mcg/hour patch",
        pieces(1, "patch"),
        "Apply 1 patch every 72 hours",
        "q72h",
        "transdermal",
        "patch",
    ),
    "ferrous-sulfate": Drug(
        "310325", "ferrous sulfate 325 MG Oral Tablet", "ferrous sulfate 325 mg tablet", milligrams(325), _ONE_DAILY
    ),
    "fluticasone": Drug(
        "895994",
        "120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler",
        "fluticasone 44 mcg/actuation inhaler",
        pieces(2, "puffs"),
        "Inhale 2 puffs twice daily",
        "bid",
        "inhalation",
        "inhaler",
    ),
    "furosemide": Drug(
        "313988", "furosemide 40 MG Oral Tablet", "furosemide 40 mg tablet", milligrams(40), _ONE_DAILY, "morning"
    ),
    "gabapentin": Drug(
        "310431",
        "gabapentin 300 MG Oral Capsule",
        "gabapentin 300 mg capsule",
        milligrams(300),
        "Take 1 capsule by mouth three times daily",
        "tid",
        form="capsule",
    ),
    "heparin": Drug(
        "1658717",
        "250 ML heparin sodium, porcine 100 UNT/ML Injection",
        "heparin 25,000 units/250 mL infusion",
        units(25000),
        "Infuse at 1,000 units/hour, adjust by protocol",
        "daily",
        "intravenous",
        "infusion",
    ),
    "hydrochlorothiazide": Drug(
        "310798",
        "hydrochlorothiazide 25 MG Oral Tablet",
        "hydrochlorothiazide 25 mg tablet",
        milligrams(25),
        _ONE_DAILY,
        "morning",
    ),
    "hydroxychloroquine": Drug(
        "979092",
        "hydroxychloroquine sulfate 200 MG Oral Tablet",
        "hydroxychloroquine 200 mg tablet",
        milligrams(200),
        _ONE_TWICE,
        "bid",
    ),
    "ibuprofen": Drug(
        "310965",
        "ibuprofen 200 MG Oral Tablet",
        "ibuprofen 200 mg tablet",
        milligrams(200),
        "Take 1 tablet by mouth every 6 hours as needed with food",
        "q6h",
    ),
    "insulin-glargine": Drug(
        "311041",
        "insulin glargine 100 UNT/ML Injectable Solution",
        "insulin glargine 100 units/mL",
        units(18),
        "Inject 18 units under the skin at bedtime",
        "bedtime",
        "subcutaneous",
        "injection",
    ),
    "labetalol": Drug(
        "896758",
        "labetalol hydrochloride 100 MG Oral Tablet",
        "labetalol 100 mg tablet",
        milligrams(100),
        _ONE_TWICE,
        "bid",
    ),
    "lamotrigine": Drug(
        "198427", "lamotrigine 100 MG Oral Tablet", "lamotrigine 100 mg tablet", milligrams(100), _ONE_TWICE, "bid"
    ),
    "levothyroxine": Drug(
        "966222",
        "levothyroxine sodium 0.075 MG Oral Tablet",
        "levothyroxine 75 mcg tablet",
        micrograms(75),
        "Take 1 tablet by mouth every morning on an empty stomach",
        "morning",
    ),
    "lisinopril": Drug("314076", "lisinopril 10 MG Oral Tablet", "lisinopril 10 mg tablet", milligrams(10), _ONE_DAILY),
    "losartan": Drug(
        "979492", "losartan potassium 50 MG Oral Tablet", "losartan 50 mg tablet", milligrams(50), _ONE_DAILY
    ),
    "metformin": Drug(
        "861007",
        "metformin hydrochloride 500 MG Oral Tablet",
        "metformin 500 mg tablet",
        milligrams(500),
        "Take 1 tablet by mouth twice daily with meals",
        "bid",
    ),
    "methotrexate": Drug(
        "105585",
        "methotrexate 2.5 MG Oral Tablet",
        "methotrexate 2.5 mg tablet",
        milligrams(15),
        "Take 6 tablets by mouth ONCE A WEEK on Monday",
        "weekly",
    ),
    "metoprolol": Drug(
        "866924",
        "metoprolol tartrate 25 MG Oral Tablet",
        "metoprolol tartrate 25 mg tablet",
        milligrams(25),
        _ONE_TWICE,
        "bid",
    ),
    "montelukast": Drug(
        "242438",
        "montelukast 5 MG Chewable Tablet",
        "montelukast 5 mg chewable tablet",
        milligrams(5),
        "Chew 1 tablet at bedtime",
        "bedtime",
        form="chewable tablet",
    ),
    "omeprazole": Drug(
        "198051",
        "omeprazole 20 MG Delayed Release Oral Capsule",
        "omeprazole 20 mg capsule",
        milligrams(20),
        "Take 1 capsule by mouth once daily before breakfast",
        "morning",
        form="capsule",
    ),
    "ondansetron": Drug(
        "198052",
        "ondansetron 4 MG Oral Tablet",
        "ondansetron 4 mg tablet",
        milligrams(4),
        "Take 1 tablet by mouth every 6 hours as needed for nausea",
        "q6h",
    ),
    "oxycodone": Drug(
        "1049221",
        "acetaminophen 325 MG / oxycodone hydrochloride 5 MG Oral Tablet",
        "oxycodone 5 mg / acetaminophen 325 mg tablet",
        pieces(1, "tablet"),
        "Take 1 tablet by mouth every 6 hours as needed for pain",
        "q6h",
    ),
    "penicillin": Drug(
        "834061",
        "penicillin V potassium 250 MG Oral Tablet",
        "penicillin V 250 mg tablet",
        milligrams(250),
        "Take 1 tablet by mouth four times daily for 10 days",
        "qid",
    ),
    "prednisone": Drug(
        "312615",
        "prednisone 20 MG Oral Tablet",
        "prednisone 20 mg tablet",
        milligrams(40),
        "Take 2 tablets by mouth once daily for 5 days",
        "morning",
    ),
    "sertraline": Drug("312941", "sertraline 50 MG Oral Tablet", "sertraline 50 mg tablet", milligrams(50), _ONE_DAILY),
    "spironolactone": Drug(
        "313096", "spironolactone 25 MG Oral Tablet", "spironolactone 25 mg tablet", milligrams(25), _ONE_DAILY
    ),
    "tamoxifen": Drug(
        "198240", "tamoxifen 10 MG Oral Tablet", "tamoxifen 10 mg tablet", milligrams(10), _ONE_TWICE, "bid"
    ),
    "tamsulosin": Drug(
        "863669",
        "tamsulosin hydrochloride 0.4 MG Oral Capsule",
        "tamsulosin 0.4 mg capsule",
        milligrams(0.4),
        "Take 1 capsule by mouth at bedtime",
        "bedtime",
        form="capsule",
    ),
    "warfarin": Drug(
        "855332",
        "warfarin sodium 5 MG Oral Tablet",
        "warfarin 5 mg tablet",
        milligrams(5),
        "Take 1 tablet by mouth every evening, or as the clinic says",
    ),
}

AS_NEEDED_FOR: dict[str, Concept | bool] = {
    "acetaminophen": True,
    "albuterol": Concept("wheezing or shortness of breath"),
    "ibuprofen": Concept("pain"),
    "ondansetron": Concept("nausea", (Coding(SNOMED, "422587007", "Nausea"),)),
    "oxycodone": Concept("severe pain"),
}
MAXIMUM_A_DAY: dict[str, Amount] = {
    "acetaminophen": milligrams(3000),
    "ibuprofen": milligrams(1200),
    "ondansetron": milligrams(16),
}


def medicine(key: str, shape: Shape = Shape.CONCEPT) -> Medicine:
    """The drug, named in the way that `shape` says; its id is given when the person is put together."""
    drug = DRUGS[key]
    return Medicine(Concept(drug.text, (Coding(RXNORM, drug.rxnorm, drug.name),)), shape, drug.form)


def usual(key: str, how: Literal["both", "text", "structured"] = "both") -> Dosage:
    """The usual instruction: the words, the structure, or both."""
    drug = DRUGS[key]
    if how == "text":
        return Dosage(drug.sig)
    return Dosage(
        text=drug.sig if how == "both" else "",
        dose=drug.dose,
        route=ROUTES[drug.route],
        timing=TIMINGS[drug.timing],
        as_needed=AS_NEEDED_FOR.get(key, False),
        maximum=MAXIMUM_A_DAY.get(key),
    )
