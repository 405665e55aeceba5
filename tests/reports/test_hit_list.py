"""The hit list."""

from __future__ import annotations

import csv
from io import StringIO

from nps_ident.reports.hit_list import COLUMNS, hit_table, hit_table_csv

from .answers import answer


def test_the_columns_begin_as_in_nist_ms_search() -> None:
    assert COLUMNS[:8] == ("#", "Match", "R.Match", "Prob(%)", "Name", "Formula", "MW", "CAS")


def test_a_candidate_is_one_row_with_its_evidence() -> None:
    first = hit_table(answer())[0]
    assert tuple(first) == COLUMNS
    assert first == {
        "#": 1, "Match": 927, "R.Match": 941, "Prob(%)": 62.0, "Name": "Fentanyl", "Formula": "C22H28N2O", "MW": 336, "CAS": "437-38-7",
        "Class": "fentanyl", "InChIKey": "PJMPHNIQZUBGLI-UHFFFAOYSA-N", "Score": 0.9279, "log10 LR": 2.1, "Library": "starter",
        "Reference": "SWGDRUG-3919",
    }  # fmt: skip


def test_what_is_not_known_stays_empty_and_is_never_0() -> None:
    second = hit_table(answer())[1]
    assert [second[c] for c in ("Match", "R.Match", "Prob(%)", "MW", "CAS", "InChIKey", "log10 LR")] == [None] * 7
    assert second["#"] == 2


def test_no_candidates_are_no_rows_but_still_a_heading() -> None:
    nothing = answer(with_candidates=False)
    assert hit_table(nothing) == []
    assert hit_table_csv(nothing) == ",".join(COLUMNS) + "\n"


def test_csv_reads_back_and_runs_no_formula() -> None:
    rows = list(csv.DictReader(StringIO(hit_table_csv(answer()))))
    assert rows[0]["Name"] == "Fentanyl"
    assert rows[0]["log10 LR"] == "2.1"
    assert rows[1]["Name"] == "'=cmd|alpha-Methylacetylfentanyl"
