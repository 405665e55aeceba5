"""NIST match factors: the slow twin, published values of mssearchr, and MSPepSearch's simple search."""

from __future__ import annotations

import csv
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.io import read_spectra
from nps_ident.similarity.match_factor import PeakRuns, match_factor, match_factors, nominal

from . import twins
from .spectra import peak_lists, spectrum, unit_masses

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.model import MassSpectrum


def test_a_match_factor_worked_out_by_hand() -> None:
    # Peaks 100 and 900 against 400 and 900 of 999 at m/z 1 apart: cosine part (200 + 900)^2 / (1000 * 1300) in the simple form.
    query, reference = spectrum([(10, 100), (11, 900)]), spectrum([(10, 400), (11, 900)])
    forward, reverse = match_factor(query, reference, identity=False)
    assert forward == pytest.approx(1000 * (200 + 900) ** 2 / (1000 * 1300) - 0.5)
    assert reverse == pytest.approx(forward)


def test_the_reverse_factor_forgives_peaks_of_the_query_alone() -> None:
    reference = spectrum([(50, 300), (77, 999)])
    query = spectrum([(50, 300), (60, 999), (77, 999)])
    forward, reverse = match_factor(query, reference, identity=False)
    assert reverse == pytest.approx(999.5)
    assert forward < 700


@given(peak_lists(unit_masses), peak_lists(unit_masses), st.booleans())
def test_it_agrees_with_the_slow_twin(a: list[tuple[float, float]], b: list[tuple[float, float]], identity: bool) -> None:
    expected = twins.match_factors(twins.nominal(a), twins.nominal(b), identity=identity)
    assert match_factor(spectrum(a), spectrum(b), identity=identity) == pytest.approx(expected, abs=1e-6)


@given(peak_lists(unit_masses, min_size=1), st.booleans())
def test_a_spectrum_matches_itself_perfectly_in_any_order_and_scale(peaks: list[tuple[float, float]], identity: bool) -> None:
    again = [(mz, 7 * intensity) for mz, intensity in reversed(peaks)]
    assert match_factor(spectrum(peaks), spectrum(again), identity=identity) == pytest.approx((999.5, 999.5))


@given(peak_lists(unit_masses), peak_lists(unit_masses), st.booleans())
def test_factors_stay_between_0_and_999_and_the_reverse_is_the_greater(
    a: list[tuple[float, float]], b: list[tuple[float, float]], identity: bool
) -> None:
    forward, reverse = match_factor(spectrum(a), spectrum(b), identity=identity)
    assert 0 <= forward <= 999.5 + 1e-9
    assert forward <= reverse + 1e-9 <= 999.5 + 1e-8


@given(peak_lists(unit_masses), st.lists(peak_lists(unit_masses, min_size=1), min_size=1, max_size=5))
def test_many_references_at_once_give_what_each_gives_alone(
    query: list[tuple[float, float]], references: list[list[tuple[float, float]]]
) -> None:
    spectra = [nominal(np.array([mz for mz, _ in r]), np.array([i for _, i in r])) for r in references]
    stop = np.cumsum([len(s.mz) for s in spectra])
    runs = PeakRuns(
        mz=np.concatenate([s.mz for s in spectra]),
        intensity=np.concatenate([s.intensity for s in spectra]),
        start=np.concatenate([[0], stop[:-1]]),
        stop=stop,
    )
    forward, reverse, _ = match_factors(nominal(np.array([m for m, _ in query]), np.array([i for _, i in query])), runs)
    alone = [match_factor(spectrum(query), spectrum(r)) for r in references]
    assert forward.tolist() == pytest.approx([f for f, _ in alone], abs=1e-9)
    assert reverse.tolist() == pytest.approx([r for _, r in alone], abs=1e-9)


