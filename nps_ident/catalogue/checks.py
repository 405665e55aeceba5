"""Prove that names, structures, numbers and ions of the reference data agree.

Every fault is found in one pass; nothing is corrected here.  The rules stand in :mod:`nps_ident.catalogue.rules`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.catalogue.ion_formulae import LEAST_EXPLAINED, explained_share, is_formed
from nps_ident.catalogue.principal_ions import EI_COLUMNS, EI_TABLE, MSMS_COLUMNS, MSMS_TABLE
from nps_ident.catalogue.rules import ADMITTED_LICENCES, GROUPS, RULES, Problem
from nps_ident.catalogue.store import SUBSTANCE_COLUMNS, fold_name, read_table, verify_manifest
from nps_ident.chemistry.formula import ELECTRON_MASS, exact_mass, ion_mz, nominal_mass, parse_adduct, parse_formula
from nps_ident.errors import CatalogueError, ChemistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Row = Mapping[str, str]
    Report = Callable[[str, str], None]

__all__ = ["FRAGMENT_COLUMNS", "FRAGMENT_TABLE", "check_reference_data", "highest_ion", "is_cas"]

FRAGMENT_TABLE = "fragment_lists.tsv"
FRAGMENT_COLUMNS = ("subject", "inchikey", "technique", "polarity", "mz", "ion_formula", "meaning", "source")
MOST_IONS = 20
_MASS_DA, _PRECURSOR_PPM, _FRAGMENT_DA, _LOWEST_MZ = 0.001, 10.0, 0.0002, 10.0


def is_cas(text: str) -> bool:
    """Tell whether a CAS number has the right check digit.

    References
    ----------
    CAS, "Check Digit Verification of CAS Registry Numbers", https://www.cas.org/support/documentation/chemical-substances/checkdig (2024).
    """
    if not re.fullmatch(r"[0-9]{2,7}-[0-9]{2}-[0-9]", text):
        return False
    digits = text.replace("-", "")
    return sum(place * int(digit) for place, digit in enumerate(reversed(digits[:-1]), 1)) % 10 == int(digits[-1])


def highest_ion(formula: str) -> int:
    """Give the highest nominal m/z at which the isotopes of a molecule still matter: 13C, and 2 for each of S or Si, Cl, Br.

    Raises
    ------
    ChemistryError
        When the formula cannot be read.
    """
    counts = parse_formula(formula)
    heavy = 2 * (counts.get("Cl", 0) + counts.get("Br", 0)) + 2 * bool(counts.get("S", 0) + counts.get("Si", 0))
    return nominal_mass(formula) + heavy + 1 + (counts.get("C", 0) > 10)


def check_reference_data(path: str | Path) -> list[Problem]:
    """Check the tables of a folder, or one table of substances.

    Parameters
    ----------
    path : path-like
        A folder with ``substances.tsv`` (the other tables and the manifest are checked where they are), or such a table.

    Returns
    -------
    list of Problem
        Empty when everything agrees; in the order of files, lines and rules.

    Raises
    ------
    CatalogueError
        When there is no table of substances at all.
    """
    place = Path(path)
    folder, substances = (place, place / "substances.tsv") if place.is_dir() else (place.parent, place)
    if not substances.is_file():
        raise CatalogueError(f"{substances}: no such table; expected a table of substances.")
    problems: list[Problem] = []
    rows = _rows(substances, SUBSTANCE_COLUMNS, problems)
    problems += _substance_problems(substances.name, rows)
    if not place.is_dir():
        return problems
    by_key = {row["inchikey"]: row for _, row in rows}
    doubtful = {problem.subject for problem in problems}
    sound = {key: row for key, row in by_key.items() if row["name"] not in doubtful}
    for name, columns, check in (
        (EI_TABLE, EI_COLUMNS, _check_ei),
        (MSMS_TABLE, MSMS_COLUMNS, _check_msms),
        (FRAGMENT_TABLE, FRAGMENT_COLUMNS, _check_fragment),
    ):
        if (folder / name).is_file():
            records = _rows(folder / name, columns, problems)
            problems += _table_problems(name, records, by_key, check)
            if name == EI_TABLE:
                problems += _improbable(records, sound, {problem.line for problem in problems if problem.file == name})
    problems += _manifest_problems(folder)
    return sorted(problems, key=lambda p: (p.file, p.line, p.rule.code))


def _rows(path: Path, columns: tuple[str, ...], problems: list[Problem]) -> list[tuple[int, Row]]:
    try:
        return [(line, dict(zip(columns, cells, strict=True))) for line, cells in read_table(path, columns)]
    except CatalogueError as error:
        line = re.search(r":(\d+): ", str(error))
        problems.append(Problem(rule=RULES["CAT-402"], file=path.name, line=int(line[1]) if line else 0, subject="", text=str(error)))
        return []


def _manifest_problems(folder: Path) -> Iterator[Problem]:
    if not (folder / "manifest.json").is_file():
        return
    for name in ("substances.tsv", EI_TABLE, MSMS_TABLE, FRAGMENT_TABLE):
        try:
            verify_manifest(folder, [name])
        except CatalogueError as error:
            yield Problem(rule=RULES["CAT-401"], file=name, line=0, subject="", text=str(error))


def _substance_problems(file: str, rows: list[tuple[int, Row]]) -> Iterator[Problem]:
    from nps_ident.chemistry.drug_classes import drug_classes

    words = {drug_class.name for drug_class in drug_classes()}
    names: dict[str, tuple[int, str]] = {}
    keys: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for line, row in rows:
        found: list[tuple[str, str]] = []
        for name in (row["name"], *filter(None, row["synonyms"].split("|"))):
            first, owner = names.setdefault(fold_name(name), (line, row["inchikey"]))
            if first != line:
                found.append(("CAT-101", f"the name {name!r} is also that of {owner} in line {first}; expected a name of one structure"))
        if keys.setdefault(row["inchikey"], line) != line:
            found.append(("CAT-102", f"the InChIKey {row['inchikey']} also stands in line {keys[row['inchikey']]}; expected it once"))
        if row["cas"] and numbers.setdefault(row["cas"], line) != line:
            found.append(("CAT-113", f"the CAS number {row['cas']} also stands in line {numbers[row['cas']]}; expected it once"))
        _check_words(row, words, lambda code, text, found=found: found.append((code, text)))  # type: ignore[misc]
        _check_structure(row, words, lambda code, text, found=found: found.append((code, text)))  # type: ignore[misc]
        yield from (Problem(rule=RULES[code], file=file, line=line, subject=row["name"], text=f"{text}.") for code, text in found)


def _check_words(row: Row, words: set[str], report: Report) -> None:
    if row["cas"] and not is_cas(row["cas"]):
        report("CAT-107", f"the CAS number is {row['cas']!r}; expected one with the right check digit")
    if row["drug_class"] and row["drug_class"] not in words:
        report("CAT-108", f"the drug class is {row['drug_class']!r}; expected a word of the table of drug classes")
    if row["group"] not in GROUPS:
        report("CAT-110", f"the group is {row['group']!r}; expected one of {', '.join(GROUPS)}")
    parts = [part for part in row["sources"].split(" | ") if part]
    checks = sum(part.startswith("check: ") for part in parts)
    if len(parts) < 2 or len(parts) == checks:
        report("CAT-111", f"the sources are {row['sources']!r}; expected two, or one and a check")
    licences = [part for part in row["licence"].split(" | ") if part]
    if not licences or all(re.search(r"\bNC\b|non-?commercial", part, re.IGNORECASE) for part in licences):
        report("CAT-112", f"the licence is {row['licence']!r}; expected one that allows publishing")


def _check_structure(row: Row, words: set[str], report: Report) -> None:
    from nps_ident.chemistry.drug_classes import drug_class_of
    from nps_ident.chemistry.structures import inchikey_of, parent_of, read_structure

    try:
        mol = read_structure(row["smiles"])
        own_key, parent = inchikey_of(mol), parent_of(mol)
    except ChemistryError as error:
        report("CAT-103", f"the structure cannot be read: {str(error).rstrip('.')}")
        return
    if row["inchikey"] != own_key or own_key != parent.inchikey:
        report("CAT-104", f"the InChIKey is {row['inchikey']}; expected {parent.inchikey}, of the structure's parent")
    if row["formula"] != parent.formula:
        report("CAT-105", f"the formula is {row['formula']!r}; expected {parent.formula} of the structure")
    try:
        mass, expected = float(row["exact_mass"]), exact_mass(row["formula"])
    except (ValueError, ChemistryError):
        what = f"the exact mass {row['exact_mass']!r} or the formula {row['formula']!r}"
        report("CAT-106", f"{what} cannot be read; expected a number and a formula")
    else:
        if not abs(mass - expected) <= _MASS_DA:
            report("CAT-106", f"the exact mass is {mass:.4f}; expected {expected:.4f} of the formula")
    pattern = drug_class_of(mol)
    if (row["drug_class"] or None) != pattern and (not row["drug_class"] or row["drug_class"] in words):
        report("CAT-109", f"the drug class is {row['drug_class']!r}; expected {pattern or ''!r} of the structure's pattern")


def _table_problems(
    file: str, rows: list[tuple[int, Row]], substances: Mapping[str, Row], check: Callable[[Row, Row | None, Report], None]
) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for line, row in rows:
        found: list[tuple[str, str]] = []
        accession = row.get("accession")
        if accession is not None and seen.setdefault(accession, line) != line:
            found.append(("CAT-210", f"the accession {accession} also stands in line {seen[accession]}; expected it once"))
        check(row, substances.get(row["inchikey"]), lambda code, text, found=found: found.append((code, text)))  # type: ignore[misc]
        subject = accession if accession is not None else row["subject"]
        yield from (Problem(rule=RULES[code], file=file, line=line, subject=subject, text=f"{text}.") for code, text in found)


def _improbable(rows: list[tuple[int, Row]], substances: Mapping[str, Row], faulty: set[int]) -> Iterator[Problem]:
    """Judge the EI records that have no other fault, of substances that have none."""
    from nps_ident.catalogue.ei_checks import improbable_records
    from nps_ident.catalogue.ei_plausibility import shipped_statistics

    whole = [(line, row) for line, row in rows if line not in faulty and row["inchikey"] in substances]
    for line, accession, code, text in improbable_records(whole, substances, shipped_statistics()):
        yield Problem(rule=RULES[code], file=EI_TABLE, line=line, subject=accession, text=f"{text}.")


def _ions(row: Row, report: Report) -> list[tuple[float, float]]:
    """Read the ions of a record and apply the rules that need no substance."""
    if row["licence"] not in ADMITTED_LICENCES:
        report("CAT-208", f"the licence is {row['licence']!r}; expected one of {', '.join(ADMITTED_LICENCES)}")
    try:
        ions = [(float(mz), float(percent)) for mz, _, percent in (part.partition(":") for part in row["peaks"].split(" "))]
    except ValueError:
        report("CAT-211", f"the ions are {row['peaks'][:60]!r}; expected 'm/z:percent' with spaces between")
        return []
    masses = [mz for mz, _ in ions]
    if masses != sorted(set(masses)) or not masses[0] >= _LOWEST_MZ:
        report("CAT-211", f"the ions begin at m/z {masses[0]:g} or do not ascend; expected ascending m/z from {_LOWEST_MZ:g} on")
    if len(ions) > MOST_IONS:
        report("CAT-202", f"the record has {len(ions)} ions; expected at most {MOST_IONS}")
    odd = [percent for _, percent in ions if not (1 <= percent <= 100 and percent == int(percent))]
    if odd:
        report("CAT-203", f"an ion has {odd[0]:g} %; expected whole percentages from 1 to 100")
    if max(percent for _, percent in ions) != 100:
        report("CAT-204", f"the strongest ion has {max(percent for _, percent in ions):g} %; expected the base peak at 100 %")
    return ions


def _check_ei(row: Row, substance: Row | None, report: Report) -> None:
    ions = _ions(row, report)
    if row["source"].startswith("SWGDRUG") and not row["contributor"].startswith("DEA "):
        report("CAT-209", f"the contributor is {row['contributor']!r}; expected a DEA laboratory")
    if substance is None:
        report("CAT-201", f"{row['inchikey']} is not in the catalogue; expected the InChIKey of a substance")
        return
    try:
        top = highest_ion(substance["formula"])
    except ChemistryError:
        return  # CAT-105 or CAT-106 says so already
    above = [mz for mz, _ in ions if mz > top + 0.5]
    if above:
        report("CAT-205", f"an ion stands at m/z {above[0]:g}; expected none above {top} for {substance['formula']}")


def _check_msms(row: Row, substance: Row | None, report: Report) -> None:
    ions = _ions(row, report)
    if substance is None:
        report("CAT-201", f"{row['inchikey']} is not in the catalogue; expected the InChIKey of a substance")
        return
    try:
        expected = ion_mz(exact_mass(substance["formula"]), row["adduct"])
        positive = parse_adduct(row["adduct"]).charge > 0
        precursor = float(row["precursor_mz"])
    except (ChemistryError, ValueError) as error:
        report("CAT-206", f"precursor {row['precursor_mz']!r} and adduct {row['adduct']!r} cannot be compared ({error})")
        return
    if not abs(precursor - expected) <= _PRECURSOR_PPM * 1e-6 * expected:
        report("CAT-206", f"the precursor is m/z {precursor:.4f}; expected {expected:.4f} for {row['adduct']} of {substance['formula']}")
    if row["polarity"] != ("positive" if positive else "negative"):
        report("CAT-207", f"the polarity is {row['polarity']!r}; expected that of {row['adduct']}")
    above = [mz for mz, _ in ions if mz > expected + 0.01 + 5e-6 * expected]
    if above:
        report("CAT-205", f"an ion stands at m/z {above[0]:.4f}; expected none above the precursor at {expected:.4f}")
    unformed = [mz for mz, percent in ions if percent == 100 and not is_formed(mz, substance["formula"], row["adduct"])]
    if unformed:
        report("CAT-212", f"the base peak stands at m/z {unformed[0]:.4f}; expected an ion that {substance['formula']} can form")
    elif ions and (share := explained_share(ions, substance["formula"], row["adduct"])) < LEAST_EXPLAINED:
        report("CAT-212", f"{share:.0%} of the signal is explained by {substance['formula']}; expected at least {LEAST_EXPLAINED:.0%}")


def _check_fragment(row: Row, substance: Row | None, report: Report) -> None:
    if row["inchikey"] and substance is None:
        report("CAT-301", f"{row['inchikey']} is not in the catalogue; expected the InChIKey of a substance")
    try:
        expected = exact_mass(row["ion_formula"].rstrip(".").removesuffix("+")) - ELECTRON_MASS
        found = float(row["mz"])
    except (ChemistryError, ValueError):
        report("CAT-301", f"m/z {row['mz']!r} and ion {row['ion_formula']!r} cannot be compared; expected a number and an ion formula")
        return
    if not abs(found - expected) <= _FRAGMENT_DA:
        report("CAT-301", f"the m/z of {row['ion_formula']} is {found:.4f}; expected {expected:.4f}")
