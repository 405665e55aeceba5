"""Retention indices from an n-alkane ladder, and ladders that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runs_with_truth import FIRST, run_of

from nps_ident.errors import InputError
from nps_ident.io import read_alkane_ladder
from nps_ident.model import AlkaneLadder
from nps_ident.spectra.retention_index import refuse_foreign_ladder, retention_index

if TYPE_CHECKING:
    from pathlib import Path


def ladder(folder: Path, text: str) -> AlkaneLadder:
    path = folder / "alkanes.csv"
    path.write_text(text, encoding="utf-8")
    return read_alkane_ladder(path)


def test_the_index_is_linear_between_neighbours() -> None:
    """By hand: a third of the way from C12 at 300 s to C14 at 360 s is 1200 + 200/3."""
    given = AlkaneLadder(name="l", carbon_numbers=(10, 12, 14), times_s=(240.0, 300.0, 360.0))
    assert retention_index(300.0, given) == pytest.approx(1200.0)
    assert retention_index(320.0, given) == pytest.approx(1200.0 + 200.0 / 3.0)
    assert retention_index(240.0, given) == pytest.approx(1000.0)
    assert retention_index(239.9, given) is None
    assert retention_index(360.1, given) is None


@pytest.mark.parametrize(
    "text",
    [
        "carbon_number,retention_time_s\n10,240\n11,300\n12,363.5\n",
        "carbon_number;retention_time_min\n10;4,0\n11;5,0\n12;6,0583333333\n",
        "# HP-5MS, 10 K/min\ncarbon_number\tremark\tretention_time_min\n10\tok\t4\n11\tok\t5\n12\tok\t6.0583333333\n",
    ],
)
def test_a_table_in_either_unit_is_read(text: str, tmp_path: Path) -> None:
    found = ladder(tmp_path, text)
    assert found.carbon_numbers == (10, 11, 12)
    assert found.times_s == pytest.approx((240.0, 300.0, 363.5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("carbon_number,time\n10,240\n", "the unit is never guessed"),
        ("carbon_number,retention_time_s,retention_time_min\n10,240,4\n", "the unit is never guessed"),
        ("n,retention_time_s\n10,240\n11,300\n", "carbon_number"),
        ("carbon_number,retention_time_s\n10,240\n", "two at least"),
        ("carbon_number,retention_time_s\n10,240\n11,x\n", r":3: the row '11,x'"),
        ("carbon_number,retention_time_s\n10,240\n11\n", ":3: 1 cells; expected 2"),
        ("carbon_number,retention_time_s\n10.5,240\n11,300\n", ":2: the row"),
        ("carbon_number,retention_time_s\n10,240\n10,300\n", "C10 behind C10"),
        ("carbon_number,retention_time_s\n10,240\n11,230\n", "C11 at 230.00 s and C10 at 240.00 s"),
        ("carbon_number,retention_time_s\n0,240\n11,300\n", "0 to 11 carbons"),
        ("carbon_number,retention_time_s\n10,nan\n11,300\n", ":2: the row"),
        ("carbon_number,retention_time_s\n10,240\n11,300\n13,360\n14,420\n", "is an alkane misnamed"),
        ("carbon_number,retention_time_s\n10,240\n11,300\n12,800\n", "is an alkane misnamed"),
        ("", "empty"),
        ("# only a remark\n", "no table"),
    ],
)
def test_a_wrong_ladder_is_refused_in_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as caught:
        ladder(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_an_isothermal_ladder_is_a_ladder(tmp_path: Path) -> None:
    """Adjusted times that grow by 1.6 a carbon, as at a constant temperature."""
    rows = "".join(f"{n},{60.0 + 10.0 * 1.6 ** (n - 10):.2f}\n" for n in range(10, 17))
    assert len(ladder(tmp_path, f"carbon_number,retention_time_s\n{rows}").times_s) == 7


def test_a_ladder_of_another_method_is_refused() -> None:
    run = run_of([(100.0, 50000.0, FIRST)])
    with pytest.raises(InputError, match=r"1 of its alkanes \(150.0 to 900.0 s\) elute within run \(60.0 to"):
        refuse_foreign_ladder(AlkaneLadder(name="l", carbon_numbers=(10, 11, 12), times_s=(150.0, 500.0, 900.0)), run)
    refuse_foreign_ladder(AlkaneLadder(name="l", carbon_numbers=(10, 11), times_s=(80.0, 120.0)), run)
