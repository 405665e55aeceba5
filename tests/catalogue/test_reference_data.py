"""What the starter data promise to hold."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nps_ident.catalogue.principal_ions import EI_TABLE, MSMS_TABLE, read_principal_ions
from nps_ident.catalogue.store import open_catalogue, reference_folder
from nps_ident.chemistry.drug_classes import drug_classes
from nps_ident.errors import CatalogueError
from nps_ident.io.reading import read_spectra
from nps_ident.model import MassSpectrum, Polarity, Technique

if TYPE_CHECKING:
    from types import ModuleType

EXAMPLES = ("exhibit_17.msp", "exhibit_23.msp")


@pytest.fixture(scope="module")
def ei() -> list[MassSpectrum]:
    return list(read_principal_ions(reference_folder() / EI_TABLE))


@pytest.fixture(scope="module")
def msms() -> list[MassSpectrum]:
    return list(read_principal_ions(reference_folder() / MSMS_TABLE))


def test_the_catalogue_has_its_promised_width(ei: list[MassSpectrum], msms: list[MassSpectrum]) -> None:
    assert len(open_catalogue()) >= 800
    assert len({s.label.inchikey for s in ei}) >= 250
    assert len({s.label.inchikey for s in msms}) >= 100
    lists = (reference_folder() / "fragment_lists.tsv").read_text(encoding="utf-8").splitlines()[1:]
    with_fragments = {line.split("\t")[1] for line in lists}
    assert len(with_fragments - {s.label.inchikey for s in (*ei, *msms)}) >= 100


def test_every_drug_class_has_a_substance() -> None:
    there = {substance.drug_class for substance in open_catalogue().substances}
    assert {drug_class.name for drug_class in drug_classes()} <= there


def test_every_group_has_a_substance() -> None:
    count = Counter(entry.group for entry in open_catalogue().entries)
    assert min(count[g] for g in ("nps", "classic drug", "opiate companion", "cutting agent", "precursor", "medicine")) >= 10


# Formulae from published notices and monographs.
@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("Heroin", "C21H23NO5"),
        ("Acetylcodeine", "C20H23NO4"),
        ("Meconin", "C10H10O4"),
        ("Isotonitazene", "C23H30N4O3"),
        ("Etonitazepyne", "C22H26N4O3"),
        ("Protonitazepyne", "C23H28N4O3"),
        ("Brorphine", "C20H22BrN3O"),
        ("MDMB-4en-PINACA", "C20H27N3O3"),
        ("ADB-BUTINACA", "C18H26N4O2"),
        ("ADB-4en-PINACA", "C19H26N4O2"),
        ("MDMB-INACA", "C15H19N3O3"),
        ("CH-PIATA", "C21H30N2O"),
        ("Bromazolam", "C17H13BrN4"),
        ("Flubromazepam", "C15H10BrFN2O"),
        ("Medetomidine", "C13H16N2"),
        ("Dexmedetomidine", "C13H16N2"),
        ("BTMPS", "C28H52N2O4"),
        ("Tinuvin 770", "C28H52N2O4"),
        ("Carfentanil", "C24H30N2O3"),
        ("para-Fluorofentanyl", "C22H27FN2O"),
        ("HHC", "C21H32O2"),
        ("HHC acetate", "C23H34O3"),
        ("3-CMC", "C10H12ClNO"),
        ("Eutylone", "C13H17NO3"),
        ("N,N-Dimethylpentylone", "C14H19NO3"),
        ("2-Methyl-AP-237", "C18H26N2O"),
        ("Xylazine", "C12H16N2S"),
        ("4-ANPP", "C19H24N2"),
        ("NPP", "C13H17NO"),
        ("P2P", "C9H10O"),
        ("PMK", "C10H10O3"),
        ("Acetic anhydride", "C4H6O3"),
        ("GHB", "C4H8O3"),
        ("LSD", "C20H25N3O"),
        ("Levamisole", "C11H12N2S"),
        ("Mannitol", "C6H14O6"),
    ],
)
def test_a_substance_of_concern_is_there_with_its_formula(name: str, formula: str) -> None:
    [found] = open_catalogue().find_name(name)
    assert found.formula == formula


def test_the_benzyl_compound_of_a_like_name_is_not_adb_butinaca() -> None:
    # Public lists hold "ADB-BINACA" for the N-benzyl compound C21H24N4O2; ADB-BUTINACA is the N-butyl one.
    [butinaca] = open_catalogue().find_name("ADB-BUTINACA")
    assert butinaca not in open_catalogue().find_name("ADB-BINACA")


@pytest.mark.parametrize("name", ["FEN_204.0996_12.2", "Marihuana", "CC(N)Cc1ccccc1", "Peyote"])
def test_codes_plants_and_structures_are_no_names(name: str) -> None:
    assert open_catalogue().find_name(name) == ()


def test_ei_records_are_of_dea_laboratories_or_free(ei: list[MassSpectrum]) -> None:
    for spectrum in ei:
        assert spectrum.technique is Technique.EI_MS
        dea = spectrum.licence == "US government work" and (spectrum.contributor or "").startswith("DEA ")
        assert dea or spectrum.licence in {"CC0-1.0", "CC BY"}


def test_msms_records_have_what_a_search_needs(msms: list[MassSpectrum]) -> None:
    for spectrum in msms:
        assert spectrum.technique is Technique.MSMS
        assert spectrum.precursor_mz is not None
        assert spectrum.precursor_decimals == 4
        assert spectrum.adduct
        assert spectrum.polarity in Polarity
        assert spectrum.instrument_type
        assert spectrum.licence in {"CC0-1.0", "CC BY", "DL-DE-BY-2.0"}


def test_no_substance_has_more_records_than_promised(ei: list[MassSpectrum], msms: list[MassSpectrum]) -> None:
    assert max(Counter(s.label.inchikey for s in ei).values()) <= 2
    assert max(Counter(s.label.inchikey for s in msms).values()) <= 6


def test_a_record_carries_its_substance(ei: list[MassSpectrum]) -> None:
    [heroin] = [s for s in ei if s.label.name == "Heroin"]
    assert heroin.label.formula == "C21H23NO5"
    assert heroin.label.smiles
    assert heroin.accession
    assert {327.0, 369.0, 268.0} <= set(heroin.mz.tolist())  # the ions of the EI spectrum that every manual lists
    assert heroin.intensity.max() == 100
    assert heroin.n_peaks <= 20


def test_a_record_of_an_unknown_substance_is_refused(small_copy: Path) -> None:
    table = small_copy / EI_TABLE
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace(lines[1].split("\t")[1], "AAAAAAAAAAAAAA-UHFFFAOYSA-N")
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"ei_principal_ions\.tsv:2: .* is not in the catalogue"):
        list(read_principal_ions(table))


@pytest.mark.parametrize("peaks", ["58", "58:", "a:100", "58:100  91:3", "91:3 58:100", "58:100 58:3"])
def test_peaks_that_cannot_be_read_are_named_by_their_line(small_copy: Path, peaks: str) -> None:
    table = small_copy / EI_TABLE
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[2] = "\t".join([*lines[2].split("\t")[:-1], peaks])
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"ei_principal_ions\.tsv:3: "):
        list(read_principal_ions(table))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_exhibit_is_a_measurement_the_tables_do_not_hold(name: str, ei: list[MassSpectrum]) -> None:
    [exhibit] = read_spectra(reference_folder() / "examples" / name)
    assert exhibit.name == f"Exhibit {name[8:10]}"
    assert exhibit.technique is Technique.EI_MS
    assert exhibit.n_peaks <= 20
    comment = dict(exhibit.metadata)["Comment"]
    assert "DEA" in comment
    assert not any((s.accession or "-") in comment for s in ei)
    assert not any(s.n_peaks == exhibit.n_peaks and (s.mz == exhibit.mz).all() and (s.intensity == exhibit.intensity).all() for s in ei)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_exhibit_does_not_say_what_it_is(name: str) -> None:
    text = (reference_folder() / "examples" / name).read_text(encoding="utf-8").casefold()
    for word in ("atropin", "hyoscyamin", "methoxyamphetamine", "inchikey", "smiles"):
        assert word not in text


def _script(name: str) -> ModuleType:
    folder = Path(__file__).resolve().parents[2] / "reference_spectra"
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.realdata
def test_the_tables_are_made_again_byte_for_byte(realdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ions = realdata.parent / "facts" / "diagnostic_ions.tsv"
    if not ions.is_file():
        pytest.skip(f"no table of diagnostic ions at {ions}")
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "reference_spectra"))
    script = _script("compile_tables")
    inputs = {
        "--structures": [realdata / "structures" / "nps_structures.csv"],
        "--ei": [realdata / "ei" / "reference.msp", realdata / "ei" / "massbank_background_ei.msp.gz"],
        "--msms": [realdata / "msms" / "reference.msp", realdata / "msms" / "massbank_background.msp.gz"],
        "--ions": [ions],
        "--out": [tmp_path],
    }
    script.main([word for option, paths in inputs.items() for word in (option, *map(str, paths))])
    for name in ("substances.tsv", "ei_principal_ions.tsv", "msms_principal_ions.tsv", "fragment_lists.tsv"):
        assert (tmp_path / name).read_bytes() == (reference_folder() / name).read_bytes(), name
