"""Differences in words: expected sentences are written by hand, and over the catalogue every sentence adds up."""

from __future__ import annotations

import csv
import re
from collections import Counter
from importlib import resources

import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from nps_ident.chemistry.formula import parse_formula
from nps_ident.chemistry.structural_changes import formula_difference, structural_difference
from nps_ident.chemistry.structures import parent_of

FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
MEPHEDRONE = "CNC(C)C(=O)c1ccc(C)cc1"
AMPHETAMINE = "CC(N)Cc1ccccc1"
MDMA = "CNC(C)Cc1ccc2c(c1)OCO2"
JWH018 = "CCCCCn1cc(C(=O)c2cccc3ccccc23)c2ccccc12"
ETONITAZENE = "CCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1"
FIVE_F_ADB = "COC(=O)C(NC(=O)c1nn(CCCCCF)c2ccccc12)C(C)(C)C"
ALPRAZOLAM = "Cc1nnc2n1-c1ccc(Cl)cc1C(c1ccccc1)=NC2"
DIAZEPAM = "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21"
HEROIN = "CC(=O)Oc1ccc2c3c1OC1C(OC(C)=O)C=CC4C(C2)N(C)CCC314"
ALPHA_PVP = "CCCC(N1CCCC1)C(=O)c1ccccc1"
KETAMINE = "CNC1(c2ccccc2Cl)CCCCC1=O"
PCP = "c1ccc(C2(N3CCCCC3)CCCCC2)cc1"
DMT = "CN(C)CCc1c[nH]c2ccccc12"
LSD = "CCN(CC)C(=O)C1C=C2c3cccc4[nH]cc(c34)CC2N(C)C1"
U47700 = "CN(C)C1CCCCC1N(C)C(=O)c1ccc(Cl)c(Cl)c1"
BRORPHINE = "CC(N1CCC(CC1)n1c(=O)[nH]c2ccccc12)c1ccc(Br)cc1"


def words(query: str, other: str, name: str) -> str:
    return structural_difference(parent_of(query).mol, parent_of(other).mol, name).text


# Templates with the substituent X at the position that is named; positions counted by hand from the anchor.
_POSITIONS = [
    ("aniline ring", 2, "CCC(=O)N(c1ccccc1{})C1CCN(CCc2ccccc2)CC1"),
    ("aniline ring", 3, "CCC(=O)N(c1cccc({})c1)C1CCN(CCc2ccccc2)CC1"),
    ("aniline ring", 4, "CCC(=O)N(c1ccc({})cc1)C1CCN(CCc2ccccc2)CC1"),
    ("phenethyl ring", 2, "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2{})CC1"),
    ("phenethyl ring", 3, "CCC(=O)N(c1ccccc1)C1CCN(CCc2cccc({})c2)CC1"),
    ("phenethyl ring", 4, "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccc({})cc2)CC1"),
]


@pytest.mark.parametrize(("ring", "locant", "template"), _POSITIONS)
@pytest.mark.parametrize(
    ("group", "name"), [("F", "fluoro"), ("Cl", "chloro"), ("Br", "bromo"), ("I", "iodo"), ("C", "methyl"), ("OC", "methoxy")]
)
def test_ring_and_locant_of_a_substituted_fentanyl(ring: str, locant: int, template: str, group: str, name: str) -> None:
    assert words(template.format(group), FENTANYL, "fentanyl") == f"{locant}-{name} on the {ring} of fentanyl"


@pytest.mark.parametrize("locant", [2, 3, 4])
@pytest.mark.parametrize(("group", "name"), [("F", "fluoro"), ("Br", "bromo"), ("C", "methyl"), ("SC", "methylthio")])
def test_locant_of_a_substituted_amphetamine(locant: int, group: str, name: str) -> None:
    template = {2: "CC(N)Cc1ccccc1{}", 3: "CC(N)Cc1cccc({})c1", 4: "CC(N)Cc1ccc({})cc1"}[locant]
    assert words(template.format(group), AMPHETAMINE, "amphetamine") == f"{locant}-{name} on the phenyl ring of amphetamine"


