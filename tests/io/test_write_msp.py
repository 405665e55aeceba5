"""What is written as MSP comes back the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nps_ident.errors import InputError
from nps_ident.io import read_spectra, write_msp
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique

if TYPE_CHECKING:
    from pathlib import Path

FULL = MassSpectrum(
    name="scan 7",
    mz=np.array([105.0699, 188.1434]),
    intensity=np.array([1 / 3, 999.0]),
    technique=Technique.MSMS,
    precursor_mz=337.20,
    precursor_decimals=2,
    adduct="[M+H]+",
    polarity=Polarity.POSITIVE,
    collision_energy="30 eV",
    instrument_type="LC-ESI-QTOF",
    retention_index=2690.5,
    accession="X1",
    contributor="a lab",
    licence="CC BY",
    label=SubstanceLabel(
        name="fentanyl-d5 (β)",
        synonyms=("b", "a; c"),
        inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N",
        inchi="InChI=1S/x",
        smiles="CCC(=O)N",
        formula="C22H28N2O",
        cas="437-38-7",
        exact_mass=336.2202,
        isotope_labelled=True,
    ),
    metadata=(("Fragmentation_mode", "HCD"), ("$own", "two\nlines")),
)


def again(folder: Path, *spectra: MassSpectrum) -> list[MassSpectrum]:
    assert write_msp(spectra, folder / "w.msp") == len(spectra)
    return read_spectra(folder / "w.msp")


def bare(spectrum: MassSpectrum) -> MassSpectrum:
    return replace(spectrum, metadata=(), findings=(), source=None)


def test_everything_of_a_spectrum_comes_back(tmp_path: Path) -> None:
    [back] = again(tmp_path, FULL)
    assert bare(back) == bare(FULL)
    assert ("Fragmentation_mode", "HCD") in back.metadata
    assert ("own", "two lines") in back.metadata


def test_what_is_absent_stays_absent(tmp_path: Path) -> None:
    spectrum = MassSpectrum(name="only peaks", mz=np.array([58.0]), intensity=np.array([1.0]), label=SubstanceLabel(name="only peaks"))
    assert [bare(s) for s in again(tmp_path, spectrum)] == [spectrum]


@pytest.mark.parametrize("technique", [*Technique, None])
def test_the_technique_comes_back_against_every_other_sign(tmp_path: Path, technique: Technique | None) -> None:
    spectrum = replace(
        FULL, technique=technique, instrument_type="GC-EI-Q" if technique else None, precursor_mz=None, precursor_decimals=None
    )
    assert again(tmp_path, spectrum)[0].technique is technique


def test_a_precursor_with_more_digits_than_it_states_is_written_whole(tmp_path: Path) -> None:
    assert again(tmp_path, replace(FULL, precursor_mz=337.22744, precursor_decimals=1))[0].precursor_mz == 337.22744


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=9, max_size=30)


@given(
    peaks=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False)), max_size=20
    ),
    name=TEXT,
    synonyms=st.lists(TEXT, max_size=3),
)
@settings(max_examples=100, deadline=None)
def test_any_name_and_any_finite_peaks_come_back(
    tmp_path_factory: pytest.TempPathFactory, peaks: list[tuple[float, float]], name: str, synonyms: list[str]
) -> None:
    spectrum = MassSpectrum(
        name=name,
        mz=np.array([p[0] for p in peaks], dtype=float),
        intensity=np.array([p[1] for p in peaks], dtype=float),
        label=SubstanceLabel(name=name, synonyms=tuple(synonyms)),
    )
    [first, second] = again(tmp_path_factory.mktemp("w"), spectrum, spectrum)
    assert first.label.synonyms == spectrum.label.synonyms
    assert (first.name, first.mz.tolist(), first.intensity.tolist()) == (name, spectrum.mz.tolist(), spectrum.intensity.tolist())
    assert second.mz.tolist() == spectrum.mz.tolist()


@pytest.mark.parametrize("name", ["two\nlines", "a\x1b[31m", "a\x00b", " padded"])
def test_a_name_that_would_not_come_back_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected one line of printable text"):
        write_msp([replace(FULL, label=SubstanceLabel(name=name))], tmp_path / "w.msp")
    assert list(tmp_path.iterdir()) == []


def test_peaks_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not finite"):
        write_msp([replace(FULL, intensity=np.array([1.0, np.nan]))], tmp_path / "w.msp")


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path) -> None:
    again(tmp_path, FULL)
    old = (tmp_path / "w.msp").read_bytes()
    with pytest.raises(InputError):
        write_msp([FULL, replace(FULL, label=SubstanceLabel(name="a\nb"))], tmp_path / "w.msp")
    assert (tmp_path / "w.msp").read_bytes() == old


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_msp([FULL], tmp_path / "absent" / "w.msp")


@pytest.mark.realdata
def test_a_real_library_comes_back_equal(realdata: Path, tmp_path: Path) -> None:
    spectra = read_spectra(realdata / "ei" / "queries_dev.msp") + read_spectra(realdata / "msms" / "unknowns_dev.msp")
    assert [bare(s) for s in again(tmp_path, *spectra)] == [bare(s) for s in spectra]
