"""``catalogue check``: the shipped data pass, and one planted error of each kind is found."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nps_ident.catalogue.checks import check_reference_data, highest_ion, is_cas
from nps_ident.catalogue.rules import RULES
from nps_ident.catalogue.store import reference_folder
from nps_ident.errors import CatalogueError
from nps_ident.model import Severity

Change = Callable[[Path, str, str, Callable[[str], str]], None]

HEROIN_KEY, METHAMPHETAMINE_KEY = "GVGLGOZIDCSQPN-PVHGPHFFSA-N", "MYWUZJCMWCOHBA-UHFFFAOYSA-N"
FENTANYL_KEY = "PJMPHNIQZUBGLI-UHFFFAOYSA-N"
EI, MSMS, FRAGMENTS, SUBSTANCES = "ei_principal_ions.tsv", "msms_principal_ions.tsv", "fragment_lists.tsv", "substances.tsv"


def but_last(peaks: str) -> str:
    """The ions of a record without the last, to make room for a planted one."""
    return peaks.rpartition(" ")[0]


def shifted(peaks: str, by: int) -> str:
    """The ions of an EI record, every one so many mass units higher."""
    return " ".join(f"{int(mz) + by}:{percent}" for mz, _, percent in (part.partition(":") for part in peaks.split(" ")))


def codes(folder: Path) -> set[str]:
    return {problem.rule.code for problem in check_reference_data(folder)}


def test_the_data_that_ship_hold_every_rule() -> None:
    assert [problem.to_dict() for problem in check_reference_data(reference_folder())] == []


def test_a_faultless_copy_has_no_problem(small_copy: Path) -> None:
    assert codes(small_copy) == set()


# Each line: table, a cell of the row, column, what is done to the cell, the rule that must see it.  Expected values by hand: the formula of
# MDMB-4en-PINACA with one CH2 too many is the error of a public list; 357.2052 is its mass (sc naming sheet of the EMCDDA framework).
PLANTED = [
    (SUBSTANCES, "MDMB-4en-PINACA", "formula", lambda old: "C21H29N3O3", {"CAT-105", "CAT-106"}),
    (SUBSTANCES, "MDMB-4en-PINACA", "exact_mass", lambda old: "371.22089", {"CAT-106"}),
    (SUBSTANCES, "MDMB-4en-PINACA", "exact_mass", lambda old: "nan", {"CAT-106"}),
    (SUBSTANCES, "MDMB-4en-PINACA", "smiles", lambda old: old.replace("C=C", "CC", 1), {"CAT-104", "CAT-105"}),
    (SUBSTANCES, "Ketamine", "inchikey", lambda old: "JTJMJGYZQZDUJJ-UHFFFAOYSA-N", {"CAT-104", "CAT-201", "CAT-301"}),
    (SUBSTANCES, "Ketamine", "inchikey", lambda old: HEROIN_KEY, {"CAT-102", "CAT-104", "CAT-201", "CAT-205", "CAT-206", "CAT-212", "CAT-301"}),
    (SUBSTANCES, "Fentanyl", "cas", lambda old: "437-38-8", {"CAT-107"}),
    (SUBSTANCES, "Fentanyl", "cas", lambda old: "437-387", {"CAT-107"}),
    (SUBSTANCES, "Fentanyl", "cas", lambda old: "561-27-3", {"CAT-113"}),
    (SUBSTANCES, "Fentanyl", "drug_class", lambda old: "fentanil", {"CAT-108"}),
    (SUBSTANCES, "Fentanyl", "drug_class", lambda old: "nitazene", {"CAT-109"}),
    (SUBSTANCES, "Fentanyl", "drug_class", lambda old: "", {"CAT-109"}),
    (SUBSTANCES, "Caffeine", "drug_class", lambda old: "fentanyl", {"CAT-109"}),
    (SUBSTANCES, "Caffeine", "group", lambda old: "adulterant", {"CAT-110"}),
    (SUBSTANCES, "Caffeine", "sources", lambda old: "one list", {"CAT-111"}),
    (SUBSTANCES, "Caffeine", "sources", lambda old: "check: formula | check: mass", {"CAT-111"}),
    (SUBSTANCES, "Caffeine", "licence", lambda old: "CC BY-NC-SA 4.0", {"CAT-112"}),
    (SUBSTANCES, "Caffeine", "licence", lambda old: "", {"CAT-112"}),
    (SUBSTANCES, "Caffeine", "smiles", lambda old: "Cn1c(=O)c2c(ncn2C", {"CAT-103"}),
    (SUBSTANCES, "Caffeine", "smiles", lambda old: "", {"CAT-103"}),
    (SUBSTANCES, "Methamphetamine", "smiles", lambda old: "CNC(C)Cc1ccccc1.Cl", {"CAT-104"}),
    (SUBSTANCES, "Cocaine", "synonyms", lambda old: "diacetyl morphine", {"CAT-101"}),
    (SUBSTANCES, "Cocaine", "name", lambda old: "HEROIN", {"CAT-101"}),
    (EI, HEROIN_KEY, "peaks", lambda old: f"{but_last(old)} 500:3", {"CAT-205"}),
    (EI, HEROIN_KEY, "peaks", lambda old: re.sub(r":100\b", ":99", but_last(old)) + " 480:100", {"CAT-205"}),
    (EI, HEROIN_KEY, "peaks", lambda old: re.sub(r":100\b", ":99", old), {"CAT-204"}),
    (EI, HEROIN_KEY, "peaks", lambda old: " ".join(f"{m}:{100 if m == 60 else 5}" for m in range(50, 71)), {"CAT-202"}),
    (EI, HEROIN_KEY, "peaks", lambda old: f"{but_last(old)} 371:0", {"CAT-203"}),
    (EI, HEROIN_KEY, "peaks", lambda old: f"{but_last(old)} 371:1.5", {"CAT-203"}),
    (EI, HEROIN_KEY, "peaks", lambda old: f"{but_last(old)} 371:101", {"CAT-203", "CAT-204"}),
    (EI, HEROIN_KEY, "peaks", lambda old: f"2:5 {but_last(old)}", {"CAT-211"}),
    (EI, HEROIN_KEY, "peaks", lambda old: " ".join(reversed(old.split(" "))), {"CAT-211"}),
    (EI, HEROIN_KEY, "peaks", lambda old: "no ions", {"CAT-211"}),
    (EI, HEROIN_KEY, "peaks", lambda old: f"nan:5 {but_last(old)}", {"CAT-211"}),
    (EI, HEROIN_KEY, "licence", lambda old: "CC BY-NC-SA", {"CAT-208"}),
    (EI, HEROIN_KEY, "licence", lambda old: "CC BY-SA", {"CAT-208"}),
    (EI, HEROIN_KEY, "contributor", lambda old: "Cayman", {"CAT-209"}),
    (EI, HEROIN_KEY, "contributor", lambda old: "AAFS", {"CAT-209"}),
    (EI, HEROIN_KEY, "inchikey", lambda old: "AAAAAAAAAAAAAA-UHFFFAOYSA-N", {"CAT-201"}),
    (EI, HEROIN_KEY, "peaks", lambda old: old.replace(" 369:41 370:9", " 360:6 369:41"), {"CAT-213"}),
    (EI, HEROIN_KEY, "peaks", lambda old: shifted(old, 1), {"CAT-214"}),
    (EI, HEROIN_KEY, "peaks", lambda old: shifted(old, -1), {"CAT-214"}),
    (EI, FENTANYL_KEY, "peaks", lambda old: shifted(old, 1), {"CAT-214"}),
    (EI, METHAMPHETAMINE_KEY, "inchikey", lambda old: HEROIN_KEY, {"CAT-215"}),
    (EI, FENTANYL_KEY, "inchikey", lambda old: HEROIN_KEY, {"CAT-216"}),
    (MSMS, "[M+H]+", "adduct", lambda old: "[M+Na]+", {"CAT-206"}),
    (MSMS, "[M+H]+", "adduct", lambda old: "M plus H", {"CAT-206"}),
    (MSMS, "[M+H]+", "precursor_mz", lambda old: f"{float(old) * (1 + 12e-6):.5f}", {"CAT-206"}),
    (MSMS, "[M+H]+", "precursor_mz", lambda old: "", {"CAT-206"}),
    (MSMS, "[M+H]+", "polarity", lambda old: "negative", {"CAT-207"}),
    (MSMS, "[M+H]+", "peaks", lambda old: f"{old} 999.1234:2", {"CAT-205"}),
    (MSMS, "[M+H]+", "peaks", lambda old: "60.5555:100 61.5555:9", {"CAT-212"}),
    (MSMS, "[M+H]+", "licence", lambda old: "CC BY-NC", {"CAT-208"}),
    (FRAGMENTS, "Isotonitazene", "mz", lambda old: f"{float(old) + 0.0005:.4f}", {"CAT-301"}),
    (FRAGMENTS, "Isotonitazene", "ion_formula", lambda old: "Xx2+", {"CAT-301"}),
]


@pytest.mark.parametrize(
    ("table", "word", "column", "new", "expected"), PLANTED, ids=[f"{p[2]}-{min(p[4])}-{i}" for i, p in enumerate(PLANTED)]
)
def test_each_planted_error_is_found_by_its_rules_and_no_other(
    small_copy: Path, change: Change, table: str, word: str, column: str, new: Callable[[str], str], expected: set[str]
) -> None:
    change(small_copy / table, word, column, new)
    assert codes(small_copy) == expected
    for problem in check_reference_data(small_copy):
        assert problem.line > 1
        assert problem.text.endswith(".")


def test_an_error_names_line_substance_found_and_expected(small_copy: Path, change: Change) -> None:
    change(small_copy / SUBSTANCES, "MDMB-4en-PINACA", "formula", lambda old: "C21H29N3O3")
    problem = next(p for p in check_reference_data(small_copy) if p.rule.code == "CAT-105")
    lines = (small_copy / SUBSTANCES).read_text(encoding="utf-8").splitlines()
    assert lines[problem.line - 1].split("\t")[1] == problem.subject == "MDMB-4en-PINACA"
    assert problem.text == "the formula is 'C21H29N3O3'; expected C20H27N3O3 of the structure."


def test_a_record_that_stands_twice_is_found(small_copy: Path) -> None:
    table = small_copy / EI
    text = table.read_text(encoding="utf-8")
    table.write_text(text + text.splitlines()[-1] + "\n", encoding="utf-8")
    assert codes(small_copy) == {"CAT-210"}


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-40], lambda t: t.replace("\t", ";", 3), lambda t: t + "\x00\n"], ids=["cut off", "columns", "rubbish"]
)
def test_a_damaged_table_is_a_problem_and_no_crash(small_copy: Path, damage: Callable[[str], str]) -> None:
    table = small_copy / MSMS
    table.write_text(damage(table.read_text(encoding="utf-8")), encoding="utf-8")
    assert codes(small_copy) == {"CAT-402"}


def test_one_changed_byte_is_found_against_the_manifest(whole_copy: Path) -> None:
    table = whole_copy / EI
    table.write_bytes(table.read_bytes().replace(b":3 ", b":4 ", 1))
    [problem] = check_reference_data(whole_copy)
    assert (problem.rule.code, problem.file) == ("CAT-401", EI)


def test_a_table_alone_can_be_checked(small_copy: Path, change: Change) -> None:
    change(small_copy / SUBSTANCES, "Fentanyl", "cas", lambda old: "437-38-8")
    assert {p.rule.code for p in check_reference_data(small_copy / SUBSTANCES)} == {"CAT-107"}


def test_a_folder_without_substances_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such table"):
        check_reference_data(tmp_path)


def test_every_rule_but_the_whole_file_ones_has_a_planted_error() -> None:
    planted = set().union(*(p[4] for p in PLANTED)) | {"CAT-210", "CAT-401", "CAT-402"}
    assert planted == set(RULES)


def test_only_a_shared_cas_number_and_ions_in_doubt_are_mere_warnings() -> None:
    assert {code for code, rule in RULES.items() if rule.severity is not Severity.ERROR} == {"CAT-113", "CAT-216"}


def test_a_shifted_record_is_found_although_the_manifest_was_made_again(whole_copy: Path, change: Change) -> None:
    change(whole_copy / EI, HEROIN_KEY, "peaks", lambda old: shifted(old, 1))
    manifest = json.loads((whole_copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][EI]["sha256"] = hashlib.sha256((whole_copy / EI).read_bytes()).hexdigest()
    (whole_copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    [problem] = check_reference_data(whole_copy)
    assert problem.rule.code == "CAT-214"
    assert "-1 mass unit" in problem.text


# CAS numbers from the CAS page on check digits (107-07-3 is its example) and of water and caffeine.
@pytest.mark.parametrize("number", ["107-07-3", "7732-18-5", "58-08-2"])
def test_a_true_cas_number_is_one(number: str) -> None:
    assert is_cas(number)


@pytest.mark.parametrize("number", ["107-07-4", "107073", "0-00-0", "58-08-2 ", "", "५८-08-2"])
def test_anything_else_is_no_cas_number(number: str) -> None:
    assert not is_cas(number)


# By hand: caffeine C8H10N4O2 has nominal mass 194, and 13C at 8 carbons gives M+1; 2C-B C10H14BrNO2 is 259 with 81Br at +2 and one 13C;
# fentanyl C22H28N2O (336) has two 13C at more than 1 %.
@pytest.mark.parametrize(("formula", "top"), [("C8H10N4O2", 195), ("C10H14BrNO2", 262), ("C22H28N2O", 338)])
def test_the_highest_ion_counts_the_isotopes(formula: str, top: int) -> None:
    assert highest_ion(formula) == top