@pytest.mark.parametrize("locant", [4, 5, 6, 7])
def test_locant_on_an_indole(locant: int) -> None:
    template = {
        4: "CN(C)CCc1c[nH]c2cccc({})c12",
        5: "CN(C)CCc1c[nH]c2ccc({})cc12",
        6: "CN(C)CCc1c[nH]c2cc({})ccc12",
        7: "CN(C)CCc1c[nH]c2c({})cccc12",
    }
    assert words(template[locant].format("OC"), DMT, "DMT") == f"{locant}-methoxy on the indole ring of DMT"


@pytest.mark.parametrize(
    ("query", "other", "name", "expected"),
    [
        ("CCC(=O)N(c1ccc(Br)cc1)C1CCN(CCc2ccccc2)CC1", "CCC(=O)N(c1ccc(F)cc1)C1CCN(CCc2ccccc2)CC1", "para-fluorofentanyl",
         "4-bromo instead of 4-fluoro on the aniline ring of para-fluorofentanyl"),
        ("CCC(=O)N(c1ccccc1F)C1CCN(CCc2ccccc2)CC1", "CCC(=O)N(c1ccc(F)cc1)C1CCN(CCc2ccccc2)CC1", "para-fluorofentanyl",
         "2-fluoro instead of 4-fluoro on the aniline ring of para-fluorofentanyl"),
        ("CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1C", FENTANYL, "fentanyl", "3-methyl on the piperidine ring of fentanyl"),
        ("CCC(=O)N(c1ccccc1)C1(C(=O)OC)CCN(CCc2ccccc2)CC1", FENTANYL, "fentanyl",
         "4-methoxycarbonyl (methyl ester) on the piperidine ring of fentanyl"),
        ("CCC(=O)N(c1ccccc1)C1CCN(C(C)Cc2ccccc2)CC1", FENTANYL, "fentanyl", "alpha-methyl on the carbon beside the nitrogen of fentanyl"),
        ("CCC(=O)N(c1ccccc1)C1CCN(CC(O)c2ccccc2)CC1", FENTANYL, "fentanyl", "beta-hydroxy on the carbon beside the ring of fentanyl"),
        ("CCC(=O)N(c1ccccc1)C1CCN(Cc2ccccc2)CC1", FENTANYL, "fentanyl",
         "1-benzyl instead of 1-(2-phenylethyl) on the piperidine ring of fentanyl"),
        ("CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", FENTANYL, "fentanyl",
         "N-acetyl instead of N-propanoyl on the anilide nitrogen of fentanyl"),
        ("c1ccc(NC2CCN(CCc3ccccc3)CC2)cc1", FENTANYL, "fentanyl", "without the N-propanoyl on the anilide nitrogen of fentanyl"),
        ("CCC(=O)N(c1ccccc1)C1CCNCC1", FENTANYL, "fentanyl", "without the 1-(2-phenylethyl) on the piperidine ring of fentanyl"),
        ("CCCC(=O)N(c1ccc(F)cc1)C1CCN(CCc2ccccc2)CC1", FENTANYL, "fentanyl",
         "4-fluoro on the aniline ring and N-butanoyl instead of N-propanoyl on the anilide nitrogen of fentanyl"),
        ("CCNC(C)C(=O)c1ccc(C)cc1", MEPHEDRONE, "mephedrone", "N-ethyl instead of N-methyl on the amine nitrogen of mephedrone"),
        ("CNC(C)C(=O)c1cccc(C)c1", MEPHEDRONE, "mephedrone", "3-methyl instead of 4-methyl on the phenyl ring of mephedrone"),
        ("CNC(C)C(=O)c1ccc(Cl)cc1", MEPHEDRONE, "mephedrone", "4-chloro instead of 4-methyl on the phenyl ring of mephedrone"),
        ("CNC(C)C(=O)c1ccccc1", MEPHEDRONE, "mephedrone", "without the 4-methyl on the phenyl ring of mephedrone"),
        ("CNC(C)C(=O)c1ccc(C)cc1C", MEPHEDRONE, "mephedrone", "2-methyl on the phenyl ring of mephedrone"),
        ("CNC(CC)C(=O)c1ccc(C)cc1", MEPHEDRONE, "mephedrone",
         "alpha-ethyl instead of alpha-methyl on the carbon beside the carbonyl group of mephedrone"),
        ("CNC(C)C(=O)c1ccc2c(c1)OCO2", MDMA, "MDMA", "beta-oxo on the carbon beside the ring of MDMA"),
        ("CCNC(C)Cc1ccc2c(c1)OCO2", MDMA, "MDMA", "N-ethyl instead of N-methyl on the amine nitrogen of MDMA"),
        ("CC(N)Cc1ccc2c(c1)OCO2", MDMA, "MDMA", "without the N-methyl on the amine nitrogen of MDMA"),
        ("CNC(C)Cc1cc(OC)c2c(c1)OCO2", MDMA, "MDMA", "7-methoxy on the benzodioxole ring of MDMA"),
        ("CNC(C)Cc1cc2c(cc1Br)OCO2", MDMA, "MDMA", "6-bromo on the benzodioxole ring of MDMA"),
        ("COc1cc(CCN)c(OC)cc1Br", "COc1ccc(OC)c(CCN)c1", "2C-H", "4-bromo on the phenyl ring of 2C-H"),
        ("COc1cc(CCNCc2ccccc2OC)c(OC)cc1Br", "COc1cc(CCN)c(OC)cc1Br", "2C-B", "N-(2-methoxybenzyl) on the amine nitrogen of 2C-B"),
        ("CCCCn1cc(C(=O)c2cccc3ccccc23)c2ccccc12", JWH018, "JWH-018", "1-butyl instead of 1-pentyl on the indole ring of JWH-018"),
        ("FCCCCCn1cc(C(=O)c2cccc3ccccc23)c2ccccc12", JWH018, "JWH-018",
         "1-(5-fluoropentyl) instead of 1-pentyl on the indole ring of JWH-018"),
        ("CCCCCn1cc(C(=O)c2ccc(C)c3ccccc23)c2ccccc12", JWH018, "JWH-018", "4-methyl on the naphthalene ring of JWH-018"),
        ("CCCCCn1nc(C(=O)c2cccc3ccccc23)c2ccccc12", JWH018, "JWH-018", "indazole ring instead of the indole ring of JWH-018"),
        ("COC(=O)C(NC(=O)c1cn(CCCCCF)c2ccccc12)C(C)(C)C", FIVE_F_ADB, "5F-ADB", "indole ring instead of the indazole ring of 5F-ADB"),
        ("NC(=O)C(NC(=O)c1nn(CCCCCF)c2ccccc12)C(C)(C)C", FIVE_F_ADB, "5F-ADB",
         "carboxamide instead of the methoxycarbonyl (methyl ester) group of 5F-ADB"),
        ("COC(=O)C(NC(=O)c1nn(CCCC=C)c2ccccc12)C(C)(C)C", FIVE_F_ADB, "5F-ADB",
         "1-(pent-4-en-1-yl) instead of 1-(5-fluoropentyl) on the indazole ring of 5F-ADB"),
        ("COC(=O)C(NC(=O)c1nn(CCCCCF)c2ccccc12)C(C)C", FIVE_F_ADB, "5F-ADB", "isopropyl instead of the tert-butyl group of 5F-ADB"),
        ("CCOc1ccc(Cc2nc3ccccc3n2CCN(CC)CC)cc1", ETONITAZENE, "etonitazene",
         "without the 5-nitro on the benzimidazole ring of etonitazene"),
        ("CC(C)Oc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1", ETONITAZENE, "etonitazene",
         "4-isopropoxy instead of 4-ethoxy on the benzyl ring of etonitazene"),
        ("CCOc1ccc(Cc2nc3cc(Cl)ccc3n2CCN(CC)CC)cc1", ETONITAZENE, "etonitazene",
         "5-chloro instead of 5-nitro on the benzimidazole ring of etonitazene"),
        ("Cc1nnc2CN=C(c3ccccc3)c3cc(Br)ccc3-n12", ALPRAZOLAM, "alprazolam",
         "8-bromo instead of 8-chloro on the triazolobenzodiazepine skeleton of alprazolam"),
        ("Cc1nnc2n1-c1ccc(Cl)cc1C(c1ccccc1Cl)=NC2", ALPRAZOLAM, "alprazolam", "2-chloro on the pendant phenyl ring of alprazolam"),
        ("O=C1CN=C(c2ccccc2)c2cc(Cl)ccc2N1", DIAZEPAM, "diazepam", "without the 1-methyl on the benzodiazepine skeleton of diazepam"),
        ("CC(=O)Oc1ccc2c3c1OC1C(O)C=CC4C(C2)N(C)CCC314", HEROIN, "heroin",
         "6-hydroxy instead of 6-acetoxy on the 4,5-epoxymorphinan skeleton of heroin"),
        ("CC(=O)OC1C=CC2C3Cc4ccc(O)c5c4C2(CCN3C)C1O5", HEROIN, "heroin",
         "3-hydroxy instead of 3-acetoxy on the 4,5-epoxymorphinan skeleton of heroin"),
        ("CCCC(N1CCCC1)C(=O)c1ccc(F)cc1", ALPHA_PVP, "alpha-PVP", "4-fluoro on the phenyl ring of alpha-PVP"),
        ("CCCC(N1CCCCC1)C(=O)c1ccccc1", ALPHA_PVP, "alpha-PVP",
         "alpha-(piperidin-1-yl) instead of alpha-(pyrrolidin-1-yl) on the carbon beside the carbonyl group of alpha-PVP"),
        ("CNC1(c2ccccc2)CCCCC1=O", KETAMINE, "ketamine", "without the 2-chloro on the phenyl ring of ketamine"),
        ("CCNC1(c2ccccc2F)CCCCC1=O", KETAMINE, "ketamine",
         "2-fluoro instead of 2-chloro on the phenyl ring and N-ethyl instead of N-methyl on the amine nitrogen of ketamine"),
        ("COc1cccc(C2(N3CCCCC3)CCCCC2)c1", PCP, "PCP", "3-methoxy on the phenyl ring of PCP"),
        ("CCC(=O)n1cc2c3c(cccc31)C1=CC(C(=O)N(CC)CC)CN(C)C1C2", LSD, "LSD", "1-propanoyl on the ergoline skeleton of LSD"),
        ("NC1CCCCC1N(C)C(=O)c1ccc(Cl)c(Cl)c1", U47700, "U-47700", "without the N,N-dimethyl on the amine nitrogen of U-47700"),
        ("CNC(C)C(=O)c1cccs1", "CNC(C)C(=O)c1ccccc1", "methcathinone", "thiophen-2-yl instead of the phenyl group of methcathinone"),
        ("C1CN(CCN1)Cc1ccc2c(c1)OCO2", "C1CN(CCN1)Cc1ccccc1", "benzylpiperazine",
         "3,4-methylenedioxyphenyl instead of the phenyl group of benzylpiperazine"),
        ("Cc1ccccc1CCN", AMPHETAMINE, "amphetamine",
         "2-methyl on the phenyl ring and without the alpha-methyl on the carbon beside the nitrogen of amphetamine"),
        ("CN(C)C1CCCCC1N(C)C(=O)c1ccc(Br)c(Cl)c1", U47700, "U-47700", "4-bromo instead of 4-chloro on the phenyl ring of U-47700"),
        ("CC(N1CCC(CC1)n1c(=O)[nH]c2ccccc12)c1ccc(Cl)cc1", BRORPHINE, "brorphine",
         "4-chloro instead of 4-bromo on the phenyl ring of brorphine"),
    ],
)  # fmt: skip
def test_sentences_a_chemist_would_write(query: str, other: str, name: str, expected: str) -> None:
    assert words(query, other, name) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("CCc1ccc(CCCC)cc1", "differs from amphetamine by +C3H5 -N (+27.0361 Da)"),
        ("NC1Cc2ccccc2C1", "differs from amphetamine by -H2 (-2.0157 Da)"),
        ("NCC(C)c1ccccc1CCCCCCCCCCCC", "differs from amphetamine by +C12H24 (+168.1878 Da)"),
        ("NCC(C)Cc1ccccc1", "differs from amphetamine by +CH2 (+14.0157 Da)"),
        ("CCN(C)c1ccccc1", "an isomer of amphetamine with other connections"),
    ],
)
def test_what_cannot_be_named_for_certain_is_told_as_formula(query: str, expected: str) -> None:
    difference = structural_difference(parent_of(query).mol, parent_of(AMPHETAMINE).mol, "amphetamine", max_changes=1)
    assert (difference.text, difference.named) == (expected, False)


