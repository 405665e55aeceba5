"""The EI hybrid search: relatives are found under the right mass, the screen loses none, and MSPepSearch agrees."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import ei_references

from nps_ident.io import read_spectra
from nps_ident.library.build import build_library
from nps_ident.library.search_ei_hybrid import hybrid_cosines, hybrid_hits, screened_relatives
from nps_ident.model import MassSpectrum, SubstanceLabel, Technique
from nps_ident.similarity.hybrid import hybrid_match_factors
from nps_ident.similarity.match_factor import NominalSpectrum, PeakRuns, nominal

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library


def _unit_masses(spectrum: MassSpectrum) -> NominalSpectrum:
    return nominal(spectrum.mz, spectrum.intensity)


def _homologue(reference: MassSpectrum, shift: int = 14) -> NominalSpectrum:
    """Every second peak, from the heaviest down, carries what was added."""
    moved = np.arange(reference.n_peaks)[::-1] % 2 == 0
    order = np.argsort(reference.mz)
    return nominal(reference.mz[order] + shift * moved, reference.intensity[order])


def test_a_relative_is_first_under_the_right_mass_with_its_shift(ei_library: Library) -> None:
    reference = ei_references()[17]
    mass = float(reference.label.exact_mass or 0.0)
    hits = hybrid_hits(_homologue(reference), [ei_library], mass_da=mass + 14.016)
    assert hits[0].substance.inchikey == reference.label.inchikey
    assert hits[0].mass_shift_da == 14.0
    assert hits[0].reference_mass_da == pytest.approx(mass)
    assert hits[0].match_factor == pytest.approx(999.5, abs=3)
    assert len({hit.substance.skeleton for hit in hits}) == len(hits) == 10


def test_under_a_wrong_mass_no_relative_looks_like_one(ei_library: Library) -> None:
    reference = ei_references()[17]
    hits = hybrid_hits(_homologue(reference), [ei_library], mass_da=float(reference.label.exact_mass or 0.0) + 61)
    assert all((hit.match_factor or 0.0) < 800 for hit in hits)


def test_every_hit_has_the_match_factor_of_a_comparison_with_all(ei_library: Library) -> None:
    query = _homologue(ei_references()[3])
    mass = 281
    start = ei_library["ei.peak_start"]
    exact = np.array([ei_library.substance(row).exact_mass for row in ei_library["ei.substance"].tolist()])
    runs = PeakRuns(mz=ei_library["ei.mz"], intensity=ei_library["ei.intensity"], start=start[:-1], stop=start[1:])
    every, _ = hybrid_match_factors(query, runs, mass - np.rint(exact).astype(np.int64))
    hits = hybrid_hits(query, [ei_library], mass_da=mass, most=5)
    assert [hit.match_factor for hit in hits] == pytest.approx([every[hit.row] for hit in hits])
    assert hits[0].match_factor == pytest.approx(every.max())


def test_a_compound_left_out_is_neither_hit_nor_relative(ei_library: Library) -> None:
    reference = ei_references()[17]
    query, key = _unit_masses(reference), str(reference.label.inchikey)
    left_out = frozenset([key[:14]])
    mass = float(reference.label.exact_mass or 0.0)
    assert hybrid_hits(query, [ei_library], mass_da=mass)[0].substance.inchikey == key
    hits = hybrid_hits(query, [ei_library], mass_da=mass, left_out=left_out)
    assert key not in {hit.substance.inchikey for hit in hits}
    relatives = screened_relatives(query, [ei_library], most=50, left_out=left_out)
    assert len(relatives.row) == 25, "no made-up substance has a drug class, for which the other half is kept"
    assert key not in {ei_library.substance(int(ei_library["ei.substance"][row])).inchikey for row in relatives.row.tolist()}


def test_labelled_references_and_those_of_unknown_mass_are_passed_over(tmp_path: Path) -> None:
    peaks = {"mz": [58.0, 91.0, 134.0, 149.0], "intensity": [999.0, 200.0, 150.0, 80.0], "technique": Technique.EI_MS}
    labelled = SubstanceLabel(
        name="methamphetamine-d5", inchikey="MYWUZJCMWCOHBA-SGEUAGPISA-N", formula="C10H10D5N", exact_mass=154.15, isotope_labelled=True
    )
    massless = SubstanceLabel(name="of unknown mass")
    library = build_library(
        [MassSpectrum(name="a", label=labelled, **peaks), MassSpectrum(name="b", label=massless, **peaks)], tmp_path / "x", name="x"
    )
    query = nominal(np.array(peaks["mz"]), np.array(peaks["intensity"]))
    assert hybrid_hits(query, [library], mass_da=149) == ()
    assert not hybrid_cosines(query, library, nominal_mass=149).any()
    assert len(screened_relatives(query, [library], most=10).row) == 0


def test_a_spectrum_without_peaks_has_no_relatives(ei_library: Library) -> None:
    assert hybrid_hits(nominal(np.empty(0), np.empty(0)), [ei_library], mass_da=300) == ()


@pytest.mark.realdata
def test_the_hit_list_of_mspepsearch_comes_out_in_its_order(realdata: Path, tmp_path: Path) -> None:
    """Against SWGDRUG 3.3 alone; the reference holds 3.4 and other laboratories too, and those are passed over."""
    folder = realdata / "oracles" / "mspepsearch"
    with (folder / "hits_HS.csv").open(newline="", encoding="utf-8") as table:
        printed = [(f"SWGDRUG-{row['swgdrug_id']} (3.3", -int(row["DeltaMW"]), int(row["MF"])) for row in csv.DictReader(table)]
    references = read_spectra(realdata / "ei" / "reference.msp")
    swgdrug = [s for s in references if (s.accession or "").startswith("SWGDRUG-") and "(3.3" in (s.accession or "")]
    library = build_library(swgdrug, tmp_path / "swgdrug", name="SWGDRUG 3.3")
    (query,) = read_spectra(folder / "Query_HS.msp")
    hits = hybrid_hits(_unit_masses(query), [library], mass_da=616, most=10)
    ours = [(str(hit.library.reference(int(library["ei.reference"][hit.row]))["accession"]), hit) for hit in hits]
    assert [name.startswith(number) for (name, _), (number, _, _) in zip(ours, printed, strict=False)] == [True] * 10
    for (_, hit), (_, shift, factor) in zip(ours, printed, strict=False):
        assert hit.mass_shift_da == shift
        assert hit.match_factor == pytest.approx(factor, abs=4)


def test_drugs_are_not_crowded_out_by_a_library_of_everything(tmp_path: Path) -> None:
    """Thirty alkanes that share more with the query than the one amphetamine does; half of the places are for drug classes."""
    alkanes = [
        MassSpectrum(
            name=f"alkane {n}",
            technique=Technique.EI_MS,
            mz=[43.0, 44.0, 57.0, 65.0, 91.0],
            intensity=[300.0, 999.0, 10.0 * n + 1, 90.0, 200.0],
            label=SubstanceLabel(name=f"alkane {n}", inchikey=f"{chr(65 + n % 26) * 7}{chr(65 + n // 26) * 7}-UHFFFAOYSA-N", exact_mass=142.17),
        )
        for n in range(30)
    ]
    drug = MassSpectrum(
        name="amphetamine",
        technique=Technique.EI_MS,
        mz=[44.0, 65.0, 120.0],
        intensity=[999.0, 90.0, 60.0],
        label=SubstanceLabel(name="amphetamine", inchikey="KWTSXDURSIMDCE-UHFFFAOYSA-N", smiles="CC(N)Cc1ccccc1", exact_mass=135.1048),
    )
    library = build_library([*alkanes, drug], tmp_path / "everything", name="everything")
    query = nominal(np.array([43.0, 44.0, 65.0, 91.0]), np.array([300.0, 999.0, 90.0, 200.0]))
    relatives = screened_relatives(query, [library], most=10)
    names = [library.substance(int(library["ei.substance"][row])).name for row in relatives.row.tolist()]
    assert names[-1] == "amphetamine"
    assert len(names) == 6
    assert relatives.exact_mass[-1] == pytest.approx(135.1048)
