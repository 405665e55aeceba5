"""Promises of ``nps-ident calibrate``."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_up import ei_references, measured, msms_references, msp

from nps_ident.cli import main
from nps_ident.confidence.calibration import read_calibration, shipped_calibration
from nps_ident.confidence.examples import is_near_copy, repeats
from nps_ident.identify import identify
from nps_ident.library import Libraries
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum

N_COMPOUNDS = 32


def _replicate(number: int, laboratory: int, *, seed: int = 1) -> MassSpectrum:
    """What another laboratory measures of that substance: noise, and peaks that come and go, more in one spectrum than in another."""
    reference = ei_references(seed=seed)[number]
    rng = np.random.default_rng(1000 * laboratory + number)
    kept = rng.random(reference.n_peaks) > rng.uniform(0.0, 0.5)
    kept[:4] = True
    query = measured(reference, seed=100 * laboratory + number, noise=float(rng.uniform(0.05, 0.5)), label=reference.label)
    foreign = np.unique(rng.integers(41, 320, int(rng.integers(0, 12)))).astype(float)
    mz = np.concatenate([query.mz[kept], foreign])
    intensity = np.concatenate([query.intensity[kept], rng.uniform(20, 400, len(foreign))])
    order = np.argsort(mz, kind="stable")
    return replace(query, name=f"S{seed}-{number}-{laboratory}", mz=mz[order], intensity=intensity[order])


def _own(n_laboratories: int = 3, n_compounds: int = N_COMPOUNDS) -> list[MassSpectrum]:
    return [_replicate(number, laboratory) for number in range(n_compounds) for laboratory in range(n_laboratories)]


def _outside(n: int) -> list[MassSpectrum]:
    """Substances that the library does not hold."""
    return [_replicate(number, 0, seed=77) for number in range(n)]


def _truth(place: Path, spectra: Iterable[MassSpectrum]) -> str:
    with place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "compound", "laboratory"])
        writer.writerows([[s.name, s.label.inchikey, f"Lab {s.name[-1]}"] for s in spectra])
    return str(place)


def _file(place: Path, spectra: Iterable[MassSpectrum]) -> str:
    place.write_text(msp(spectra), encoding="utf-8")
    return str(place)


def _calibrate(out: Path, library: Library, *arguments: str) -> int:
    return main(["calibrate", *arguments, "--no-starter", "--library", str(library.folder), "--out", str(out), "--resamples", "40"])


def _content(out: Path) -> dict[str, Any]:
    content = json.loads(out.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_a_laboratory_gets_a_calibration_that_identify_takes(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    spectra = [*_own(), *_outside(20)]
    file, table = _file(tmp_path / "own.msp", spectra), _truth(tmp_path / "truth.csv", spectra)
    out = tmp_path / "my.json"
    assert _calibrate(out, ei_library, file, "--truth", table, "--format", "json") == 0
    captured = capsys.readouterr()
    assert f"nps-ident identify --calibration {out}" in captured.err
    assert "warning" not in captured.err
    calibration = read_calibration(out)
    assert (calibration.technique, calibration.kind, calibration.name) == (Technique.EI_MS, "full", "my")
    query = _replicate(60, 5)
    answer = identify(query, Libraries((ei_library,)), calibrations={(Technique.EI_MS, "full"): calibration})
    assert answer.calibration == calibration.stamp
    assert answer.best is not None
    assert answer.best.substance.inchikey == query.label.inchikey


def test_what_it_was_learnt_from_stands_in_the_file(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    spectra = [*_own(), *_outside(20)]
    file, table = _file(tmp_path / "own.msp", spectra), _truth(tmp_path / "truth.csv", spectra)
    out = tmp_path / "my.json"
    assert _calibrate(out, ei_library, file, "--truth", table, "--name", "Lab 2026") == 0
    content = _content(out)
    about = content["about"]
    assert content["name"] == "Lab 2026"
    assert (about["n_examples"], about["n_compounds"], about["n_laboratories"]) == (len(spectra), N_COMPOUNDS + 20, 3)
    assert about["compounds"] == sorted({str(s.label.inchikey)[:14] for s in spectra})
    assert f"{len(spectra)} of {len(spectra)} queries by models that had not seen their laboratory" in about["splits"]
    assert about["library"]["sha256"] == ei_library.sha256
    assert about["files"] == [{"file": "own.msp", "sha256": about["files"][0]["sha256"], "n_spectra": len(spectra)}]
    known = about["metrics"]["known"]
    assert known["n"] == 3 * N_COMPOUNDS
    assert known["rank1"]["low"] <= known["rank1"]["value"] <= known["rank1"]["high"]
    assert known["brier"]["value"] < 0.25
    assert about["metrics"]["unknown"]["n"] == 20
    assert about["metrics"]["log10_lr_bounds"]["low"] <= 0 <= about["metrics"]["log10_lr_bounds"]["high"]
    assert "mz" not in json.dumps(content), "no spectra"
    rows = {tuple(line.split()[:2]) for line in capsys.readouterr().out.splitlines()}
    assert ("known", "brier") in rows


def test_the_figures_are_of_models_that_saw_neither_compound_nor_laboratory(
    tmp_path: Path, ei_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nps_ident.identify import calibrating

    fitted: list[tuple[set[str], set[str]]] = []
    asked: list[tuple[str, str]] = []
    real_fit, real_evaluate = calibrating.fit, calibrating.evaluate

    def fit(examples: Any, **options: Any) -> Any:
        fitted.append(({e.compound for e in examples}, {e.laboratory for e in examples}))
        return real_fit(examples, **options)

    def evaluate(pairs: Any, *given: Any, **options: Any) -> Any:
        for _, truth in pairs:
            asked.append((truth.compound, truth.laboratory))
            assert truth.compound not in fitted[-1][0]
            assert truth.laboratory not in fitted[-1][1]
        return real_evaluate(pairs, *given, **options)

    monkeypatch.setattr(calibrating, "fit", fit)
    monkeypatch.setattr(calibrating, "evaluate", evaluate)
    spectra = _own()
    file, table = _file(tmp_path / "own.msp", spectra), _truth(tmp_path / "truth.csv", spectra)
    assert _calibrate(tmp_path / "my.json", ei_library, file, "--truth", table) == 0
    assert len(asked) == len(spectra)
    assert len(fitted) == 5 * 3 + 1, "five parts of compounds by three laboratories, and the whole"


def test_one_laboratory_and_nothing_outside_the_library_are_warned_of(
    tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _file(tmp_path / "own.msp", _own())
    assert _calibrate(tmp_path / "my.json", ei_library, file) == 0
    err = capsys.readouterr().err
    assert "one laboratory" in err
    assert "0 compounds are not in the library" in err
    assert len(_content(tmp_path / "my.json")["about"]["limits"]) == 2


def test_a_laboratory_without_which_too_few_are_left_is_named(
    tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    spectra = [*(_replicate(n, lab) for n in range(N_COMPOUNDS) for lab in range(3)), *_outside(20)]
    rows = [replace(s, name=f"{s.name}-{0 if n >= 20 else 1}") for n, s in enumerate(spectra)]
    file, table = _file(tmp_path / "own.msp", rows), _truth(tmp_path / "truth.csv", rows)
    assert _calibrate(tmp_path / "my.json", ei_library, file, "--truth", table) == 0
    n_large = len(rows) - 20
    assert f"{n_large} of {len(rows)} replicates were judged by models that had seen their laboratory (Lab 0)" in capsys.readouterr().err
    assert f"20 of {len(rows)} queries by models that had not seen" in _content(tmp_path / "my.json")["about"]["splits"]


def test_too_few_compounds_or_replicates_are_refused_with_the_minimum_and_why(
    tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    one_compound = [replace(_replicate(3, laboratory), name=f"{laboratory}") for laboratory in range(100)]
    cases = ((_own(3, 29), "87 replicates of 29 compounds"), (_own(1), f"{N_COMPOUNDS} replicates"), (one_compound, "of 1 compounds"))
    for spectra, found in cases:
        assert _calibrate(tmp_path / "my.json", ei_library, _file(tmp_path / "own.msp", spectra)) == 1
        err = capsys.readouterr().err
        assert found in err
        assert "needs 70 of 30 compounds, 10 for each coefficient of the larger model and six compounds for each of 5 parts" in err
        assert not (tmp_path / "my.json").exists()


def test_copies_of_the_library_teach_nothing(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    copies = [replace(reference, name=f"copy {n}") for n, reference in enumerate(ei_references())]
    assert _calibrate(tmp_path / "my.json", ei_library, _file(tmp_path / "own.msp", copies)) == 1
    assert "0 replicates of 0 compounds" in (err := capsys.readouterr().err)
    assert "240 more are near-copies" in err


def test_a_measurement_given_twice_counts_once(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    spectra = _own()
    twice = [*spectra, *(replace(s, name=f"again {s.name}") for s in spectra[:7])]
    assert _calibrate(tmp_path / "my.json", ei_library, _file(tmp_path / "own.msp", twice)) == 0
    assert "7 replicates were left out" in capsys.readouterr().err
    assert _content(tmp_path / "my.json")["about"]["n_examples"] == len(spectra)


def test_the_prior_is_the_user_s_and_all_else_that_is_chosen_is_as_shipped(tmp_path: Path, ei_library: Library) -> None:
    file = _file(tmp_path / "own.msp", _own())
    assert _calibrate(tmp_path / "my.json", ei_library, file, "--prior", "0.7") == 0
    own, shipped = read_calibration(tmp_path / "my.json"), shipped_calibration(Technique.EI_MS, "full")
    assert shipped is not None
    assert own.prior_in_library == 0.7
    assert (own.match_cut, own.set_cut, own.smallest_library) == (shipped.match_cut, shipped.set_cut, shipped.smallest_library)


@pytest.mark.parametrize("prior", ["0", "1", "nan", "x", "-0.5"])
def test_a_prior_that_is_no_share_is_wrong_usage(prior: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["calibrate", "own.msp", "--out", "my.json", f"--prior={prior}"])
    assert caught.value.code == 2
    assert "between 0 and 1" in capsys.readouterr().err


def test_two_techniques_a_small_library_and_missing_truth_are_refused_in_words(
    tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    from nps_ident.library.build import build_library

    out = tmp_path / "my.json"
    msms = [measured(reference, label=reference.label, name=f"M{n}") for n, reference in enumerate(msms_references()[:3])]
    assert _calibrate(out, ei_library, _file(tmp_path / "both.msp", [*_own(1, 3), *msms])) == 1
    assert "several techniques (3 EI-MS, 3 MS/MS)" in capsys.readouterr().err
    small = build_library(ei_references()[:60], tmp_path / "small", name="small")
    assert _calibrate(out, small, _file(tmp_path / "own.msp", _own())) == 1
    assert "holds 60 substances by EI-MS; a calibration needs a library of at least 200" in capsys.readouterr().err
    bare = [replace(s, label=type(s.label)()) for s in _own(1, 4)]
    assert _calibrate(out, ei_library, _file(tmp_path / "bare.msp", bare)) == 1
    assert "None of 4 queries has a known identity" in capsys.readouterr().err
    nan = [replace(s, intensity=np.full(s.n_peaks, math.nan)) for s in _own(1, 4)]
    assert _calibrate(out, ei_library, _file(tmp_path / "nan.msp", nan)) == 1
    assert capsys.readouterr().err
    assert not out.exists()


def test_a_calibration_is_never_written_over(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "my.json"
    out.write_text("mine", encoding="utf-8")
    assert _calibrate(out, ei_library, _file(tmp_path / "own.msp", _own(1, 3))) == 1
    assert "not written over" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "mine"


def test_a_near_copy_needs_a_score_and_enough_peaks() -> None:
    assert is_near_copy(0.9996, 5)
    assert not is_near_copy(0.9990, 50)
    assert not is_near_copy(1.0, 4), "few peaks agree by chance"


def test_repeats_are_found_whatever_they_are_called_and_however_they_are_scaled() -> None:
    one, other = _replicate(1, 1), _replicate(2, 1)
    scaled = replace(one, name="scaled", intensity=one.intensity * 7)
    assert repeats([one, other, scaled, one]) == {2, 3}
    assert repeats([one, other]) == frozenset()
