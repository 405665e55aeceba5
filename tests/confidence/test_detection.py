"""How much a spectrum could hide."""

from __future__ import annotations

import csv
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import ei_references, measured

from nps_ident.catalogue.store import open_catalogue
from nps_ident.confidence.detection import can_show_limits, greatest_share, hidden_shares, published_limit
from nps_ident.model import MassSpectrum, Technique

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library

MZ, HEIGHTS = np.array([50.0, 60.0, 70.0, 80.0]), np.array([40.0, 30.0, 20.0, 10.0])


def test_the_share_is_that_of_the_strongest_peak_that_leaves_most_room() -> None:
    # By hand: 0.40, 0.30 and 0.20 of the reference; the query has 0.2, 0.1 and 0.05 of its signal there: 0.5, 0.333 and 0.25.
    assert greatest_share({50: 20.0, 60: 10.0, 70: 5.0, 99: 65.0}, MZ, HEIGHTS) == pytest.approx(0.5)


def test_a_missing_peak_counts_as_the_smallest_one_recorded() -> None:
    # 2 of 100 where the reference has 0.4, 0.3 and 0.2: at most a tenth; nothing is ever said to be absent.
    assert greatest_share({50: 2.0, 90: 96.0, 91: 2.0}, MZ, HEIGHTS) == pytest.approx(0.02 / 0.2)


def test_where_the_scan_begins_too_high_nothing_is_said() -> None:
    assert greatest_share({65: 1.0, 90: 99.0}, MZ, HEIGHTS) == 1.0
    # Below 55 nothing was scanned: 0.30, 0.20 and 0.10 of 0.60 are left of the reference.
    assert greatest_share({55: 1.0, 90: 99.0}, MZ, HEIGHTS) == pytest.approx(0.01 / (0.1 / 0.6), rel=0.02)


def test_what_was_mixed_in_is_never_more_than_what_could_be_hidden(ei_library: Library) -> None:
    rng = np.random.default_rng(11)
    references = ei_references()
    for _ in range(60):
        first, second = rng.choice(len(references), 2, replace=False)
        share = float(rng.uniform(0.01, 0.6))
        heights = np.zeros(400)
        for number, part in ((first, 1 - share), (second, share)):
            one = references[number]
            heights[one.mz.astype(int)] += part * one.intensity / one.intensity.sum()
        mz = np.flatnonzero(heights)
        spectrum = MassSpectrum(name="mixture", technique=Technique.EI_MS, mz=mz.astype(float), intensity=heights[mz])
        skeleton = str(references[second].label.inchikey)[:14]
        found = hidden_shares(spectrum, [ei_library], skeletons=frozenset({skeleton}))
        assert found[skeleton] >= share - 0.01  # references are stored with limited precision


def test_only_ei_without_a_column_or_a_selected_precursor_says_what_is_not_there() -> None:
    spectrum = measured(ei_references()[0])
    assert can_show_limits(spectrum)
    assert not can_show_limits(measured(ei_references()[0], retention_time_s=300.0))
    assert not can_show_limits(measured(ei_references()[0], technique=Technique.MSMS, precursor_mz=200.0))
    assert published_limit("NMR") is None


def test_the_tables_of_companions_and_of_the_watch_list_name_what_the_catalogue_has() -> None:
    catalogue = open_catalogue()

    def rows(name: str) -> list[dict[str, str]]:
        with (resources.files("nps_ident.confidence") / name).open(encoding="utf-8") as lines:
            return list(csv.DictReader(lines, delimiter="\t"))

    for row in rows("claim_markers.tsv"):
        assert row["source"]
        assert len(catalogue.find_name(row["companion"])) == 1, row
        assert len(catalogue.find_name(row["claim"])) == 1, row
    classes = {entry.substance.drug_class for entry in catalogue.entries}
    assert {row["drug_class"] for row in rows("watch_list.tsv")} <= classes
    assert all(row["source"] for name in ("watch_list.tsv", "detection_limits.tsv", "molar_masses.tsv") for row in rows(name))
