"""Runs of known content come apart into their compounds, and noise, bleed and saturation are known as such."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from runs_with_truth import FIRST, SECOND, likeness, run_of

from nps_ident.errors import InputError
from nps_ident.model import MassSpectrum, Run, Technique
from nps_ident.spectra.blank import without_blank
from nps_ident.spectra.column_bleed import bleed_share
from nps_ident.spectra.run_components import run_components

BACKGROUND = {207: 800.0, 281: 600.0, 73: 500.0, 28: 2000.0}
SILOXANE = {73: 1.0, 147: 0.3, 207: 0.9, 208: 0.2, 281: 0.6, 282: 0.15, 355: 0.2}


@pytest.mark.parametrize("share", [1.0, 0.2, 0.05])
@pytest.mark.parametrize("gap_s", [1.5, 2.0, 4.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_compounds_that_share_ions_are_separated(gap_s: float, share: float, seed: int) -> None:
    """Peaks 2.4 s wide at half height, 2.5 scans a second: 1.5 s apart they are one peak of the total ion current."""
    run = run_of([(100.0, 50000.0, FIRST), (100.0 + gap_s, 50000.0 * share, SECOND)], background=BACKGROUND, seed=seed)
    first, second = run_components(run).components
    assert first.retention_time_s == pytest.approx(100.0, abs=0.1)
    assert second.retention_time_s == pytest.approx(100.0 + gap_s, abs=0.25)
    assert likeness(first.spectrum, FIRST) > 0.99
    assert likeness(second.spectrum, SECOND) > 0.98
    areas = sum(FIRST.values()), share * sum(SECOND.values())
    assert first.area_share == pytest.approx(areas[0] / sum(areas), abs=0.02)


def test_a_scan_at_the_apex_is_no_such_spectrum() -> None:
    """What the separation is for: the raw scan there holds the neighbour's ions as well."""
    run = run_of([(100.0, 50000.0, FIRST), (101.5, 50000.0, SECOND)], background=BACKGROUND)
    apex = int(np.abs(run.times_s - 100.0).argmin())
    assert likeness(run.scans[apex], FIRST) < 0.95


def test_the_heights_and_area_are_those_of_the_peak() -> None:
    [found] = run_components(run_of([(100.0, 50000.0, FIRST)], background=BACKGROUND)).components
    heights = dict(zip(found.spectrum.mz.tolist(), found.spectrum.intensity.tolist(), strict=True))
    assert heights[44.0] == pytest.approx(50000.0, rel=0.03)
    # The area of a Gaussian of that height and width; the model peak ends at a twentieth of its height.
    assert found.area == pytest.approx(sum(FIRST.values()) * 50000.0 * 2.4 * np.sqrt(np.pi / np.log(2.0)) / 2.0, rel=0.03)
    assert 28.0 not in heights


@pytest.mark.parametrize("electronic", [20.0, 0.0], ids=["noise", "noise cut off at zero"])
@pytest.mark.parametrize("seed", range(5))
def test_noise_and_a_rising_baseline_alone_give_no_component(seed: int, electronic: float) -> None:
    background = BACKGROUND | {355: 400.0, 149: 300.0, 44: 900.0} | dict.fromkeys(range(60, 72), 0.0)
    found = run_components(run_of([], background=background, seed=seed, duration_s=240.0, electronic=electronic))
    assert found.components == ()
    assert "RUN-001" in [finding.code for finding in found.findings]


def test_a_slope_at_either_end_of_the_run_is_no_component() -> None:
    """Bleed that rises to the end, and the tail of the solvent before the run began."""
    tail = [(56.0, 300000.0, {43: 1.0, 57: 0.8, 71: 0.5, 85: 0.3})]
    found = run_components(run_of(tail, background={207: 9000.0, 281: 7000.0, 73: 5000.0, 355: 3000.0}, duration_s=60.0))
    assert [round(component.retention_time_s) for component in found.components] == []


def test_three_compounds_that_elute_together_are_three() -> None:
    third = {30: 1.0, 72: 0.5, 178: 0.6, 91: 0.3, 120: 0.2}
    peaks = [(100.0, 40000.0, FIRST), (101.6, 40000.0, third), (103.2, 40000.0, SECOND)]
    found = run_components(run_of(peaks, background=BACKGROUND)).components
    assert [round(component.retention_time_s, 0) for component in found] == [100.0, 102.0, 103.0]
    assert all(likeness(c.spectrum, truth) > 0.97 for c, (_, _, truth) in zip(found, peaks, strict=True))


def test_a_long_chain_of_overlapping_compounds_comes_apart() -> None:
    """Fifteen peaks 2.2 s apart that never reach the baseline between them."""
    rng = np.random.default_rng(7)
    peaks = []
    for number in range(15):
        masses = rng.choice(np.arange(40, 300), 14, replace=False).tolist()
        peaks.append((80.0 + 2.2 * number, float(rng.uniform(2e4, 2e5)), dict(zip(masses, [1.0, *rng.uniform(0.1, 0.9, 13)], strict=True))))
    found = run_components(run_of(peaks, background=BACKGROUND)).components
    assert len(found) == 15
    assert all(likeness(component.spectrum, truth) > 0.97 for component, (_, _, truth) in zip(found, peaks, strict=True))


