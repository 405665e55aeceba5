"""DART search: each reference asks whether the query holds its ions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nps_ident.library.build import build_library
from nps_ident.library.search import search
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library

FENTANYL_PEAKS = [(105.070, 40.0), (188.143, 100.0), (337.227, 900.0)]


def _dart(peaks: list[tuple[float, float]], **fields: Any) -> MassSpectrum:
    given: dict[str, Any] = {
        "name": "dart",
        "technique": Technique.DART_MS,
        "mz": [mz for mz, _ in peaks],
        "intensity": [height for _, height in peaks],
        "polarity": Polarity.POSITIVE,
    }
    return MassSpectrum(**(given | fields))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    fentanyl = _dart(FENTANYL_PEAKS, collision_energy="30 V", label=SubstanceLabel(name="Fentanyl", formula="C22H28N2O"))
    isobar = _dart(
        [(120.08, 100.0), (150.09, 80.0), (337.228, 500.0)], collision_energy="30 V", label=SubstanceLabel(name="Isobar", formula="C22H28N2O")
    )
    caffeine = _dart([(138.066, 50.0), (195.088, 900.0)], collision_energy="30 V", label=SubstanceLabel(name="Caffeine", formula="C8H10N4O2"))
    return build_library([fentanyl, isobar, caffeine], tmp_path / "library", name="dart")


def test_every_substance_of_a_mixture_whose_protonated_molecule_stands_out_is_a_hit(library: Library) -> None:
    mixture = _dart([*FENTANYL_PEAKS, (138.066, 50.0), (195.088, 700.0)])
    names = [hit.substance.name for hit in search(prepare(mixture), [library], most=10).hits]
    assert set(names) == {"Fentanyl", "Caffeine", "Isobar"}
    assert names[-1] == "Isobar"  # its fragments are missing


def test_a_reference_of_another_voltage_is_not_compared(library: Library) -> None:
    assert search(prepare(_dart(FENTANYL_PEAKS, collision_energy="60 V")), [library], most=10).hits == ()
    assert search(prepare(_dart(FENTANYL_PEAKS, collision_energy="30")), [library], most=10).hits[0].substance.name == "Fentanyl"


def test_without_the_protonated_molecule_there_is_no_hit(library: Library) -> None:
    assert search(prepare(_dart([(105.070, 40.0), (188.143, 100.0), (337.200, 900.0)])), [library], most=10).hits == ()
    assert search(prepare(_dart([])), [library], most=10).hits == ()
