"""Whether two spectra may be of one substance: the comparison, and the file of measured variability."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_up import ei_references, measured, msms_references

from nps_ident.confidence.coefficients import content_hash
from nps_ident.confidence.replicates import SHIPPED, Firsts, agreement, read_variability, same_precursor
from nps_ident.errors import CalibrationError
from nps_ident.model import MassSpectrum, Polarity, Technique

if TYPE_CHECKING:
    from pathlib import Path


def _ei(*peaks: tuple[float, float]) -> MassSpectrum:
    mz, intensity = zip(*peaks, strict=True)
    return MassSpectrum(name="by hand", technique=Technique.EI_MS, mz=mz, intensity=intensity)


@pytest.mark.parametrize("references", [ei_references, msms_references])
def test_agreement_is_one_with_itself_and_the_same_both_ways(references: Any) -> None:
    one, other = measured(references()[5], seed=1), measured(references()[5], seed=2)
    assert agreement(one, one) == pytest.approx(1.0, abs=1e-3)
    assert agreement(one, other) == agreement(other, one)
    assert 0.5 < agreement(one, other) < 1.0


def test_spectra_without_a_common_peak_do_not_agree() -> None:
    assert agreement(_ei((50, 1), (60, 2), (70, 3)), _ei((51, 1), (61, 2), (71, 3))) == 0.0


def test_a_scan_that_began_higher_is_not_held_against_it_but_a_missing_heavy_ion_is() -> None:
    whole, begun_later = _ei((40, 500), (60, 999), (70, 300), (80, 200)), _ei((60, 999), (70, 300), (80, 200))
    assert agreement(whole, begun_later) == agreement(begun_later, whole) == 1.0
    lacking = _ei((40, 500), (60, 999), (70, 300))
    assert agreement(whole, lacking) == agreement(lacking, whole) < 0.95


@pytest.mark.parametrize("n_peaks", [0, 1, 2])
def test_fewer_than_three_peaks_agree_with_nothing(n_peaks: int) -> None:
    few = replace(measured(ei_references()[5]), mz=np.arange(58.0, 58.0 + n_peaks), intensity=np.ones(n_peaks))
    assert agreement(few, few) == 0.0
    firsts = Firsts()
    firsts.add(few)
    assert firsts.agreements(few).tolist() == [0.0]


def test_a_precursor_is_the_same_within_what_its_decimals_allow() -> None:
    spectrum = replace(measured(msms_references()[5]), precursor_mz=300.1, precursor_decimals=4)
    near, far = replace(spectrum, precursor_mz=300.105), replace(spectrum, precursor_mz=300.12)
    assert same_precursor(spectrum, near)
    assert not same_precursor(spectrum, far)
    assert same_precursor(spectrum, replace(far, precursor_decimals=1))
    assert not same_precursor(spectrum, replace(spectrum, polarity=Polarity.NEGATIVE))
    assert not same_precursor(spectrum, replace(spectrum, precursor_mz=None))
    assert not same_precursor(replace(spectrum, precursor_mz=None), replace(spectrum, precursor_mz=None))


def test_an_instrument_of_unit_mass_is_compared_at_unit_mass() -> None:
    spectrum = measured(msms_references()[5])
    coarse = replace(spectrum, mz=np.rint(spectrum.mz), instrument_type="LC-ESI-QQQ", precursor_decimals=1)
    fine = replace(coarse, instrument_type="LC-ESI-QTOF", mz=spectrum.mz)
    assert agreement(coarse, fine) > 0.8
    assert agreement(replace(coarse, instrument_type="LC-ESI-QTOF", mz=np.rint(spectrum.mz) + 0.3333), fine) < 0.5


def test_many_are_compared_as_one_by_one() -> None:
    spectra = [measured(r, seed=i % 3) for r in (*ei_references(8), *msms_references(4)) for i in range(2)]
    firsts = Firsts()
    for spectrum in (*spectra, None):
        firsts.add(spectrum)
    for one in spectra:
        found = firsts.agreements(one)
        expected = [agreement(one, other) for other in spectra]
        for i, value in enumerate(expected):
            assert found[i] == pytest.approx(value) if value >= 0.5 else found[i] < 0.51
        assert found[-1] == 0.0


def test_the_shipped_thresholds_are_the_medians_of_their_own_measurement() -> None:
    fields = json.loads(SHIPPED.read_text(encoding="utf-8"))
    variability = read_variability()
    assert fields["quantile"] == variability.quantile == 0.5
    for technique in (Technique.EI_MS, Technique.MSMS):
        assert variability.thresholds[technique] == fields["techniques"][technique.value]["replicate_quantiles"]["0.5"]
        assert 0.0 < variability.isomers[technique] < 0.5
    assert Technique.DART_MS not in variability.thresholds, "nothing was measured for it, and nothing is merged"


@pytest.mark.parametrize("change", [{"quantile": 0.1}, {"techniques": {}}, {"schema": "other/1"}, {"sha256": "0" * 64}])
def test_an_altered_file_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    place = tmp_path / "replicates.json"
    place.write_text(json.dumps(json.loads(SHIPPED.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(CalibrationError):
        read_variability(place)


def test_a_file_of_another_form_is_one_sentence(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"schema": "nps-ident/replicates/1", "name": "x"}
    for number, content in enumerate(["", "[]", "{", json.dumps({**fields, "sha256": content_hash(fields)})]):
        place = tmp_path / f"{number}.json"
        place.write_text(content, encoding="utf-8")
        with pytest.raises(CalibrationError, match=f"{number}.json"):
            read_variability(place)
    with pytest.raises(CalibrationError, match=r"missing\.json"):
        read_variability(tmp_path / "missing.json")
