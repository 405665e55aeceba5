"""DART spectra of one sample at several voltages: isobars are told apart by fragments, and one substance is never two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import holds_the_contract

from nps_ident.cli import main
from nps_ident.errors import InputError
from nps_ident.identify.voltages import identify_voltages, samples
from nps_ident.library import Libraries
from nps_ident.library.build import build_library
from nps_ident.model import MassSpectrum, SubstanceLabel, Technique, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nps_ident.library.compiled import Library

VOLTAGES = (30, 60, 90)
FORMULA = "C22H28N2O"
MH = 337.2274
# Invented: two isobars with fragments of their own, one substance that has the isobars' molecule and other fragments, and one of another mass.
SPECTRA: dict[str, tuple[str, dict[float, tuple[float, float, float]]]] = {
    "First": (FORMULA, {MH: (900, 300, 30), 188.1434: (90, 900, 700), 105.0699: (5, 300, 900)}),
    "Isobar": (FORMULA, {MH: (900, 350, 40), 174.1277: (80, 900, 650), 91.0542: (4, 280, 900)}),
    "Other isobar": (FORMULA, {MH: (900, 250, 20), 202.1590: (90, 900, 600), 119.0855: (5, 310, 900)}),
    "Light": ("C10H15N", {150.1277: (900, 120, 9), 119.0856: (200, 500, 100), 91.0543: (20, 900, 900)}),
}


def _spectrum(parts: Mapping[str, float], voltage: int, *, name: str, seed: int | None = None, label: str = "") -> MassSpectrum:
    """A sum at one voltage; with a seed, intensities off by a tenth and masses by a millidalton, as another run gives them."""
    peaks: dict[float, float] = {}
    for part, amount in parts.items():
        for mz, heights in SPECTRA[part][1].items():
            peaks[mz] = peaks.get(mz, 0.0) + amount * heights[VOLTAGES.index(voltage)]
    rng = np.random.default_rng(seed)
    mz, heights = np.array(sorted(peaks)), np.array([peaks[m] for m in sorted(peaks)])
    if seed is not None:
        mz, heights = mz + rng.normal(0, 0.0007, len(mz)), heights * rng.normal(1, 0.1, len(mz)).clip(0.5)
    return MassSpectrum(
        name=name,
        technique=Technique.DART_MS,
        mz=mz,
        intensity=heights,
        collision_energy=f"{voltage} V",
        label=SubstanceLabel(name=label, formula=SPECTRA[label][0]) if label else SubstanceLabel(),
    )


def _sample(seed: int = 1, **parts: float) -> list[MassSpectrum]:
    named = {part.replace("_", " "): amount for part, amount in parts.items()}
    return [_spectrum(named, voltage, name=f"exhibit 4_{voltage}V", seed=seed + voltage) for voltage in VOLTAGES]


def _references() -> list[MassSpectrum]:
    return [_spectrum({name: 1.0}, voltage, name=name, label=name) for name in SPECTRA for voltage in VOLTAGES]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build_library(_references(), tmp_path_factory.mktemp("dart") / "library", name="dart")


@pytest.mark.parametrize("seed", range(4))
def test_two_isobars_and_a_third_substance_are_three_components_at_every_voltage(library: Library, seed: int) -> None:
    """And the isobar that shares only the molecule is none."""
    answers = identify_voltages(_sample(seed, First=0.6, Isobar=0.4, Light=0.15), Libraries((library,)))
    assert len(answers) == len(VOLTAGES)
    for answer in answers:
        holds_the_contract(answer.to_dict())
        assert answer.verdict is Verdict.MIXTURE
        assert [part.substance.name for part in answer.components or ()] == ["First", "Isobar", "Light"]
        assert all(part.probability is None for part in answer.components or ())
        assert any(finding.code == "IDENT-002" for finding in answer.findings), "no calibration holds for DART, and that is said"


def test_one_substance_is_never_two(library: Library) -> None:
    """Each alone, whatever shares its molecule."""
    for name in SPECTRA:
        for seed in range(4):
            [first, *_] = identify_voltages(_sample(seed, **{name.replace(" ", "_"): 1.0}), Libraries((library,)))
            assert first.verdict is not Verdict.MIXTURE


def test_references_that_cannot_be_told_apart_stand_as_a_set(tmp_path: Path) -> None:
    """Two substances with the same spectra: whichever is the component, the other is said with it."""
    twins = [_spectrum({"Isobar": 1.0}, voltage, name="Twin", label="Isobar") for voltage in VOLTAGES]
    twins = [MassSpectrum(**{**_fields(twin), "label": SubstanceLabel(name="Twin", formula=FORMULA)}) for twin in twins]
    library = build_library([*_references(), *twins], tmp_path / "library", name="twins")
    [answer, *_] = identify_voltages(_sample(2, First=0.5, Isobar=0.5), Libraries((library,)))
    [isobar] = [part for part in answer.components or () if part.substance.name != "First"]
    assert isobar.isomer_set is not None
    assert set(isobar.isomer_set) == {"Isobar", "Twin"}


def _fields(spectrum: MassSpectrum) -> dict[str, object]:
    names = ("name", "technique", "mz", "intensity", "collision_energy")
    return {name: getattr(spectrum, name) for name in names}


def test_spectra_of_one_sample_are_neighbours_of_one_name_each_at_its_voltage() -> None:
    """Another sample, another technique, no voltage, or a voltage for the second time begin anew."""
    one = _sample(First=1.0)
    other = [_spectrum({"First": 1.0}, 30, name="exhibit 5_30V")]
    ei = MassSpectrum(name="exhibit 5", technique=Technique.EI_MS, mz=[50.0], intensity=[1.0])
    silent = MassSpectrum(name="exhibit 5", technique=Technique.DART_MS, mz=[50.0], intensity=[1.0])
    groups = list(samples([*one, *other, ei, silent, silent, *one[:2], one[1], one[2]]))
    assert [len(group) for group in groups] == [3, 1, 1, 1, 1, 2, 2]
    assert [spectrum for group in groups for spectrum in group] == [*one, *other, ei, silent, silent, *one[:2], one[1], one[2]]


def test_two_spectra_of_one_voltage_are_refused(library: Library) -> None:
    """One sentence instead of an arbitrary choice."""
    one = _sample(First=1.0)
    with pytest.raises(InputError, match="voltage of their own"):
        identify_voltages([one[0], one[0]], Libraries((library,)))


def _msp(spectra: list[MassSpectrum]) -> str:
    blocks = []
    for spectrum in spectra:
        fields = [f"Name: {spectrum.name}", "Instrument_type: DART-TOF is-CID", f"Collision_energy: {spectrum.collision_energy}"]
        if spectrum.label.formula:
            fields.append(f"Formula: {spectrum.label.formula}")
        peaks = [f"{mz:.5f} {height:.3f}" for mz, height in zip(spectrum.mz, spectrum.intensity, strict=True)]
        blocks.append("\n".join([*fields, f"Num Peaks: {len(peaks)}", *peaks]))
    return "\n\n".join(blocks) + "\n"


def test_the_command_judges_a_file_together_and_the_record_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One output object a spectrum, and the same bytes from the record."""
    monkeypatch.setenv("NPS_IDENT_HOME", str(tmp_path / "home"))
    query, reference = tmp_path / "query.msp", tmp_path / "reference.msp"
    query.write_text(_msp(_sample(First=0.5, Isobar=0.5)), encoding="utf-8")
    reference.write_text(_msp(_references()), encoding="utf-8")
    assert main(["identify", str(query), "--library", str(reference), "--no-starter", "--format", "jsonl"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["query"]["id"] for answer in answers] == [f"exhibit 4_{voltage}V" for voltage in VOLTAGES]
    assert all({part["name"] for part in answer["components"]} == {"First", "Isobar"} for answer in answers)
    for answer in answers:
        assert main(["ledger", "replay", answer["record"]]) == 0


@pytest.mark.realdata
def test_the_measured_mixtures_show_exactly_their_substances(realdata: Path) -> None:
    """Six mixtures of two to four substances, two of them isobars, at three voltages each; and each reference alone is none."""
    import csv

    from nps_ident.io import read_spectra
    from nps_ident.library import open_library

    with (realdata / "dart" / "mixtures_truth.csv").open(encoding="utf-8", newline="") as lines:
        truth = {row["id"]: set(row["ik14"].split("|")) for row in csv.DictReader(lines)}
    libraries = open_library(str(realdata / "dart" / "reference_4.msp"), starter=False)
    found = [answer for group in samples(read_spectra(realdata / "dart" / "mixtures.msp")) for answer in identify_voltages(group, libraries)]
    assert {answer.spectrum.name: {part.substance.skeleton for part in answer.components or ()} for answer in found} == truth
    for group in samples(read_spectra(realdata / "dart" / "reference_4.msp")):
        assert all(answer.verdict is not Verdict.MIXTURE for answer in identify_voltages(group, libraries))
