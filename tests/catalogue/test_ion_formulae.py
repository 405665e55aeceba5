"""Which ions a molecule can form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.catalogue.ion_formulae import explained_share, is_formed
from nps_ident.errors import ChemistryError

FENTANYL = "C22H28N2O"


# m/z by hand from the atoms less one electron: 188.1434 C13H18N+, 105.0699 C8H9+, 216.1383 C14H18NO+, 337.2274 [M+H]+ of fentanyl.
@pytest.mark.parametrize("mz", [188.1434, 105.0699, 216.1383, 337.2274])
def test_the_known_ions_of_fentanyl_are_formed(mz: float) -> None:
    assert is_formed(mz, FENTANYL, "[M+H]+")


# 58.0729 is C3H8N+ (58.0651) measured 134 ppm too high; 150.5 is no mass of C, H, N, O; 172.9555 needs chlorine; 400 lies above the molecule.
@pytest.mark.parametrize("mz", [58.0729, 150.5, 172.9555, 400.0])
def test_another_ion_is_not_formed(mz: float) -> None:
    assert not is_formed(mz, FENTANYL, "[M+H]+")


def test_the_atoms_of_the_adduct_may_stay_on_the_fragment() -> None:
    sodium_ion_of_gbl = 86.0368 + 22.9898 - 0.0005  # C4H6O2Na+
    assert is_formed(sodium_ion_of_gbl, "C4H6O2", "[M+Na]+")
    assert not is_formed(sodium_ion_of_gbl, "C4H6O2", "[M+H]+")


def test_a_negative_ion_has_one_electron_more() -> None:
    benzoate = 121.0295  # C7H5O2-, by hand 121.02950
    assert is_formed(benzoate, "C7H6O2", "[M-H]-")


def test_the_share_is_by_intensity() -> None:
    assert explained_share([(188.1434, 60), (150.5, 40)], FENTANYL, "[M+H]+") == pytest.approx(0.6)
    assert explained_share([], FENTANYL, "[M+H]+") == 0


@pytest.mark.parametrize(("formula", "adduct"), [("Xx2", "[M+H]+"), ("C2H6O", "M+H")])
def test_what_cannot_be_read_is_refused(formula: str, adduct: str) -> None:
    with pytest.raises(ChemistryError):
        is_formed(45.0, formula, adduct)


@given(st.integers(0, 22), st.integers(0, 29), st.integers(0, 2), st.integers(0, 1))
def test_every_part_of_the_molecule_is_formed(c: int, h: int, n: int, o: int) -> None:
    mz = 12 * c + 1.00782503 * h + 14.003074 * n + 15.9949146 * o - 0.00054858
    assert mz < 0 or is_formed(mz, FENTANYL, "[M+H]+")
