"""Compiling references: who is one substance, what is passed over, and what a hostile file cannot do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import FENTANYL, ei_references, msms_references

from nps_ident.catalogue.store import open_catalogue
from nps_ident.errors import LibraryError
from nps_ident.library.build import build_library
from nps_ident.library.search import search
from nps_ident.model import MassSpectrum, SubstanceLabel, Technique
from nps_ident.spectra.peaks import PRINCIPAL_IONS, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library

FENTANYL_KEY = "PJMPHNIQZUBGLI-UHFFFAOYSA-N"


def _names(library: Library) -> list[str]:
    return [library.substance(row).name for row in range(library.counts["substances"])]


def _labelled_as(**fields: object) -> MassSpectrum:
    return replace(ei_references(1)[0], label=SubstanceLabel(**fields))  # type: ignore[arg-type]


def test_a_salt_is_the_substance_of_its_parent(tmp_path: Path) -> None:
    salt, base = _labelled_as(name="Fentanyl HCl", smiles=f"{FENTANYL}.Cl"), _labelled_as(name="fentanyl base", smiles=FENTANYL)
    library = build_library([salt, base], tmp_path / "library", name="salts")
    assert library.counts["substances"] == 1
    assert library.substance(0).inchikey == FENTANYL_KEY


def test_the_mass_is_that_of_the_parent_though_the_file_gives_the_formula_of_the_salt(tmp_path: Path) -> None:
    salt = _labelled_as(name="Fentanyl HCl", smiles=f"{FENTANYL}.Cl", formula="C22H29ClN2O", exact_mass=372.19684)
    unstated = _labelled_as(name="4-ANPP", smiles="C1CN(CCC1Nc2ccccc2)CCc3ccccc3")
    library = build_library([salt, unstated], tmp_path / "library", name="salts")
    assert library.substance(0).exact_mass == pytest.approx(336.2202, abs=1e-4)  # C22H28N2O
    assert library.substance(0).formula == "C22H28N2O"
    assert library.substance(1).exact_mass == pytest.approx(280.1939, abs=1e-4)  # C19H24N2


def test_a_labelled_standard_has_neither_the_name_nor_the_mass_of_the_drug(tmp_path: Path) -> None:
    flagged = _labelled_as(name="fentanyl-d5", inchikey=FENTANYL_KEY, isotope_labelled=True, exact_mass=341.2516)
    library = build_library([flagged], tmp_path / "library", name="labelled", catalogue=open_catalogue())
    substance = library.substance(0)
    assert (substance.name, substance.exact_mass, substance.drug_class) == ("fentanyl-d5", 341.2516, "fentanyl")


def test_a_structure_gives_the_drug_class_and_the_catalogue_its_name(tmp_path: Path) -> None:
    library = build_library([_labelled_as(name="sufentanyl?", smiles=FENTANYL)], tmp_path / "library", name="one", catalogue=open_catalogue())
    assert (library.substance(0).name, library.substance(0).drug_class) == ("Fentanyl", "fentanyl")


def test_a_labelled_compound_is_never_the_drug(tmp_path: Path) -> None:
    drug = _labelled_as(name="fentanyl", inchikey=FENTANYL_KEY)
    flagged = _labelled_as(name="fentanyl-d5", inchikey=FENTANYL_KEY, isotope_labelled=True)  # files often give the key of the drug
    keyed = _labelled_as(name="fentanyl-d5", inchikey="PJMPHNIQZUBGLI-RALIUCGRSA-N", isotope_labelled=True)
    library = build_library([drug, flagged, keyed], tmp_path / "library", name="labelled")
    assert library.counts["substances"] == 3
    hits = search(prepare(drug), [library], most=10).hits
    assert len({hit.substance.skeleton for hit in hits}) == 3
    assert sorted(hit.substance.isotope_labelled for hit in hits) == [False, True, True]


def test_substances_without_a_structure_are_told_apart_by_name(tmp_path: Path) -> None:
    spectra = [_labelled_as(name="Street sample A"), _labelled_as(name="STREET SAMPLE A"), _labelled_as(name="Street sample B")]
    library = build_library(spectra, tmp_path / "library", name="unnamed")
    assert _names(library) == ["Street sample A", "Street sample B"]
    assert len(search(prepare(spectra[0]), [library], most=10).hits) == 2


def test_what_cannot_be_a_reference_is_passed_over_and_counted(tmp_path: Path) -> None:
    good = ei_references(1)[0]
    unnamed = replace(good, label=SubstanceLabel())
    empty = replace(good, mz=[], intensity=[])
    zero = replace(good, intensity=np.zeros(good.n_peaks))
    unknown = replace(good, technique=None, mz=good.mz + 0.3)
    library = build_library([unnamed, good, empty, zero, unknown], tmp_path / "library", name="some")
    assert library.counts == {"EI-MS": 1, "substances": 1, "passed over": 4}
    with pytest.raises(LibraryError, match="none of the 2 spectra can be a reference"):
        build_library([unnamed, empty], tmp_path / "none", name="none")
    assert not (tmp_path / "none").exists()


def test_masses_and_heights_that_no_instrument_gives_cost_no_memory_and_change_no_answer(tmp_path: Path) -> None:
    good = ei_references(1)[0]
    bad = MassSpectrum(
        name="hostile",
        technique=Technique.EI_MS,
        mz=[*good.mz, 9.9e8, 1e300, float("nan"), 0.0, -4.0],
        intensity=[*good.intensity, 100, 1e308, 5, 6, 7],
        label=replace(good.label, name="hostile", inchikey=None),
    )
    wide = replace(good, mz=[50, 60, 70, 80], intensity=[1e-30, 1e30, 1, 5e29], label=SubstanceLabel(name="wide"))
    library = build_library([good, bad, wide], tmp_path / "library", name="hostile")
    assert (tmp_path / "library" / "library.bin").stat().st_size < 100_000
    first, second, *_ = search(prepare(good), [library], most=10).hits
    assert first.score == second.score == pytest.approx(0.999, abs=0.002)
    assert all(np.isfinite([hit.score, hit.weighted_cosine]).all() for hit in search(prepare(wide), [library], most=10).hits)


def test_principal_ions_are_the_twenty_highest_of_at_least_one_percent(tmp_path: Path) -> None:
    peaks = [(float(50 + i), 1000.0 - 30 * i) for i in range(25)] + [(200.0, 9.0)]
    spectrum = MassSpectrum(
        name="x", technique=Technique.EI_MS, mz=[mz for mz, _ in peaks], intensity=[h for _, h in peaks], label=SubstanceLabel(name="x")
    )
    library = build_library([spectrum], tmp_path / "library", name="cut", kind="principal_ions")
    assert library["ei.mz"].tolist() == list(range(50, 50 + PRINCIPAL_IONS))


def test_references_of_ms_ms_stand_in_the_order_of_their_neutral_mass(msms_library: Library) -> None:
    masses = msms_library["msms.neutral_mass"]
    assert (np.diff(masses) >= 0).all()
    expected = sorted(reference.label.exact_mass or 0.0 for reference in msms_references())
    assert masses.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_library_knows_which_skeletons_it_covers(ei_library: Library) -> None:
    known = ei_references()[5].label.inchikey or ""
    assert ei_library.covers(Technique.EI_MS, known[:14])
    assert not ei_library.covers(Technique.EI_MS, "A" * 14)
    assert not ei_library.covers(Technique.MSMS, known[:14])
