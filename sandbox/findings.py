"""What can be measured, reacted to, vaccinated against and written down in the invented patients' charts.

Codes: LOINC, UCUM, RxNorm, SNOMED CT and CVX as of 2026.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.clinical import SNOMED
from sandbox.medicines import RXNORM
from sandbox.person import Coding, Concept

LOINC = "http://loinc.org"
CVX = "http://hl7.org/fhir/sid/cvx"


@dataclass(frozen=True, slots=True)
class Test:
    """Something that can be measured: LOINC code, name, the unit for people and in UCUM, and what is usual.

    `low` and `high` are decimal texts, as laboratories print them.
    """

    loinc: str
    name: str
    unit: str = ""
    ucum: str = ""
    low: str = ""
    high: str = ""

    @property
    def what(self) -> Concept:
        return Concept(self.name, (Coding(LOINC, self.loinc, self.name),))


VITALS: dict[str, Test] = {
    "blood-pressure": Test("85354-9", "Blood pressure panel", "mmHg", "mm[Hg]"),
    "blood-pressure-old": Test("55284-4", "Blood pressure systolic and diastolic", "mmHg", "mm[Hg]"),
    "systolic": Test("8480-6", "Systolic blood pressure", "mmHg", "mm[Hg]"),
    "diastolic": Test("8462-4", "Diastolic blood pressure", "mmHg", "mm[Hg]"),
    "heart-rate": Test("8867-4", "Heart rate", "beats/minute", "/min"),
    "respiratory-rate": Test("9279-1", "Respiratory rate", "breaths/minute", "/min"),
    "temperature": Test("8310-5", "Body temperature", "°C", "Cel"),
    "weight": Test("29463-7", "Body weight", "kg", "kg"),
    "height": Test("8302-2", "Body height", "cm", "cm"),
    "head": Test("9843-4", "Head circumference", "cm", "cm"),
    "bmi": Test("39156-5", "Body mass index", "kg/m2", "kg/m2"),
    "oxygen": Test("59408-5", "Oxygen saturation", "%", "%"),
}
OTHER_UNITS: dict[str, str] = {"lb": "[lb_av]", "in": "[in_i]", "°F": "[degF]"}
"""Units that a vital sign is measured in besides its own, and their codes in UCUM."""

LABS: dict[str, Test] = {
    "a1c": Test("4548-4", "Hemoglobin A1c", "%", "%", "4.0", "5.6"),
    "glucose": Test("2345-7", "Glucose", "mg/dL", "mg/dL", "70", "99"),
    "sodium": Test("2951-2", "Sodium", "mmol/L", "mmol/L", "136", "145"),
    "potassium": Test("2823-3", "Potassium", "mmol/L", "mmol/L", "3.5", "5.1"),
    "creatinine": Test("2160-0", "Creatinine", "mg/dL", "mg/dL", "0.60", "1.10"),
    "ldl": Test("13457-7", "LDL cholesterol", "mg/dL", "mg/dL", "", "100"),
    "tsh": Test("3016-3", "Thyrotropin (TSH)", "mIU/L", "m[IU]/L", "0.45", "4.50"),
    "hemoglobin": Test("718-7", "Hemoglobin", "g/dL", "g/dL", "12.0", "16.0"),
    "white-cells": Test("6690-2", "White blood cells", "10*3/uL", "10*3/uL", "4.0", "11.0"),
    "platelets": Test("777-3", "Platelets", "10*3/uL", "10*3/uL", "150", "400"),
    "ferritin": Test("2276-4", "Ferritin", "ng/mL", "ng/mL", "15", "150"),
    "crp": Test("1988-5", "C reactive protein", "mg/L", "mg/L", "", "5"),
    "troponin": Test("89579-7", "Troponin I, high sensitivity", "ng/L", "ng/L", "", "20"),
    "bnp": Test("33762-6", "NT-proBNP", "pg/mL", "pg/mL", "", "450"),
    "d-dimer": Test("48065-7", "D-dimer", "ng/mL FEU", "ng/mL{FEU}", "", "500"),
    "lactate": Test("2524-7", "Lactate", "mmol/L", "mmol/L", "0.5", "2.0"),
    "inr": Test("6301-6", "INR", "", "{INR}", "0.9", "1.1"),
    "alt": Test("1742-6", "Alanine aminotransferase (ALT)", "U/L", "U/L", "7", "35"),
    "uric-acid": Test("3084-1", "Uric acid", "mg/dL", "mg/dL", "3.5", "7.2"),
    "bilirubin": Test("1975-2", "Bilirubin, total", "mg/dL", "mg/dL", "", "12.0"),
    "lamotrigine": Test("6948-4", "Lamotrigine level", "ug/mL", "ug/mL", "3.0", "15.0"),
    "metabolic-panel": Test("51990-0", "Basic metabolic panel"),
    "urine-culture": Test("630-4", "Bacteria identified in urine by culture"),
    "blood-group": Test("882-1", "ABO and Rh group"),
    "urine-protein": Test("20454-5", "Protein in urine, test strip"),
    "antinuclear": Test("8061-4", "Antinuclear antibodies"),
    "flu-test": Test("80382-5", "Influenza A antigen, rapid test"),
}


def _coded(system: str, code: str, name: str) -> Concept:
    return Concept(name, (Coding(system, code, name),))


SUBSTANCES: dict[str, tuple[str, Concept]] = {
    # what it is (category of an AllergyIntolerance), and its name
    "penicillin": ("medication", _coded(RXNORM, "7980", "Penicillin G")),
    "sulfa": ("medication", _coded(RXNORM, "10180", "Sulfamethoxazole")),
    "ibuprofen": ("medication", _coded(RXNORM, "5640", "Ibuprofen")),
    "aspirin": ("medication", _coded(RXNORM, "1191", "Aspirin")),
    "codeine": ("medication", _coded(RXNORM, "2670", "Codeine")),
    "amoxicillin": ("medication", _coded(RXNORM, "723", "Amoxicillin")),
    "lisinopril": ("medication", _coded(RXNORM, "29046", "Lisinopril")),
    "carbamazepine": ("medication", _coded(RXNORM, "2002", "Carbamazepine")),
    "latex": ("environment", _coded(SNOMED, "111088007", "Latex")),
    "peanut": ("food", _coded(SNOMED, "762952008", "Peanut")),
    "egg": ("food", _coded(SNOMED, "102263004", "Eggs")),
    "cat": ("environment", _coded(SNOMED, "260152009", "Cat dander")),
    "dust-mite": ("environment", _coded(SNOMED, "260147004", "House dust mite")),
    "grass": ("environment", _coded(SNOMED, "256277009", "Grass pollen")),
}
NEGATIONS: dict[str, Concept] = {
    "allergy": _coded(SNOMED, "716186003", "No known allergy"),
    "drug": _coded(SNOMED, "409137002", "No known drug allergy"),
    "food": _coded(SNOMED, "429625007", "No known food allergy"),
}
SIGNS: dict[str, Concept] = {
    "hives": _coded(SNOMED, "126485001", "Hives"),
    "rash": _coded(SNOMED, "271807003", "Rash"),
    "anaphylaxis": _coded(SNOMED, "39579001", "Anaphylaxis"),
    "swelling": _coded(SNOMED, "41291007", "Swelling of face and lips"),
    "wheezing": _coded(SNOMED, "56018004", "Wheezing"),
    "itching": _coded(SNOMED, "418363000", "Itching of skin"),
    "nausea": _coded(SNOMED, "422587007", "Nausea"),
    "vomiting": _coded(SNOMED, "422400008", "Vomiting"),
    "cough": _coded(SNOMED, "49727002", "Cough"),
    "bleeding": _coded(SNOMED, "74474003", "Gastrointestinal bleeding"),
    "dizziness": _coded(SNOMED, "404640003", "Dizziness"),
}
ANSWERS: dict[str, Concept] = {
    "e-coli": _coded(SNOMED, "112283007", "Escherichia coli"),
    "detected": _coded(SNOMED, "260373001", "Detected"),
    "not-detected": _coded(SNOMED, "260415000", "Not detected"),
    "a-positive": _coded(SNOMED, "278149003", "Blood group A Rh(D) positive"),
}
VACCINES: dict[str, Concept] = {
    "influenza": _coded(CVX, "141", "Influenza, seasonal, injectable"),
    "covid": _coded(CVX, "208", "COVID-19, mRNA, 30 mcg/0.3 mL"),
    "pneumococcal": _coded(CVX, "216", "Pneumococcal conjugate PCV20"),
    "shingles": _coded(CVX, "187", "Zoster, recombinant"),
    "tetanus": _coded(CVX, "115", "Tdap"),
    "hepatitis-b": _coded(CVX, "08", "Hepatitis B, pediatric"),
    "dtap": _coded(CVX, "20", "DTaP"),
    "polio": _coded(CVX, "10", "Polio, inactivated"),
    "measles": _coded(CVX, "03", "MMR"),
    "varicella": _coded(CVX, "21", "Varicella"),
}
PAPERS: dict[str, Concept] = {
    "consult": _coded(LOINC, "11488-4", "Consultation note"),
    "discharge": _coded(LOINC, "18842-5", "Discharge summary"),
    "progress": _coded(LOINC, "11506-3", "Progress note"),
    "imaging": _coded(LOINC, "18748-4", "Diagnostic imaging study"),
    "summary": _coded(LOINC, "34133-9", "Summary of care"),
    "admission": _coded(LOINC, "34117-2", "History and physical note"),
    "letter": _coded(LOINC, "57133-1", "Referral note"),
}
