"""Whether EI ions suit a molecule: losses, shifts and other molecules."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from nps_ident.catalogue.ei_checks import molecules_of_rows, nominal_ions, reviewed_records, strongest_ions
from nps_ident.catalogue.ei_plausibility import (
    Molecules,
    Statistics,
    impossible_losses,
    learn,
    molecules_of,
    other_margin,
    read_statistics,
    scores,
    shift_margin,
    shipped_statistics,
    statistics_rows,
)
from nps_ident.catalogue.principal_ions import EI_TABLE
from nps_ident.catalogue.store import reference_folder
from nps_ident.model import MassSpectrum

METHAMPHETAMINE = ("CNC(C)Cc1ccccc1", "C10H15N")
HEROIN = ("CC(=O)Oc1ccc2CC3N(C)CCC45C3C=CC(OC(C)=O)C4Oc1c25", "C21H23NO5")
MDMA = ("CNC(C)Cc1ccc2OCOc2c1", "C11H15NO2")
# The commonest ions of two drugs, as any textbook lists them; invented intensities.
OF_METHAMPHETAMINE = ((42, 5.0), (58, 100.0), (65, 6.0), (91, 20.0), (134, 2.0))
OF_HEROIN = ((43, 60.0), (204, 30.0), (268, 60.0), (310, 60.0), (327, 100.0), (369, 60.0))


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    return shipped_statistics()


@pytest.fixture(scope="module")
def molecules() -> Molecules:
    return molecules_of({"METHAMPHETAMIN-A": METHAMPHETAMINE, "HEROINHEROINHE-A": HEROIN, "MDMAMDMAMDMAMD-A": MDMA})


# By hand: 149 - 9 = 140 and 149 - 22 = 127 are no losses; 149 - 15 = 134 (CH3) and 149 - 58 = 91 are.
@pytest.mark.parametrize(("ions", "expected"), [(((127, 50.0), (140, 5.0)), [127, 140]), (((91, 9.0), (134, 50.0)), []), (((140, 4.0),), [])])
def test_losses_without_atoms_are_told(ions: tuple[tuple[int, float], ...], expected: list[int]) -> None:
    assert impossible_losses(ions, 149) == expected


@pytest.mark.parametrize(("key", "ions"), [("METHAMPHETAMIN-A", OF_METHAMPHETAMINE), ("HEROINHEROINHE-A", OF_HEROIN)])
def test_true_ions_are_best_as_they_stand_and_shifted_ones_are_told_the_way_back(
    key: str, ions: tuple[tuple[int, float], ...], molecules: Molecules, statistics: Statistics
) -> None:
    assert shift_margin(ions, key, molecules, statistics)[0] < 0
    for by in (-1, 1):
        margin, back = shift_margin(tuple((mz + by, percent) for mz, percent in ions), key, molecules, statistics)
        assert margin > 0
        assert back == -by


def test_ions_under_another_key_point_to_their_own(molecules: Molecules, statistics: Statistics) -> None:
    margin, key = other_margin(OF_HEROIN, "HEROINHEROINHE-A", molecules, statistics)
    assert (margin, key) == (-math.inf, "HEROINHEROINHE-A")  # the two others are too light for m/z 369
    margin, key = other_margin(OF_METHAMPHETAMINE, "HEROINHEROINHE-A", molecules, statistics)
    assert margin > 1
    assert key == "METHAMPHETAMIN-A"


def test_a_relative_with_the_same_base_peak_is_not_far_better(molecules: Molecules, statistics: Statistics) -> None:
    assert other_margin(OF_METHAMPHETAMINE, "METHAMPHETAMIN-A", molecules, statistics)[0] < 0.5


def test_an_excess_above_the_molecular_ion_counts_against_the_molecule(molecules: Molecules, statistics: Statistics) -> None:
    # Heroin has 21 carbons: M+1 may be 23 % of M, and 3 % of the base peak are allowed for rounding.
    place = molecules.place("HEROINHEROINHE-A")
    plain = scores(((369, 50.0), (370, 14.0)), molecules, statistics)[place]
    excess = scores(((369, 14.0), (370, 50.0)), molecules, statistics)[place]
    assert plain - excess > 0.9 * (50 - 0.011 * 21 * 14 - 3) / 100


def test_a_whole_spectrum_is_cut_as_the_tables_are() -> None:
    # m/z 500 at 2 % weighs more than m/z 30 at 30 %, the base peak stays at any mass, and 0.5 % is no ion.
    mz = [20.0, 30.0, *range(400, 420), 500.0, 510.0]
    whole = MassSpectrum(name="x", mz=mz, intensity=[1000.0, 300.0, *[100.0] * 20, 20.0, 5.0])
    ions = strongest_ions(whole)
    assert [place for place, _ in ions] == [20, *range(400, 420)]
    assert dict(ions)[20] == 100
    assert dict(ions)[400] == 10


def test_statistics_are_the_logarithm_of_signal_over_room() -> None:
    molecules = molecules_of({"A": ("CCO", "C2H6O")})
    learnt = learn([(((45, 100.0),), "A")], molecules)
    # The molecule less one hydrogen is the second category; m/z 40 to 46 have room for it once in seven.
    assert learnt.category[2] == pytest.approx(math.log(1.5 / (1 / 7 + 0.5)))
    assert learnt.mz[45] == pytest.approx(math.log(1.05))
    assert learnt.mz[46] == pytest.approx(math.log(0.05))
    assert learnt.loss[1 + 4] == pytest.approx(math.log(1.05))


def test_the_shipped_statistics_are_those_of_the_shipped_records() -> None:
    def rows(name: str) -> list[dict[str, str]]:
        with (reference_folder() / name).open(encoding="utf-8") as lines:
            return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))

    substances = {row["inchikey"]: row for row in rows("substances.tsv")}
    records = [(nominal_ions(row["peaks"]), row["inchikey"]) for row in rows(EI_TABLE)]
    learnt = learn(records, molecules_of_rows({key: substances[key] for _, key in records}))
    shipped = shipped_statistics()
    for name in ("category", "mz", "loss"):
        np.testing.assert_allclose(getattr(shipped, name), getattr(learnt, name), atol=6e-4)


def test_statistics_survive_being_written(statistics: Statistics) -> None:
    again = read_statistics(["\t".join(row) + "\n" for row in [("kind", "value", "log_odds"), *statistics_rows(statistics)]])
    np.testing.assert_allclose(again.mz, statistics.mz, atol=6e-4)


def test_a_reviewed_record_has_a_reason_and_still_a_limit() -> None:
    with (reference_folder() / EI_TABLE).open(encoding="utf-8") as lines:
        accessions = {line.split("\t")[0] for line in lines}
    assert set(reviewed_records()) <= accessions
    assert all(0.2 < margin < 1.5 for margin in reviewed_records().values())