def test_one_of_two_equal_rings_is_said_to_be_one_of_them() -> None:
    text = words("CN(C)CCOC(c1ccccc1)c1ccc(F)cc1", "CN(C)CCOC(c1ccccc1)c1ccccc1", "diphenhydramine")
    assert text == "4-fluorophenyl instead of one of the phenyl groups of diphenhydramine"


def test_one_of_two_equal_groups_on_a_nitrogen_is_said_to_be_one_of_them() -> None:
    text = words("CCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCNCC)cc1", ETONITAZENE, "etonitazene")
    assert text == "without one N-ethyl on the amine nitrogen of etonitazene"
    assert words("CCN(C)CCc1c[nH]c2ccccc12", DMT, "DMT") == "N-ethyl instead of one N-methyl on the amine nitrogen of DMT"


def test_a_group_that_cannot_be_placed_is_not_named() -> None:
    # Two different phenyl rings of a carbinol ether, and an iodine on one of them: 4-iodophenyl is no name of the table.
    difference = structural_difference(
        parent_of("CN(C)CCOC(c1ccc(C)cc1)c1ccc(I)cc1").mol, parent_of("CN(C)CCOC(c1ccc(C)cc1)c1ccccc1").mol, "x"
    )
    assert difference.text == "differs from x by +I -H (+125.8966 Da)"


