"""Spectra made for the tests of the measures: by hand, and by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from nps_ident.model import MassSpectrum


def spectrum(peaks: list[tuple[float, float]], *, precursor_mz: float | None = None, name: str = "made up") -> MassSpectrum:
    return MassSpectrum(name=name, mz=[mz for mz, _ in peaks], intensity=[i for _, i in peaks], precursor_mz=precursor_mz)


intensities = st.integers(min_value=1, max_value=999_000).map(float)
# Masses on a grid of 1/64 Da: exact in binary, so that windows have no rounding of their own.
masses = st.integers(min_value=40 * 64, max_value=120 * 64).map(lambda step: step / 64)
unit_masses = st.integers(min_value=30, max_value=80).map(float)


def peak_lists(mz: st.SearchStrategy[float], *, min_size: int = 0, max_size: int = 12) -> st.SearchStrategy[list[tuple[float, float]]]:
    return st.lists(st.tuples(mz, intensities), min_size=min_size, max_size=max_size, unique_by=lambda peak: peak[0])
