"""What the invented patients may suffer from, and who looks after them; the drugs stand in `sandbox.medicines`.

Codes: SNOMED CT and ICD-10-CM as of 2026. Every clinician is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.person import Coding, Concept, Name

SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
IMO = "http://e-imo.com/products/problem-it"

CodeStyle = Literal["both", "snomed", "icd10", "chosen", "none"]


@dataclass(frozen=True, slots=True)
class Illness:
    """A condition with its codes. Plausible from age `youngest` to `oldest` (at onset) and for `sex` ("" both).

    `lasting` illnesses stay once they are there; the others pass.
    """

    snomed: str
    name: str
    icd10: str
    youngest: int = 0
    oldest: int = 110
    sex: str = ""
    lasting: bool = False


ILLNESSES: dict[str, Illness] = {
    # heart and vessels
    "hypertension": Illness("59621000", "Essential hypertension", "I10", 18, lasting=True),
    "hyperlipidemia": Illness("55822004", "Hyperlipidemia", "E78.5", 18, lasting=True),
    "atrial-fibrillation": Illness("49436004", "Atrial fibrillation", "I48.91", 30, lasting=True),
    "heart-failure": Illness("42343007", "Congestive heart failure", "I50.9", 35, lasting=True),
    "coronary-disease": Illness("53741008", "Coronary arteriosclerosis", "I25.10", 30, lasting=True),
    "heart-attack": Illness("22298006", "Myocardial infarction", "I21.9", 30),
    "angina": Illness("194828000", "Angina pectoris", "I20.9", 30, lasting=True),
    "aortic-stenosis": Illness("60573004", "Aortic valve stenosis", "I35.0", 40, lasting=True),
    "peripheral-vascular": Illness("400047006", "Peripheral vascular disease", "I73.9", 40, lasting=True),
    "stroke": Illness("230690007", "Cerebrovascular accident", "I63.9", 30),
    "tia": Illness("266257000", "Transient ischemic attack", "G45.9", 30),
    "dvt": Illness("128053003", "Deep venous thrombosis", "I82.409", 18),
    "pulmonary-embolism": Illness("59282003", "Pulmonary embolism", "I26.99", 18),
    # hormones and metabolism
    "type-2-diabetes": Illness("44054006", "Type 2 diabetes mellitus", "E11.9", 18, lasting=True),
    "type-1-diabetes": Illness("46635009", "Type 1 diabetes mellitus", "E10.9", 1, 50, lasting=True),
    "prediabetes": Illness("15777000", "Prediabetes", "R73.03", 15),
    "hypothyroidism": Illness("40930008", "Hypothyroidism", "E03.9", 5, lasting=True),
    "obesity": Illness("414916001", "Obesity", "E66.9", 5, lasting=True),
    "gout": Illness("90560007", "Gout", "M10.9", 25, lasting=True),
    "dehydration": Illness("34095006", "Dehydration", "E86.0"),
    # lungs, nose and throat
    "asthma": Illness("195967001", "Asthma", "J45.909", 2, lasting=True),
    "copd": Illness("13645005", "Chronic obstructive pulmonary disease", "J44.9", 40, lasting=True),
    "sleep-apnea": Illness("78275009", "Obstructive sleep apnea syndrome", "G47.33", 5, lasting=True),
    "pneumonia": Illness("233604007", "Pneumonia", "J18.9"),
    "bronchitis": Illness("10509002", "Acute bronchitis", "J20.9", 2),
    "bronchiolitis": Illness("4120002", "Bronchiolitis", "J21.9", 0, 2),
    "croup": Illness("71186008", "Croup", "J05.0", 0, 6),
    "influenza": Illness("6142004", "Influenza", "J11.1"),
    "sinusitis": Illness("36971009", "Sinusitis", "J32.9", 4),
    "cold": Illness("82272006", "Common cold", "J00"),
    "strep-throat": Illness("43878008", "Streptococcal sore throat", "J02.0", 3),
    "ear-infection": Illness("65363002", "Otitis media", "H66.90"),
    "hay-fever": Illness("61582004", "Allergic rhinitis", "J30.9", 2, lasting=True),
    "cough": Illness("49727002", "Cough", "R05.9"),
    "shortness-of-breath": Illness("267036007", "Dyspnea", "R06.00"),
    # kidneys, bladder, men, women
    "kidney-disease": Illness("433144002", "Chronic kidney disease stage 3", "N18.30", 18, lasting=True),
    "kidney-stone": Illness("95570007", "Kidney stone", "N20.0", 12),
    "urinary-infection": Illness("68566005", "Urinary tract infectious disease", "N39.0"),
    "pyelonephritis": Illness("45816000", "Pyelonephritis", "N12"),
    "prostate-enlargement": Illness("266569009", "Benign prostatic hyperplasia", "N40.0", 40, 110, "male", True),
    "prostate-cancer": Illness("399068003", "Malignant tumor of prostate", "C61", 40, 110, "male", True),
    "breast-cancer": Illness("254837009", "Malignant neoplasm of breast", "C50.919", 25, 110, "female", True),
    "pregnancy": Illness("72892002", "Normal pregnancy", "Z34.90", 14, 50, "female"),
    "pre-eclampsia": Illness("398254007", "Pre-eclampsia", "O14.90", 14, 50, "female"),
    "gestational-diabetes": Illness("11687002", "Gestational diabetes mellitus", "O24.419", 14, 50, "female"),
    # stomach, bowel, liver
    "reflux": Illness("235595009", "Gastroesophageal reflux disease", "K21.9", 1, lasting=True),
    "duodenal-ulcer": Illness("51868009", "Duodenal ulcer", "K26.9", 18),
    "gastroenteritis": Illness("25374005", "Gastroenteritis", "K52.9"),
    "constipation": Illness("14760008", "Constipation", "K59.00"),
    "diarrhea": Illness("62315008", "Diarrhea", "R19.7"),
    "irritable-bowel": Illness("10743008", "Irritable bowel syndrome", "K58.9", 12, lasting=True),
    "crohns": Illness("34000006", "Crohn's disease", "K50.90", 8, lasting=True),
    "appendicitis": Illness("85189001", "Acute appendicitis", "K35.80", 3),
    "gallstones": Illness("266474003", "Gallstone", "K80.20", 15),
    "fatty-liver": Illness("197321007", "Steatosis of liver", "K76.0", 15, lasting=True),
    "colon-cancer": Illness("363406005", "Malignant neoplasm of colon", "C18.9", 25, lasting=True),
    # nerves and mind
    "migraine": Illness("37796009", "Migraine", "G43.909", 7, lasting=True),
    "epilepsy": Illness("84757009", "Epilepsy", "G40.909", 1, lasting=True),
    "alzheimers": Illness("26929004", "Alzheimer's disease", "G30.9", 50, lasting=True),
    "depression": Illness("370143000", "Major depressive disorder", "F32.9", 12, lasting=True),
    "anxiety": Illness("21897009", "Generalized anxiety disorder", "F41.1", 8, lasting=True),
    "insomnia": Illness("193462001", "Insomnia", "G47.00", 10),
    "headache": Illness("25064002", "Headache", "R51.9", 4),
    "concussion": Illness("62106007", "Concussion with no loss of consciousness", "S06.0X0A", 1),
    # bones, joints, skin, eyes, ears, teeth
    "arthritis": Illness("396275006", "Osteoarthritis", "M19.90", 35, lasting=True),
    "knee-arthritis": Illness("239873007", "Osteoarthritis of knee", "M17.9", 35, lasting=True),
    "rheumatoid-arthritis": Illness("69896004", "Rheumatoid arthritis", "M06.9", 16, lasting=True),
    "lupus": Illness("55464009", "Systemic lupus erythematosus", "M32.9", 12, lasting=True),
    "osteoporosis": Illness("64859006", "Osteoporosis", "M81.0", 45, lasting=True),
    "back-pain": Illness("279039007", "Low back pain", "M54.50", 12),
    "joint-pain": Illness("57676002", "Joint pain", "M25.50", 5),
    "ankle-sprain": Illness("44465007", "Sprain of ankle", "S93.409A", 4),
    "forearm-fracture": Illness("65966004", "Fracture of forearm", "S52.90XA", 2),
    "cellulitis": Illness("128045006", "Cellulitis", "L03.90"),
    "eczema": Illness("24079001", "Atopic dermatitis", "L20.9", 0, lasting=True),
    "psoriasis": Illness("9014002", "Psoriasis", "L40.9", 5, lasting=True),
    "shingles": Illness("4740000", "Herpes zoster", "B02.9", 10),
    "rash": Illness("271807003", "Eruption of skin", "R21"),
    "conjunctivitis": Illness("9826008", "Conjunctivitis", "H10.9"),
    "cataract": Illness("193570009", "Cataract", "H26.9", 40, lasting=True),
    "glaucoma": Illness("23986001", "Glaucoma", "H40.9", 35, lasting=True),
    "hearing-loss": Illness("15188001", "Hearing loss", "H91.90", 0, lasting=True),
    "caries": Illness("80967001", "Dental caries", "K02.9", 2),
    # blood, infection, and what is only a complaint
    "anemia": Illness("271737000", "Anemia", "D64.9"),
    "iron-deficiency": Illness("87522002", "Iron deficiency anemia", "D50.9"),
    "sepsis": Illness("91302008", "Sepsis", "A41.9"),
    "hiv": Illness("86406008", "Human immunodeficiency virus infection", "B20", lasting=True),
    "newborn-jaundice": Illness("387712008", "Neonatal jaundice", "P59.9", 0, 0),
    "chest-pain": Illness("29857009", "Chest pain", "R07.9", 10),
    "fever": Illness("386661006", "Fever", "R50.9"),
    "fatigue": Illness("84229001", "Fatigue", "R53.83", 6),
    "nausea": Illness("422587007", "Nausea", "R11.0", 3),
}


def condition(key: str, text: str = "", style: CodeStyle = "both") -> Concept:
    """The illness as a Concept. `style` says which codes come with it; "chosen" marks one as picked by the user."""
    illness = ILLNESSES[key]
    snomed = Coding(SNOMED, illness.snomed, illness.name)
    icd10 = Coding(ICD10, illness.icd10, illness.name)
    codings: dict[CodeStyle, tuple[Coding, ...]] = {
        "both": (snomed, icd10),
        "snomed": (snomed,),
        "icd10": (icd10,),
        "chosen": (Coding(IMO, f"90{illness.snomed[:5]}", text or illness.name, chosen=True), icd10, snomed),
        "none": (),
    }
    return Concept(text or illness.name, codings[style])


@dataclass(frozen=True, slots=True)
class Clinician:
    """Somebody who prescribes and writes things down."""

    id: str
    name: Name
    specialty: str

    @property
    def display_name(self) -> str:
        return f"{' '.join((*self.name.given, *self.name.family))}, {self.name.suffix}"


CLINICIANS: dict[str, Clinician] = {
    clinician.id: clinician
    for clinician in (
        Clinician("dr-fennimore", Name(("Fennimore",), ("Tobias",), suffix="MD"), "Family medicine"),
        Clinician("dr-azcona", Name(("Azcona",), ("Maribel",), suffix="MD"), "Internal medicine"),
        Clinician("dr-phetchara", Name(("Phetchara",), ("Suda",), suffix="MD"), "Cardiology"),
        Clinician("dr-vanhoutte", Name(("Vanhoutte",), ("Rutger",), suffix="DO"), "Emergency medicine"),
        Clinician("dr-okonkwo", Name(("Okonkwo-Brandt",), ("Ines",), suffix="MD"), "Pediatrics"),
        Clinician("np-lindeberg", Name(("Lindeberg",), ("Torun",), suffix="NP"), "Women's health"),
        Clinician("dr-marchetti", Name(("Marchetti-Ruud",), ("Delphine",), suffix="MD"), "Psychiatry"),
    )
}
