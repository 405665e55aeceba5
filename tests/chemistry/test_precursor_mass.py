"""The mass behind a precursor: by hand, and never surer than the file."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from nps_ident.chemistry.formula import exact_mass
from nps_ident.chemistry.precursor_mass import LIKELY_ADDUCTS, neutral_mass_of
from nps_ident.io import read_spectra
from nps_ident.model import MassSpectrum, Polarity
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

FENTANYL_MH = 337.22744  # C22H28N2O 336.22016 and a proton of 1.00728


def _precursor(**fields: object) -> MassSpectrum:
    return MassSpectrum(**{"name": "q", "mz": [100.0], "intensity": [1.0], "precursor_mz": FENTANYL_MH, **fields})  # type: ignore[arg-type]


def test_a_stated_adduct_is_believed() -> None:
    found = neutral_mass_of(_precursor(adduct="[M+H]+", precursor_decimals=4))
    assert found.mass_da == pytest.approx(exact_mass("C22H28N2O"), abs=1e-4)
    assert (found.stated, found.probability, found.alternatives, found.why) == (True, 1.0, (), "")


@pytest.mark.parametrize("adduct", [None, "unknown", "M+H"])
def test_an_adduct_that_is_not_stated_is_assumed_and_said(adduct: str | None) -> None:
    found = neutral_mass_of(_precursor(adduct=adduct, polarity=Polarity.POSITIVE))
    assert found.mass_da == pytest.approx(exact_mass("C22H28N2O"), abs=1e-4)
    assert not found.stated
    assert found.probability == 0.936
    assert "[M+H]+ was taken" in found.why
    assert dict(found.alternatives)["[M+Na]+"] == pytest.approx(FENTANYL_MH - 22.98977 + 0.00055, abs=1e-4)


def test_a_negative_ion_has_lost_a_proton() -> None:
    found = neutral_mass_of(_precursor(precursor_mz=100.0, polarity=Polarity.NEGATIVE))
    assert found.mass_da == pytest.approx(101.00728, abs=1e-5)


def test_without_a_polarity_half_the_certainty_is_gone_and_both_are_given() -> None:
    found = neutral_mass_of(_precursor())
    assert found.probability == pytest.approx(0.468)
    assert "no polarity" in found.why
    assert found.alternatives[0][0] == "[M-H]-"


def test_without_a_precursor_there_is_no_mass_and_a_reason() -> None:
    found = neutral_mass_of(_precursor(precursor_mz=None))
    assert found.mass_da is None
    assert "no precursor" in found.why


@pytest.mark.parametrize(("decimals", "half_width"), [(0, 0.5), (1, 0.05), (2, 0.005), (4, 0.001), (None, 0.001)])
def test_a_mass_is_no_finer_than_the_decimals_of_its_precursor(decimals: int | None, half_width: float) -> None:
    assert neutral_mass_of(_precursor(precursor_decimals=decimals)).half_width_da == pytest.approx(half_width)


def test_shares_of_adducts_are_shares() -> None:
    for listed in LIKELY_ADDUCTS.values():
        shares = [share for _, share in listed]
        assert shares == sorted(shares, reverse=True)
        assert 0.9 < sum(shares) <= 1.0


@pytest.mark.realdata
def test_the_mass_of_every_real_unknown_is_right_as_far_as_its_precursor_is(realdata: Path) -> None:
    with (realdata / "msms" / "unknowns_dev_truth.csv").open(newline="", encoding="utf-8") as table:
        truth = {row["id"]: float(row["exact_mass"]) for row in csv.DictReader(table)}
    found = {s.name: (neutral_mass_of(prepare(s)), s) for s in read_spectra(realdata / "msms" / "unknowns_dev.msp")}
    assert found.keys() == truth.keys()
    for name, (mass, spectrum) in found.items():
        allowed = 0.02 if (spectrum.precursor_decimals or 0) >= 3 else 0.6
        assert mass.mass_da == pytest.approx(truth[name], abs=allowed), name