def test_saturated_scans_are_said_and_the_component_is_kept() -> None:
    found = run_components(run_of([(100.0, 50000.0, FIRST)], ceiling=30000.0))
    [component] = found.components
    assert [finding.code for finding in component.spectrum.findings] == ["RUN-002"]
    assert "m/z 44" in component.spectrum.findings[0].text


def test_a_bleed_peak_and_a_bleeding_baseline_are_known_as_such() -> None:
    run = run_of([(90.0, 40000.0, FIRST), (110.0, 30000.0, SILOXANE)], background={207: 900.0, 281: 700.0, 73: 800.0, 355: 300.0})
    found = run_components(run)
    drug, bleed = found.components
    assert (drug.is_background, bleed.is_background) == (False, True)
    assert [finding.code for finding in bleed.spectrum.findings] == ["RUN-003"]
    assert [finding.code for finding in found.findings] == ["RUN-010"]
    assert drug.spectrum.findings == ()


@pytest.mark.parametrize(
    "spectrum",
    [FIRST, {73: 1.0, 147: 0.5, 117: 0.8, 206: 0.6}, {207: 1.0, 91: 0.9, 165: 0.8, 44: 0.7}],
    ids=["a drug", "a trimethylsilyl derivative", "one ion of 207 only"],
)
def test_other_spectra_are_no_bleed(spectrum: dict[int, float]) -> None:
    assert bleed_share(np.array(list(spectrum)), np.array(list(spectrum.values()))) is None
    assert bleed_share(np.array(list(SILOXANE)), np.array(list(SILOXANE.values()))) == pytest.approx(1.0)


def test_a_run_without_peaks_and_runs_with_empty_scans_are_answered() -> None:
    empty = tuple(
        MassSpectrum(name=f"r#{i}", technique=Technique.EI_MS, mz=np.empty(0), intensity=np.empty(0), retention_time_s=float(i))
        for i in range(30)
    )
    found = run_components(Run(name="r", scans=empty, technique=Technique.EI_MS))
    assert found.components == ()
    assert [finding.code for finding in found.findings] == ["RUN-001"]
    whole = run_of([(100.0, 50000.0, FIRST)])
    gaps = tuple(replace(scan, mz=np.empty(0), intensity=np.empty(0)) if i in {20, 21, 180} else scan for i, scan in enumerate(whole.scans))
    [component] = run_components(replace(whole, scans=gaps)).components
    assert likeness(component.spectrum, FIRST) > 0.99


def test_hostile_masses_do_not_take_the_memory() -> None:
    scans = tuple(
        MassSpectrum(
            name=f"r#{i}", technique=Technique.EI_MS, mz=np.array([1e9, 58, -3]), intensity=np.array([1, 1e300, 5]), retention_time_s=float(i)
        )
        for i in range(30)
    )
    found = run_components(Run(name="r", scans=scans, technique=Technique.EI_MS))
    assert found.components == ()
    assert "SPEC-002" in [finding.code for finding in found.findings]


def test_a_run_needs_ascending_times() -> None:
    run = run_of([(100.0, 50000.0, FIRST)])
    with pytest.raises(InputError, match="must ascend"):
        Run(name="r", scans=run.scans[::-1], technique=Technique.EI_MS)
    with pytest.raises(InputError, match="needs scans"):
        Run(name="r", scans=(), technique=Technique.EI_MS)


def test_what_is_in_the_blank_as_well_is_background_and_what_is_there_a_little_is_taken_off() -> None:
    blank = run_components(run_of([(90.0, 30000.0, SECOND), (110.0, 5000.0, FIRST)], seed=9)).components
    given = run_components(run_of([(90.1, 40000.0, SECOND), (110.1, 50000.0, FIRST), (130.0, 20000.0, SECOND)])).components
    same, less, other = without_blank(given, blank)
    assert [[finding.code for finding in c.spectrum.findings] for c in (same, less, other)] == [["RUN-004"], ["RUN-005"], []]
    assert [c.is_background for c in (same, less, other)] == [True, False, False]
    assert less.area == pytest.approx(0.9 * given[1].area, rel=0.05)
    assert same.spectrum.mz.tolist() == given[0].spectrum.mz.tolist()
    assert sum(c.area_share for c in (same, less, other)) == pytest.approx(1.0)


def test_the_same_spectrum_at_another_time_is_not_taken_off() -> None:
    blank = run_components(run_of([(100.0, 50000.0, FIRST)])).components
    [component] = without_blank(run_components(run_of([(110.0, 50000.0, FIRST)])).components, blank)
    assert component.spectrum.findings == ()


def test_the_same_run_gives_the_same_components() -> None:
    run = run_of([(100.0, 50000.0, FIRST), (101.5, 9000.0, SECOND)], background=BACKGROUND)
    first, again = run_components(run), run_components(run)
    assert first == again
    assert all(a.spectrum.name == f"run#{i}" for i, a in enumerate(first.components))
    assert all(a.retention_time_s < b.retention_time_s for a, b in itertools.pairwise(first.components))
