"""Promises of what is checked before a substance is proposed: its structure, and what is stated beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proposed import BUTYRYLFENTANYL, BUTYRYLFENTANYL_MASS, FENTANYL, check, codes, spectrum

from nps_ident.chemistry.structures import inchikey_of, read_structure
from nps_ident.errors import CatalogueError

if TYPE_CHECKING:
    from nps_ident.catalogue.store import Catalogue


def test_a_proposed_substance_is_its_parent_with_formula_mass_and_class(known: Catalogue) -> None:
    substance = check(known, f"{BUTYRYLFENTANYL}.Cl").substance
    assert substance.inchikey == inchikey_of(read_structure(BUTYRYLFENTANYL))
    assert (substance.formula, substance.drug_class, substance.status) == ("C23H30N2O", "fentanyl", "proposed")
    assert substance.exact_mass == pytest.approx(BUTYRYLFENTANYL_MASS, abs=1e-5)


@pytest.mark.parametrize("structure", ["", "CCC(=O)N(", "C1CC", "not a structure", "*CC", "C" * 5000])
def test_a_structure_that_cannot_be_read_is_refused(known: Catalogue, structure: str) -> None:
    with pytest.raises(CatalogueError):
        check(known, structure)


@pytest.mark.parametrize("structure", [FENTANYL, f"{FENTANYL}.Cl", "CCC(=O)N(c1ccccc1)C1CC[NH+](CCc2ccccc2)CC1"])
def test_a_catalogued_substance_and_its_salts_are_refused_by_name(known: Catalogue, structure: str) -> None:
    with pytest.raises(CatalogueError, match="in the catalogue already, as 'fentanyl'"):
        check(known, structure)


def test_spectra_of_a_catalogued_substance_are_shown_their_way(known: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="library build"):
        check(known, FENTANYL, spectra=[spectrum((146.0, 60.0), (189.0, 40.0), (245.0, 100.0))])


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ("C[C@H](Cc1ccccc1)NC", "It is a stereoisomer of methamphetamine"),
        ("CC(Cc1ccccc1)NC", "It is a stereoisomer of methamphetamine"),
        ("CC(=O)C=C(C)O", "It is a tautomer of acetylacetone"),
        ("[2H]C([2H])([2H])CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", "It is an isotopologue of fentanyl"),
    ],
)
def test_a_near_relative_of_a_known_substance_is_named(known: Catalogue, structure: str, words: str) -> None:
    said = [finding.text for finding in check(known, structure, "relative").findings if finding.code == "REG-102"]
    assert len(said) == 1
    assert said[0].startswith(words)


def test_an_analogue_is_no_near_relative(known: Catalogue) -> None:
    assert codes(check(known, BUTYRYLFENTANYL)) == []


@pytest.mark.parametrize(
    "stated",
    [
        {"inchikey": "PJMPHNIQZUBGLI-UHFFFAOYSA-N"},
        {"inchikey": "nonsense"},
        {"formula": "C22H28N2O"},
        {"formula": "not a formula"},
        {"mass": 336.22},
        {"mass": 0.0},
        {"cas": "437-38-8"},
        {"cas": "437-38-7"},
        {"cas": "1; DROP TABLE entries"},
    ],
)
def test_what_contradicts_the_structure_or_the_catalogue_is_refused(known: Catalogue, stated: dict[str, object]) -> None:
    with pytest.raises(CatalogueError):
        check(known, BUTYRYLFENTANYL, **stated)


@pytest.mark.parametrize(
    "stated",
    [
        {"formula": "C23H30N2O"},
        {"formula": "C23H30N2O.HCl"},
        {"mass": 350.236},
        {"mass": 350.5},
        {"mass": 387.0},
        {"cas": "1169-70-6"},
    ],
)
def test_what_describes_the_parent_or_the_salt_as_drawn_is_accepted(known: Catalogue, stated: dict[str, object]) -> None:
    described = check(known, f"{BUTYRYLFENTANYL}.Cl", **stated)
    assert codes(described) == codes(check(known, f"{BUTYRYLFENTANYL}.Cl")), "no finding beyond those of the structure alone"


@pytest.mark.parametrize(
    ("name", "code"), [("fluorofentanyl", "REG-103"), ("5F-X", "REG-103"), ("butyrylfentanyl-d5", "REG-104"), ("bromo-thing", "REG-103")]
)
def test_a_name_that_promises_what_the_structure_has_not_is_flagged(known: Catalogue, name: str, code: str) -> None:
    assert code in codes(check(known, BUTYRYLFENTANYL, name))


@pytest.mark.parametrize("name", ["deschloroketamine-like", "dechloro-X", "Nitrogen mustard", "N,N-diethyl", "(±)-α-test", "Fub"])
def test_a_name_that_promises_nothing_is_not_flagged(known: Catalogue, name: str) -> None:
    assert codes(check(known, BUTYRYLFENTANYL, name)) == []


def test_without_a_name_the_inchikey_stands_for_it_and_that_is_said(known: Catalogue) -> None:
    proposal = check(known, BUTYRYLFENTANYL, None)
    assert proposal.substance.name == proposal.substance.inchikey
    assert codes(proposal) == ["REG-101"]