def test_the_two_locants_of_a_symmetric_ring_are_told_apart() -> None:
    # 3-bromo-5-methoxy: the alphabet decides, and both groups are named from one numbering.
    text = words("CC(N)Cc1cc(Br)cc(OC)c1", AMPHETAMINE, "amphetamine")
    assert text == "3-bromo and 5-methoxy on the phenyl ring of amphetamine"


@pytest.mark.parametrize(
    ("query", "other", "name", "expected"),
    [
        # The numbering is the substance's own: 2-chloro-5-methyl is 3-methyl with a chlorine at 6, not at 2.
        ("CC(N)Cc1cc(C)ccc1Cl", "CC(N)Cc1cccc(C)c1", "3-methylamphetamine", "6-chloro on the phenyl ring of 3-methylamphetamine"),
        ("CC(N)Cc1cccc(C)c1Cl", "CC(N)Cc1cccc(C)c1", "3-methylamphetamine", "2-chloro on the phenyl ring of 3-methylamphetamine"),
        ("CC(N)Cc1cccc(OC)c1OC", "CC(N)Cc1cc(OC)ccc1OC", "2,5-DMA", "3-methoxy instead of 5-methoxy on the phenyl ring of 2,5-DMA"),
        ("CC(N)Cc1cccc(C)c1Cl", "CC(N)Cc1cc(C)ccc1Br", "x", "6-chloro instead of 2-bromo on the phenyl ring of x"),
        ("CC(N)Cc1cc(C)ccc1Cl", "CC(N)Cc1cc(C)ccc1Br", "x", "2-chloro instead of 2-bromo on the phenyl ring of x"),
        ("CCC(=O)N(c1ccccc1)C1C(C)CN(CCc2ccccc2)CC1C", "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1C", "3-methylfentanyl",
         "5-methyl on the piperidine ring of 3-methylfentanyl"),
        ("CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1(C)C", "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1C", "3-methylfentanyl",
         "3-methyl on the piperidine ring of 3-methylfentanyl"),
        ("CC(N)Cc1ccc(Cl)c(Cl)c1", AMPHETAMINE, "amphetamine", "3,4-dichloro on the phenyl ring of amphetamine"),
        ("CC(Cc1ccccc1)N(CC)CC", AMPHETAMINE, "amphetamine", "N,N-diethyl on the amine nitrogen of amphetamine"),
        ("CC(N)Cc1ccc2c(c1)OC(F)(F)O2", "CC(N)Cc1ccc2c(c1)OCO2", "MDA", "2,2-difluoro on the benzodioxole ring of MDA"),
    ],
)  # fmt: skip
def test_locants_are_those_of_the_substance_named(query: str, other: str, name: str, expected: str) -> None:
    assert words(query, other, name) == expected