@pytest.mark.parametrize("peaks", [[], [(50.0, 0.0)], [(50.0, -3.0)], [(50.0, 0.0), (60.0, 0.0)]])
def test_a_spectrum_without_signal_matches_nothing_and_is_never_nan(peaks: list[tuple[float, float]]) -> None:
    other = spectrum([(50, 999), (60, 5)])
    for forward, reverse in (match_factor(spectrum(peaks), other), match_factor(other, spectrum(peaks))):
        assert forward == 0
        assert reverse == 0


def test_one_shared_mass_among_strangers_is_no_good_match() -> None:
    forward, _ = match_factor(spectrum([(58, 999), (91, 400), (105, 700)]), spectrum([(44, 999), (91, 300), (134, 800)]))
    assert forward < 200


def _recorded_from(spectrum_: MassSpectrum, low: str, high: str) -> MassSpectrum:
    """The spectrum as if its scan had covered ``low`` to ``high``: a trace at the lower end says that the scan began there."""
    if not low:
        return spectrum_
    inside = [(mz, i) for mz, i in zip(spectrum_.mz.tolist(), spectrum_.intensity.tolist(), strict=True) if float(low) <= mz <= float(high)]
    return spectrum([*inside, (float(low), 1e-9)], name=spectrum_.name)


@pytest.mark.realdata
def test_all_400_published_match_factors_of_mssearchr_are_reproduced(realdata: Path) -> None:
    folder = realdata / "oracles" / "mssearchr"
    spectra = {file: {s.name: s for s in read_spectra(folder / file)} for file in ("synthetic_1.msp", "synthetic_2.msp")}
    with (folder / "expected_mf.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    checked, wrong = 0, []
    for row in rows:
        query = _recorded_from(spectra[row["query_file"]][row["query"]], row["mz_min"], row["mz_max"])
        reference = _recorded_from(spectra[row["library_file"]][row["hit"]], row["mz_min"], row["mz_max"])
        answers = dict(zip(("mf", "rmf"), match_factor(query, reference, identity=row["algorithm"] == "identity_normal"), strict=True))
        for column, ours in answers.items():
            if row[column]:
                checked += 1
                if not math.isclose(ours, float(row[column]), rel_tol=1e-4, abs_tol=1e-4):
                    wrong.append((row["config"], row["query"], row["hit"], column, float(row[column]), ours))
    assert checked == 400
    assert wrong == []


def swgdrug(realdata: Path) -> dict[int, MassSpectrum]:
    """The SWGDRUG references by number."""
    numbered = {}
    for reference in read_spectra(realdata / "ei" / "reference.msp"):
        for key, value in reference.metadata:
            if key == "DB#" and (number := re.match(r"SWGDRUG-(\d+)", value)):
                numbered[int(number[1])] = reference
    return numbered


@pytest.mark.realdata
def test_the_simple_search_of_mspepsearch_is_reproduced_to_half_a_unit(realdata: Path) -> None:
    folder = realdata / "oracles" / "mspepsearch"
    (query,), references = read_spectra(folder / "Query_SS.msp"), swgdrug(realdata)
    with (folder / "hits_SS.csv").open(newline="", encoding="utf-8") as table:
        hits = [(int(row["swgdrug_id"]), int(row["MF"])) for row in csv.DictReader(table)]
    assert len(hits) == 22
    for number, printed in hits:
        assert match_factor(query, references[number], identity=False)[0] == pytest.approx(printed, abs=0.5)


@pytest.mark.realdata
def test_the_reverse_factors_of_mspepsearch_are_reproduced_to_half_a_unit(realdata: Path) -> None:
    folder = realdata / "oracles" / "mspepsearch"
    (query,), references = read_spectra(folder / "Query_HS.msp"), swgdrug(realdata)
    with (folder / "hits_HS.csv").open(newline="", encoding="utf-8") as table:
        hits = [(int(row["swgdrug_id"]), int(row["o.Match"]), int(row["o.R.Match"])) for row in csv.DictReader(table)]
    assert len(hits) == 23
    for number, match, reverse in hits:
        assert match_factor(query, references[number], identity=False) == pytest.approx((match, reverse), abs=0.5)
