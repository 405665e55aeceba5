"""Promises about references that give no structure, as the older libraries do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nps_ident.catalogue.store import open_catalogue
from nps_ident.identify import identify
from nps_ident.io import read_spectra, scan_spectra
from nps_ident.library import open_library
from nps_ident.library.build import build_library

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library

CAFFEINE = "RYYVLZVUVIJVGH-UHFFFAOYSA-N"
PEAKS = "Instrument_type: EI-B\nNum Peaks: 4\n55 180\n67 400\n109 510\n194 999\n\n"


def built(folder: Path, *headers: str) -> Library:
    (folder / "a.msp").write_text("".join(header + PEAKS for header in headers))
    faults: list[object] = []
    library = build_library(scan_spectra(folder / "a.msp", report=faults.append), folder / "lib", name="a", catalogue=open_catalogue())
    assert not faults
    return library


@pytest.mark.parametrize(
    "header",
    [
        "Name: CAFFEINE\nFormula: C8H10N4O2\n",
        "Name: entry 17\nFormula: C8H10N4O2\nCASNO: 58-08-2\n",
    ],
)
def test_cas_number_or_name_with_the_formula_name_the_substance_of_the_catalogue(tmp_path: Path, header: str) -> None:
    substance = built(tmp_path, header).substance(0)
    assert (substance.inchikey, substance.name.lower()) == (CAFFEINE, "caffeine")


@pytest.mark.parametrize(
    "header",
    [
        "Name: caffeine\n",  # no formula: the name alone proves nothing
        "Name: caffeine\nFormula: C8H10N4O\n",
        "Name: caffeine\nFormula: not known\n",
        "Name: caffeine-d9\nFormula: C8H10N4O2\n",
        "Name: something else\nFormula: C8H10N4O2\n",
        "Name: entry 17\nFormula: C8H10N4O2\nCASNO: 57-27-2\n",  # morphine's
    ],
)
def test_what_does_not_agree_stays_without_a_structure(tmp_path: Path, header: str) -> None:
    assert built(tmp_path, header).substance(0).inchikey is None


def test_references_without_structure_are_found_and_never_merged_with_each_other(tmp_path: Path) -> None:
    built(tmp_path, "Name: mystery A\n", "Name: mystery B\n")
    answer = identify(read_spectra(tmp_path / "a.msp")[0], open_library(tmp_path / "lib", starter=False))
    assert [(match.substance.name, match.substance.inchikey) for match in answer.matches] == [("mystery A", None), ("mystery B", None)]


def test_a_jcamp_library_entry_is_named_by_its_cas_name_and_keeps_its_title(tmp_path: Path) -> None:
    head = "##TITLE=Library Entry 7\n##DATA TYPE=MASS SPECTRUM\n##CAS NAME=Caffeine\n##MOLFORM=C8H10N4O2\n##XUNITS=M/Z\n"
    (tmp_path / "a.hpj").write_text(f"{head}##XYDATA=(XY..XY)\n109 51\n194 99\n##END=\n")
    [spectrum] = read_spectra(tmp_path / "a.hpj")
    assert (spectrum.name, spectrum.label.name) == ("Library Entry 7", "Caffeine")