def test_which_of_two_equal_rings_is_never_left_open() -> None:
    # Two fluorines on a dibenzylamine, on one ring or on two: the ring's name cannot tell, so no place is named.
    other = "C(NCc1ccccc1)c1ccccc1"
    same, different = words("C(NCc1ccc(F)c(F)c1)c1ccccc1", other, "x"), words("C(NCc1cccc(F)c1)c1ccc(F)cc1", other, "x")
    assert " on the N-benzyl ring" not in same + different


def test_stereoisomers_have_the_same_connections() -> None:
    assert words("C[C@H](N)Cc1ccccc1", AMPHETAMINE, "amphetamine") == "the same connections as amphetamine"


def test_formula_difference_has_sign_and_mass() -> None:
    assert formula_difference(Chem.MolFromSmiles("CCO"), Chem.MolFromSmiles("CO")) == "+CH2 (+14.0157 Da)"
    assert formula_difference(Chem.MolFromSmiles("CO"), Chem.MolFromSmiles("OC")) == "an isomer"


def _groups() -> dict[str, Counter[str]]:
    with (resources.files("nps_ident.chemistry") / "substituents.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    groups = {}
    for row in rows:
        mol = Chem.MolFromSmiles(row["smiles"])
        counts = Counter(parse_formula(rdMolDescriptors.CalcMolFormula(mol).replace("*", "")))
        double = row["smiles"].startswith("*=")
        counts["H"] -= 2 if double else 1  # the hydrogens that the group replaces
        groups[row["name"]] = counts
    return groups


def _spellings(name: str) -> tuple[str, ...]:
    bare = re.sub(r"^(?:(?:\d+|N),)*(?:\d+|N|alpha|beta)-", "", name)
    return name, bare, re.sub(r"^(?:bis)?\((.*)\)$", r"\1", bare), bare.removeprefix("di")


def _told(text: str, groups: dict[str, Counter[str]]) -> Counter[str]:
    """The formula difference that a sentence tells, read from its words alone."""
    total: Counter[str] = Counter()
    body = text[: text.rindex(" of ")]
    for phrase in body.split(" and "):
        negative = phrase.startswith("without ")
        parts = phrase.removeprefix("without ").split(" instead of ")
        for sign, part in zip((-1,) if negative else (1, -1), parts, strict=False):
            name = re.sub(r" on the .*$| groups?$|^(?:the|one of the|one) ", "", part)
            name = next(
                known
                for known in _spellings(name)
                if known in groups
            )
            times = 2 if re.match(r"(?:the )?(?:\d+|N),(?:\d+|N)-(?:di|bis)", part) else 1
            for symbol, count in groups[name].items():
                total[symbol] += sign * count * times
    return Counter({symbol: count for symbol, count in total.items() if count})


def test_every_sentence_over_the_catalogue_adds_up_to_the_difference_of_the_formulae() -> None:
    from nps_ident.catalogue.store import open_catalogue

    by_class: dict[str, list[tuple[str, str]]] = {}
    for substance in open_catalogue().substances:
        if substance.drug_class and substance.smiles and not substance.isotope_labelled:
            by_class.setdefault(substance.drug_class, []).append((substance.name, substance.smiles))
    groups, named = _groups(), 0
    for members in by_class.values():
        chosen = members[:: max(1, len(members) // 10)]
        for name, smiles in chosen:
            for _, other in chosen:
                first, second = parent_of(smiles).mol, parent_of(other).mol
                difference = structural_difference(first, second, "X")
                if not difference.named or not difference.n_changes or "ring instead of the" in difference.text:
                    continue
                named += 1
                mine, theirs = (Counter(parse_formula(rdMolDescriptors.CalcMolFormula(mol))) for mol in (first, second))
                mine.subtract(theirs)
                actual = {symbol: count for symbol, count in mine.items() if count}
                assert _told(difference.text, groups) == actual, (name, difference.text)
    assert named > 50


@pytest.mark.parametrize("table", ["substituents.tsv", "ring_names.tsv", "site_names.tsv", "counter_ions.tsv", "drug_classes.tsv"])
def test_every_row_of_the_tables_can_be_read_and_has_a_source(table: str) -> None:
    with (resources.files("nps_ident.chemistry") / table).open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            assert row["source"]
            if row.get("smiles"):
                assert Chem.MolFromSmiles(row["smiles"]) is not None
            if row.get("smarts"):
                assert Chem.MolFromSmarts(row["smarts"]) is not None
