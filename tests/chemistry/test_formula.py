"""Formulae, masses and adducts against figures worked out by hand, published ones, and two other packages."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.chemistry import formula as module
from nps_ident.chemistry.formula import (
    ELECTRON_MASS,
    exact_mass,
    hill_formula,
    ion_mz,
    neutral_mass,
    nominal_mass,
    parse_adduct,
    parse_formula,
)
from nps_ident.errors import ChemistryError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("symbol", sorted(module._MOST_ABUNDANT))
def test_every_isotope_agrees_with_rdkit_and_is_the_most_common_one(symbol: str) -> None:
    from rdkit import Chem

    table = Chem.GetPeriodicTable()
    number, mass = module._MOST_ABUNDANT[symbol]
    assert table.GetMostCommonIsotope(symbol) == number
    assert mass == pytest.approx(table.GetMassForIsotope(symbol, number), abs=8e-6)  # RDKit's table is an older evaluation


@pytest.mark.parametrize("label", sorted(module._LABELS))
def test_every_label_agrees_with_rdkit(label: str) -> None:
    from rdkit import Chem

    element = "H" if label in {"D", "T"} else re.sub(r"[\[\]\d]", "", label)
    number, mass = module._LABELS[label]
    assert mass == pytest.approx(Chem.GetPeriodicTable().GetMassForIsotope(element, number), abs=3e-6)


@pytest.mark.parametrize("text", ["C22H28N2O", "C17H21NO4", "C19H26BrN3O2", "C8H6I3NO2", "C12H23Cl2FN2OPS", "C6H18OSi2", "C16H10Se"])
def test_exact_mass_agrees_with_pyteomics(text: str) -> None:
    from pyteomics import mass

    assert exact_mass(text) == pytest.approx(mass.calculate_mass(formula=text), abs=5e-6)  # iodine of an older evaluation


def test_fentanyl_and_its_protonated_ion_have_the_published_masses() -> None:
    # MassBank EU, fentanyl C22H28N2O: exact mass 336.2202, [M+H]+ 337.2274 (record MSBNK-Eawag-EQ331601).
    assert exact_mass("C22H28N2O") == pytest.approx(336.22016, abs=1e-5)
    assert ion_mz(exact_mass("C22H28N2O"), "[M+H]+") == pytest.approx(337.22744, abs=1e-5)


def test_the_electron_is_counted() -> None:
    assert ion_mz(100.0, "[M]+") == pytest.approx(100.0 - ELECTRON_MASS, abs=1e-12)
    assert ion_mz(100.0, "[M]-") == pytest.approx(100.0 + ELECTRON_MASS, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("C22H28N2O", {"C": 22, "H": 28, "N": 2, "O": 1}),
        ("C22H23D5N2O", {"C": 22, "H": 23, "D": 5, "N": 2, "O": 1}),
        ("C22H23[2H]5N2O", {"C": 22, "H": 23, "D": 5, "N": 2, "O": 1}),
        ("C21[13C]H28N2O", {"C": 21, "[13C]": 1, "H": 28, "N": 2, "O": 1}),
        ("(CH3)2NH", {"C": 2, "H": 7, "N": 1}),
        ("C22H28N2O.HCl", {"C": 22, "H": 29, "N": 2, "O": 1, "Cl": 1}),
        ("C8H10N4O2 · 2H2O", {"C": 8, "H": 14, "N": 4, "O": 4}),
        ("C21H20N+", {"C": 21, "H": 20, "N": 1}),
        ("CO2-", {"C": 1, "O": 2}),
        ("C12H14N2+2", {"C": 12, "H": 14, "N": 2}),
        ("[12C]H4", {"C": 1, "H": 4}),
    ],
)
def test_formulae_are_counted(text: str, counts: dict[str, int]) -> None:
    assert parse_formula(text) == counts


@pytest.mark.parametrize(
    "text", ["", "  ", "C22H28N2Ox", "c6h6", "C6(H6", "C6H6)", "C6H6..", "Xx2", "C-6", "[9H]", "C6H6" * 200, "NaN?", "N/A"]
)
def test_what_is_no_formula_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ChemistryError, match=r"is no formula: .*; expected") as caught:
        parse_formula(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "mass"), [("C10H15N", 149), ("C17H21NO4", 303), ("C11H14BrNO2", 271), ("C22H23D5N2O", 341), ("CHCl3", 118)]
)
def test_nominal_masses(text: str, mass: int) -> None:
    assert nominal_mass(text) == mass


def test_hill_order() -> None:
    assert hill_formula({"O": 1, "N": 2, "H": 28, "C": 22}) == "C22H28N2O"
    assert hill_formula({"H": 23, "D": 5, "C": 22, "N": 2, "O": 1}) == "C22H23D5N2O"
    assert hill_formula({"Na": 1, "Cl": 1}) == "ClNa"
    assert hill_formula({"S": 1, "O": 4, "H": 2}) == "H2O4S"


_COUNTS = st.dictionaries(st.sampled_from(["C", "H", "D", "N", "O", "F", "Cl", "Br", "Si", "[13C]"]), st.integers(1, 99), min_size=1)


@given(_COUNTS)
def test_hill_formula_reads_back(counts: dict[str, int]) -> None:
    assert parse_formula(hill_formula(counts)) == counts


# m/z of caffeine, C8H10N4O2, M = 194.080376, worked out by hand from H 1.007825, Na 22.989769, NH3 17.026549, HCOO 44.997655, e 0.000549.
@pytest.mark.parametrize(
    ("adduct", "mz"),
    [
        ("[M+H]+", 195.08765),
        ("[M-H]-", 193.07310),
        ("[M+Na]+", 217.06960),
        ("[M+NH4]+", 212.11420),
        ("[M+HCOO]-", 239.07858),
        ("[M+HCO2]-", 239.07858),
        ("[M+HCOOH-H]-", 239.07858),
        ("[M+FA-H]-", 239.07858),
        ("[M-H2O+H]+", 177.07709),
        ("[M+H-H2O]+", 177.07709),
        ("[M-2H2O+H]+", 159.06653),
        ("[M]+", 194.07983),
        ("[M]+*", 194.07983),
        ("[M]+.", 194.07983),
        ("[M]•+", 194.07983),
        ("[M+2H]2+", 98.04746),
        ("[M+2H]++", 98.04746),
        ("[M-2H]2-", 96.03291),
        ("[2M+H]+", 389.16803),
        ("[2M-H]-", 387.15347),
        ("[M+K]+", 233.04353),
        ("[M+Cl]-", 229.04978),
        ("[M+H-NH3]+", 178.06110),
        ("[M-CH3]-", 179.05745),
    ],
)
def test_adducts_give_the_masses_worked_out_by_hand(adduct: str, mz: float) -> None:
    assert ion_mz(194.080376, adduct) == pytest.approx(mz, abs=2e-5)


@pytest.mark.parametrize(
    "text",
    ["", "M+H", "[M+H]", "[M+H+", "[M+Xx]+", "[M+H]0+", "[0M+H]+", "[M++H]+", "[M+]+", "[N+H]+", "[M+H]+-", "[M+h]+", "H" * 600, "unknown"],
)
def test_what_is_no_adduct_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ChemistryError, match=r"is no adduct: .*; expected"):
        parse_adduct(text)


def test_the_radical_mark_is_kept() -> None:
    assert parse_adduct("[M]+*").radical
    assert not parse_adduct("[M+H]+").radical


@given(
    st.floats(20, 2000),
    st.sampled_from(["[M+H]+", "[M-H]-", "[M+2H]2+", "[2M+Na]+", "[M]+*", "[M+HCOO]-", "[M-2H2O+H]+", "[3M-H]-"]),
)
def test_neutral_mass_is_the_inverse_of_ion_mz(mass: float, adduct: str) -> None:
    assert neutral_mass(ion_mz(mass, adduct), adduct) == pytest.approx(mass, abs=1e-9)


@pytest.mark.realdata
def test_every_adduct_of_the_real_files_is_read_and_its_mass_agrees_with_the_record(realdata: Path) -> None:
    errors: dict[str, list[float]] = {}
    for path in sorted((realdata / "msms").glob("*.msp*")):
        precursor = adduct = mass = ""
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.strip().partition(": ")
                if key == "Name":
                    precursor = adduct = mass = ""
                elif key == "PrecursorMZ":
                    precursor = value
                elif key == "Precursor_type":
                    adduct = value
                    parse_adduct(adduct)
                elif key == "ExactMass":
                    mass = value
                elif key == "Num Peaks" and adduct and mass and re.fullmatch(r"[\d.]+", precursor):
                    errors.setdefault(adduct, []).append(abs(neutral_mass(float(precursor), adduct) - float(mass)))
    assert errors
    for adduct in ("[M+H]+", "[M-H]-", "[M+HCOO]-", "[M-H2O+H]+", "[M+Na]+", "[M+NH4]+"):
        quarter = sorted(errors[adduct])[len(errors[adduct]) // 4]  # records of unit resolution are among them
        assert quarter < 0.001, adduct
