"""Promises of what is checked before a spectrum becomes a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proposed import BUTYRYLFENTANYL, check, spectrum

from nps_ident.errors import CatalogueError
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique

if TYPE_CHECKING:
    from nps_ident.catalogue.store import Catalogue


def test_an_ei_spectrum_within_the_molecule_is_accepted(known: Catalogue) -> None:
    own = spectrum((146, 500), (202, 300), (259, 999), (350, 10))
    assert check(known, BUTYRYLFENTANYL, spectra=[own]).spectra == (own,)


def test_unsorted_peaks_are_prepared_and_that_is_said(known: Catalogue) -> None:
    [checked] = check(known, BUTYRYLFENTANYL, spectra=[spectrum((259, 999), (146, 500), (202, float("nan")), (105, 7))]).spectra
    assert checked.mz.tolist() == [105, 146, 259]
    assert len(checked.findings) == 2


def test_an_ei_spectrum_with_a_strong_peak_above_the_molecule_is_refused(known: Catalogue) -> None:
    with pytest.raises(CatalogueError, match=r"own\.msp #0: a peak of 30% stands at m/z 412"):
        check(known, BUTYRYLFENTANYL, spectra=[spectrum((259, 1000), (202, 300), (146, 500), (412, 300))])


def test_an_ei_spectrum_with_background_above_the_molecule_is_flagged(known: Catalogue) -> None:
    [checked] = check(known, BUTYRYLFENTANYL, spectra=[spectrum((146, 500), (202, 300), (259, 1000), (429, 20))]).spectra
    assert [finding.code for finding in checked.findings] == ["REG-201"]


def test_an_ei_spectrum_on_a_shifted_axis_is_flagged_with_the_way_back(known: Catalogue) -> None:
    # The fragments of butyrylfentanyl as fentanyl's, 14 higher where they hold the acyl group: 259 = M - 91, 203, 189, 146, 105.
    true = [(105, 40), (146, 95), (189, 50), (216, 20), (259, 1000)]
    [checked] = check(known, BUTYRYLFENTANYL, spectra=[spectrum(*true)]).spectra
    assert checked.findings == ()
    for by in (-1, 1):
        [checked] = check(known, BUTYRYLFENTANYL, spectra=[spectrum(*((mz + by, intensity) for mz, intensity in true))]).spectra
        assert [finding.code for finding in checked.findings] == ["REG-205"]
        assert f"{-by:+d} mass unit" in checked.findings[0].text


# [M+H]+ by hand: 350.235814 + 1.00782503 - 0.00054858 = 351.243090; [M+2H]2+: (350.235814 + 2 x 1.00727645) / 2 = 176.125183.
@pytest.mark.parametrize(
    ("precursor", "decimals", "adduct"),
    [(351.2431, 4, "[M+H]+"), (351.2, 1, "[M+H]+"), (351.0, 0, None), (373.2250, 4, None), (176.1, 1, None)],
)
def test_a_precursor_that_fits_the_molecule_is_accepted(known: Catalogue, precursor: float, decimals: int, adduct: str | None) -> None:
    own = spectrum(
        (188.1, 999), (105.1, 500), (84.1, 100),
        technique=Technique.MSMS, precursor_mz=precursor, precursor_decimals=decimals, adduct=adduct, polarity=Polarity.POSITIVE,
    )  # fmt: skip
    [checked] = check(known, BUTYRYLFENTANYL, spectra=[own]).spectra
    assert checked.adduct
    assert ("REG-203" in [finding.code for finding in checked.findings]) is (adduct is None)


@pytest.mark.parametrize(
    ("precursor", "decimals", "adduct"),
    [(337.2274, 4, "[M+H]+"), (351.2531, 4, "[M+H]+"), (337.2, 1, None), (351.2431, 4, "[M+Na]+"), (351.2431, 4, "rubbish")],
)
def test_a_precursor_of_another_mass_is_refused(known: Catalogue, precursor: float, decimals: int, adduct: str | None) -> None:
    own = spectrum(
        (188.1, 999), (105.1, 500), (84.1, 100),
        technique=Technique.MSMS, precursor_mz=precursor, precursor_decimals=decimals, adduct=adduct,
    )  # fmt: skip
    with pytest.raises(CatalogueError, match=r"own\.msp #0"):
        check(known, BUTYRYLFENTANYL, spectra=[own])


@pytest.mark.parametrize(
    "own",
    [
        spectrum((50, 1), (60, 2)),
        spectrum(),
        spectrum((50.12, 1), (60.12, 2), (70.12, 3), technique=None),
        spectrum((50, 1), (60, 2), (70, 3), label=SubstanceLabel(inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N")),
    ],
)
def test_a_spectrum_too_poor_or_of_another_label_or_of_no_technique_is_refused(known: Catalogue, own: MassSpectrum) -> None:
    with pytest.raises(CatalogueError):
        check(known, BUTYRYLFENTANYL, spectra=[own])


def test_a_dart_spectrum_without_the_protonated_molecule_is_flagged(known: Catalogue) -> None:
    without = spectrum((84.08, 100), (105.07, 500), (188.143, 999), technique=Technique.DART_MS)
    with_it = spectrum((105.07, 500), (188.143, 999), (351.2431, 100), technique=Technique.DART_MS)
    checked = check(known, BUTYRYLFENTANYL, spectra=[without, with_it]).spectra
    assert [[finding.code for finding in each.findings] for each in checked] == [["REG-204"], []]
