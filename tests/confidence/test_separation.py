"""What would tell the members of an isomer set apart."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from importlib import resources

import pytest

from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.drug_classes import drug_classes
from nps_ident.chemistry.isomerism import Isomerism
from nps_ident.confidence import separation
from nps_ident.confidence.separation import in_order, separated_by, separated_by_set
from nps_ident.model import Substance, Technique

EI, MSMS = Technique.EI_MS, Technique.MSMS

TECHNIQUES = {
    *("GC retention index", "GC retention index of a derivative", "LC retention time", "GC-IR", "IR", "NMR", "UV", "GC-VUV", "EI-MS"),
    *("chiral chromatography", "GC of a chiral derivative", "NMR with a chiral solvating agent", "accurate mass"),
    *("MS/MS at several collision energies", "MS/MS of the iminium ion", "soft ionisation (CI, ESI or DART)"),
}


def named(name: str) -> Substance:
    [substance] = open_catalogue().find_name(name)
    return substance


def rows() -> list[dict[str, str]]:
    with (resources.files("nps_ident.confidence") / "separation.tsv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_every_kind_of_difference_has_a_row_for_any_class_and_technique() -> None:
    general = {row["kind"] for row in rows() if (row["drug_class"], row["measured"]) == ("any", "any")}
    own = {value for name, value in vars(separation).items() if name.isupper() and isinstance(value, str) and not name.startswith("_")} - {"any"}
    assert general == {kind.value for kind in Isomerism} | own


def test_every_row_has_words_of_the_vocabulary_and_a_source_with_a_year_or_place() -> None:
    classes = {drug_class.name for drug_class in drug_classes()} | {"any"}
    measured = {technique.value for technique in Technique} | {"any"}
    for row in rows():
        assert row["drug_class"] in classes
        assert row["measured"] in measured
        techniques = row["techniques"].split("|")
        assert 2 <= len(techniques) == len(set(techniques))
        assert set(techniques) <= TECHNIQUES
        assert row["why"]
        assert not row["why"].endswith(".")
        assert re.search(r"\b(19|20)\d\d\b|GC-EI-MS|GC-MS|Marshall|fragment_lists|25I-NB2OMe", row["source"])


def test_no_row_stands_twice() -> None:
    keys = [(row["kind"], row["drug_class"], row["measured"]) for row in rows()]
    assert len(keys) == len(set(keys))


# What must stand first, by the publication named in the row: GC-IR for fluorofentanyls (Winokur 2020), a chiral technique for methorphans
# (Koo 2012), derivatives for fluoroamphetamines (Nakazono 2013), the iminium ion for N-alkyl cathinones (Kohyama 2016).
@pytest.mark.parametrize(
    ("one", "other", "kind", "first"),
    [
        ("ortho-Fluorofentanyl", "para-Fluorofentanyl", "position on an aromatic ring", "GC-IR"),
        ("Dextromethorphan", "Levomethorphan", "enantiomers", "chiral chromatography"),
        ("2-FMA", "4-FMA", "position on an aromatic ring", "GC retention index of a derivative"),
        ("Mephedrone", "N-Ethylcathinone", "carbons distributed otherwise", "MS/MS of the iminium ion"),
        ("Protonitazene", "Isotonitazene", "branching of an alkyl group", "GC retention index"),
        ("Cyclopropyl fentanyl", "Crotonyl fentanyl", "a ring or a double bond", "NMR"),
        ("Heroin", "Caffeine", "another molecular mass", "soft ionisation (CI, ESI or DART)"),
    ],
)
def test_real_pairs_are_told_apart_by_what_the_literature_shows(one: str, other: str, kind: str, first: str) -> None:
    found = separated_by(named(one), named(other), EI)
    assert (found.kind, found.techniques[0]) == (kind, first)
    assert separated_by(named(other), named(one), EI) == found


def test_what_was_measured_is_not_proposed_again() -> None:
    pair = named("Methamphetamine"), named("Phentermine")
    assert "EI-MS" in separated_by(*pair, MSMS).techniques
    assert "EI-MS" not in separated_by(*pair, EI).techniques


def test_no_achiral_technique_is_proposed_for_enantiomers_and_open_stereochemistry() -> None:
    for names in (("Dextromethorphan", "Levomethorphan"), ("Tetramisole", "Levamisole")):
        for technique in (EI, MSMS):
            assert all("chiral" in name for name in separated_by(*map(named, names), technique).techniques)


def test_a_class_counts_only_when_both_have_it() -> None:
    mephedrone, other = named("3-MMC"), named("2-MMC")
    of_class = separated_by(mephedrone, other, EI)
    stripped = Substance(inchikey=other.inchikey, name="x", smiles=other.smiles, formula=other.formula, exact_mass=other.exact_mass)
    assert "cathinone" in of_class.source
    assert separated_by(mephedrone, stripped, EI) != of_class
    assert separated_by(mephedrone, stripped, EI).kind == of_class.kind


def bare(name: str, **known: object) -> Substance:
    return Substance(inchikey=None, name=name, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (bare("a"), bare("b"), "not known"),
        (bare("a", formula="C2H6O"), bare("b", formula="C2H6O"), "isomers, structures not compared"),
        (bare("a", formula="C2H6O"), bare("b", formula="C2H6O", smiles="CCO("), "isomers, structures not compared"),
        (bare("a", formula="CH2O2"), bare("b", formula="C2H6O"), "same nominal mass, other formula"),  # both 46
        (bare("a", formula="CH4O"), bare("b", formula="C2H6O"), "another molecular mass"),
        (bare("a", formula="X?"), bare("b", formula="C2H6O"), "not known"),
        (bare("a", exact_mass=46.0), bare("b", exact_mass=60.0), "another molecular mass"),
    ],
)
def test_without_structures_the_answer_says_so(one: Substance, other: Substance, kind: str) -> None:
    found = separated_by(one, other, EI)
    assert found.kind == kind
    assert found.techniques


def test_a_labelled_substance_has_another_mass() -> None:
    fentanyl = named("Fentanyl")
    labelled = Substance(inchikey=fentanyl.inchikey, name="Fentanyl-d5", isotope_labelled=True)
    assert separated_by(fentanyl, labelled, EI).kind == "another molecular mass"


def test_a_set_gives_every_pair_in_its_order_and_one_list() -> None:
    members = [named(name) for name in ("3-MMC", "Mephedrone", "N-Ethylcathinone")]
    pairs = separated_by_set(members, EI)
    assert [(pair.first.name, pair.second.name) for pair in pairs] == [
        ("3-MMC", "Mephedrone"),
        ("3-MMC", "N-Ethylcathinone"),
        ("Mephedrone", "N-Ethylcathinone"),
    ]
    merged = in_order(pairs)
    assert set(merged) == {name for pair in pairs for name in pair.separation.techniques}
    assert merged[0] in {"MS/MS of the iminium ion", "GC-IR"}
    assert pairs[0].in_words().startswith("3-MMC and Mephedrone (position on an aromatic ring): GC-IR, ")
    assert pairs[0].to_dict()["members"] == [members[0].inchikey, members[1].inchikey]
    assert set(pairs[0].to_dict()) == {"members", "kind", "techniques", "why", "source"}


def test_one_member_or_none_has_no_pairs() -> None:
    assert separated_by_set([named("Heroin")], EI) == ()
    assert in_order(()) == ()


def test_rdkit_is_not_loaded_where_masses_and_keys_say_enough() -> None:
    program = (
        "import sys\n"
        "from nps_ident.catalogue.store import open_catalogue\n"
        "from nps_ident.confidence.separation import separated_by\n"
        "from nps_ident.model import Technique\n"
        "[a], [b], [c], [d] = map(open_catalogue().find_name, ('Heroin', 'Caffeine', 'Tetramisole', 'Levamisole'))\n"
        "separated_by(a, b, Technique.EI_MS), separated_by(c, d, Technique.EI_MS)\n"
        "print('rdkit' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "False"
