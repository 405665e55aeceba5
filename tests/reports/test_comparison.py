"""Two spectra side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nps_ident.model import SubstanceLabel, Technique
from nps_ident.reports.comparison import mass_shift_da, scores_of, shared_peaks

from .answers import ei, msms


def _names(*args: object) -> list[str]:
    return [score.name for score in scores_of(*args)]  # type: ignore[arg-type]


def test_ei_spectra_get_match_factors_and_no_entropy() -> None:
    assert _names(ei(), ei()) == [
        "match factor (identity)",
        "reverse match factor (identity)",
        "match factor (similarity)",
        "reverse match factor (similarity)",
    ]


def test_identity_is_written_999_and_1() -> None:
    assert {str(score) for score in scores_of(ei(), ei())} == {"999"}
    assert {str(score) for score in scores_of(msms("a"), msms("b"))} == {"1.000"}


def test_the_hybrid_match_factor_needs_both_masses() -> None:
    homologue = replace(ei(), label=SubstanceLabel(formula="C23H30N2O"))
    assert _names(homologue, ei())[-1] == "hybrid match factor (shift +14 Da)"
    assert "hybrid" not in " ".join(_names(replace(ei(), label=SubstanceLabel()), ei()))


def test_precursors_that_differ_add_the_modified_measures() -> None:
    assert _names(msms("a"), msms("b")) == ["spectral entropy similarity", "cosine"]
    assert _names(msms("a", 14.0157), msms("b"))[2:] == ["modified cosine", "hybrid entropy similarity"]


def test_unit_mass_fragments_are_compared_at_unit_mass() -> None:
    coarse = replace(msms("trap"), mz=[105.1, 132.1, 188.1, 216.1])
    assert shared_peaks(coarse, msms("qtof")).basis == "at unit mass"
    scores = {score.name: score.value for score in scores_of(coarse, msms("qtof"))}
    assert scores["spectral entropy similarity"] == pytest.approx(1.0)


def test_ei_against_ms_ms_is_compared_at_unit_mass_only() -> None:
    assert all("match factor" in name for name in _names(ei(), replace(msms("a"), technique=Technique.MSMS)))


def test_the_shift_comes_from_masses_before_precursors_and_is_never_guessed() -> None:
    assert mass_shift_da(msms("a", 14.0157), msms("b")) == pytest.approx(14.0157)
    assert mass_shift_da(ei(), replace(ei(), label=SubstanceLabel(exact_mass=322.2045))) == pytest.approx(336.2202 - 322.2045, abs=1e-3)
    assert mass_shift_da(ei(), replace(ei(), label=SubstanceLabel(formula="no formula"))) is None
