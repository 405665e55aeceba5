"""The inverted search of DART mass spectra at several voltages."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from nps_ident.errors import InputError
from nps_ident.io import read_spectra
from nps_ident.model import Tolerance
from nps_ident.similarity.inverted import inverted_match, target_peaks

from .spectra import masses, peak_lists, spectrum

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.model import MassSpectrum

TOLERANCE = Tolerance.da(0.005)


def test_an_index_worked_out_by_hand() -> None:
    reference = {30.0: spectrum([(150.128, 100)]), 60.0: spectrum([(119.086, 60), (91.054, 40)])}
    query = {30.0: spectrum([(150.130, 500), (323.212, 999)]), 60.0: spectrum([(119.087, 999)])}
    result = inverted_match(query, reference, target_mz=150.130, precursor_mz=150.128, tolerance=TOLERANCE)
    # FPIE 1 and 0.6; bias 0.002 and 0.001 (single peaks); |Δm| 0.002.
    assert result.index == pytest.approx((1 - 0.002) * 0.8 * (1 - 0.0015))
    reverse = (1 + 60 / math.sqrt(60**2 + 40**2)) / 2
    assert result.reverse_index == pytest.approx((1 - 0.002) * reverse * (1 - 0.0015))
    assert result.precursor_found
    assert [(voltage, match.n_found, match.n_peaks) for voltage, match in result.voltages] == [(30.0, 1, 1), (60.0, 1, 2)]


def test_the_mass_bias_is_the_standard_deviation_of_the_errors() -> None:
    reference = {30.0: spectrum([(100.0, 1), (120.0, 1), (140.0, 1)])}
    query = {30.0: spectrum([(100.001, 1), (119.998, 1), (140.004, 1)])}
    result = inverted_match(query, reference, target_mz=140.0, precursor_mz=140.0, tolerance=TOLERANCE)
    assert result.voltages[0][1].mass_bias_da == pytest.approx(statistics.stdev([0.001, 0.002, 0.004]))


def test_what_else_is_in_the_mixture_does_not_lower_the_index() -> None:
    reference = {30.0: spectrum([(150.128, 100), (91.054, 20)])}
    alone = inverted_match(reference, reference, target_mz=150.128, precursor_mz=150.128, tolerance=TOLERANCE)
    mixture = {30.0: spectrum([(150.128, 100), (91.054, 20), (323.212, 900), (188.143, 300)])}
    mixed = inverted_match(mixture, reference, target_mz=150.128, precursor_mz=150.128, tolerance=TOLERANCE)
    assert alone.index == mixed.index == pytest.approx(1.0)


def test_nothing_found_is_next_to_nothing_and_the_missing_precursor_is_said() -> None:
    result = inverted_match(
        {30.0: spectrum([(58.065, 1)])}, {30.0: spectrum([(150.128, 1)])}, target_mz=150.128, precursor_mz=150.128, tolerance=TOLERANCE
    )
    assert (result.index, result.reverse_index, result.precursor_found) == (0.0, 0.0, False)


def test_a_target_a_whole_dalton_away_is_worth_nothing() -> None:
    one = {30.0: spectrum([(150.128, 1)])}
    assert inverted_match(one, one, target_mz=151.2, precursor_mz=150.128, tolerance=TOLERANCE).index == 0


@given(peak_lists(masses), peak_lists(masses))
def test_the_indices_stay_between_0_and_1(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> None:
    query, reference = {30.0: spectrum(a), 60.0: spectrum(b)}, {30.0: spectrum(b), 60.0: spectrum(a)}
    result = inverted_match(query, reference, target_mz=100.0, precursor_mz=100.0, tolerance=TOLERANCE)
    assert 0 <= result.index <= 1
    assert 0 <= result.reverse_index <= 1


def test_targets_are_the_large_peaks_in_order_of_mass() -> None:
    query = spectrum([(323.2, 100), (150.1, 20), (91.1, 14), (188.1, 15)])
    assert target_peaks(query, min_relative=0.15).tolist() == [150.1, 188.1, 323.2]
    assert target_peaks(spectrum([]), min_relative=0.15).tolist() == []
    with pytest.raises(InputError, match="min_relative"):
        target_peaks(query, min_relative=0.0)


def test_voltages_that_do_not_meet_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[30.0\].*\[60.0\]"):
        inverted_match({30.0: spectrum([])}, {60.0: spectrum([])}, target_mz=1.0, precursor_mz=1.0, tolerance=TOLERANCE)


def _by_voltage(spectra: list[MassSpectrum]) -> dict[float, MassSpectrum]:
    return {float(dict(s.metadata)["Voltage"]): s for s in spectra}


@pytest.mark.realdata
def test_the_components_of_the_measured_mixtures_have_the_best_index_for_their_ion(realdata: Path) -> None:
    references: dict[str, list[MassSpectrum]] = {}
    for reference in read_spectra(realdata / "dart" / "reference_4.msp"):
        references.setdefault(str(reference.label.inchikey)[:14], []).append(reference)
    mixtures: dict[str, list[MassSpectrum]] = {}
    for measured in read_spectra(realdata / "dart" / "mixtures.msp"):
        mixtures.setdefault(measured.name.rsplit("_", 1)[0], []).append(measured)
    truth = {
        line.split(",")[3]: set(line.split(",")[1].split("|"))
        for line in (realdata / "dart" / "mixtures_truth.csv").read_text(encoding="utf-8").splitlines()[1:]
    }
    assert len(references) == 4
    assert set(mixtures) == set(truth)
    for name, spectra in mixtures.items():
        queries = _by_voltage(spectra)
        scores = {}
        for key, of_one in references.items():
            precursor = float(of_one[0].precursor_mz or of_one[0].label.exact_mass + 1.007276)  # type: ignore[operator]
            scores[key] = inverted_match(queries, _by_voltage(of_one), target_mz=precursor, precursor_mz=precursor, tolerance=TOLERANCE)
        present = {key for key, score in scores.items() if score.precursor_found}
        assert truth[name] <= present, name
        # Isomers share an ion; of what has its ion in the mixture the true components are the better ones.
        ranked = sorted(scores, key=lambda key: -scores[key].index)
        assert set(ranked[: len(truth[name])]) == truth[name], name
