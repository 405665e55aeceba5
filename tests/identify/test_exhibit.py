"""What is concluded of an exhibit, and above all what is not."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
from made_up import ei_references, measured, msp
from runs_made_up import andi
from runs_with_truth import run_of

import nps_ident as nps
from nps_ident.catalogue.store import Catalogue, Entry
from nps_ident.cli import main
from nps_ident.errors import InputError
from nps_ident.io import write_msp
from nps_ident.library import Libraries
from nps_ident.library.build import build_library
from nps_ident.model import MassSpectrum, Substance, SubstanceLabel, Technique
from nps_ident.model.exhibit import ConclusionKind

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library
    from nps_ident.model.exhibit import Conclusion

SCHEMA = json.loads((resources.files("nps_ident") / "schemas" / "conclusion-1.schema.json").read_text(encoding="utf-8"))
MATERIAL = "reference_material: RM-7, certificate: C-2014-3, batch: B12"


def holds_the_contract(conclusion: Conclusion) -> dict[str, Any]:
    answer = json.loads(conclusion.to_json())
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    for found in answer["substances"]:
        assert found["missing"] or found["conclusion"] == "identified", "what is not identified says what is missing"
    return answer


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The made-up EI substances and an isomer of one that has no reference."""
    entries = []
    for number, spectrum in enumerate(ei_references()):
        named = spectrum.label
        substance = Substance(inchikey=named.inchikey, name=str(named.name), formula=named.formula, exact_mass=named.exact_mass)
        entries.append(Entry(substance=substance, group="nps", sources=("made up",), licence="CC0-1.0", line=number + 2))
    return Catalogue(entries=tuple(entries), source="made up", sha256="0" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Spectra of two made-up substances: in file a of substance 5, in file b of substance 9."""
    references = ei_references()
    (tmp_path / "a.msp").write_text(msp([measured(references[5], name="a")]), encoding="utf-8")
    (tmp_path / "b.msp").write_text(msp([measured(references[9], name="b")]), encoding="utf-8")
    return tmp_path


def concluded(folder: Path, measurements: str, library: Library, catalogue: Catalogue, *, head: str = "") -> Conclusion:
    file = folder / "exhibit.yaml"
    file.write_text(f"exhibit: X-1\n{head}\nmeasurements:\n{measurements}", encoding="utf-8")
    [exhibit] = nps.read_exhibits(file)
    conclusion = nps.conclude(exhibit, Libraries((library,)), catalogue=catalogue)
    holds_the_contract(conclusion)
    return conclusion


EI = f"- {{technique: EI-MS, file: a.msp, {MATERIAL}}}\n"
IR = f"- {{technique: IR, result: positive, substance: Substance 5, sampling: 2, data: 'LIMS 77', {MATERIAL}}}\n"


def test_one_spectrum_never_identifies(folder: Path, ei_library: Library, catalogue: Catalogue) -> None:
    conclusion = concluded(folder, EI, ei_library, catalogue)
    assert conclusion.kind is ConclusionKind.INDICATED
    [found] = conclusion.substances
    assert found.substance.name == "Substance 5"
    assert any("SWGDRUG-A" in text for text in found.missing)


def test_two_uncorrelated_techniques_with_the_laboratory_s_own_reference_identify(
    folder: Path, ei_library: Library, catalogue: Catalogue
) -> None:
    conclusion = concluded(folder, EI + IR, ei_library, catalogue)
    assert conclusion.kind is ConclusionKind.IDENTIFIED
    assert conclusion.substances[0].rule == "SWGDRUG-A"
    assert ("SWGDRUG-A", conclusion.rules[0][1]) == conclusion.rules[0]


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("reference_material: RM-7, ", "reference_material for measurement"),
        ("certificate: C-2014-3, ", "certificate for measurement"),
        (", batch: B12", "batch for measurement"),
        ("data: 'LIMS 77', ", "data of measurement 2"),
        ("sampling: 2, ", "one sampling"),
    ],
)
def test_each_thing_left_out_is_named_and_keeps_it_from_being_identified(
    folder: Path, ei_library: Library, catalogue: Catalogue, without: str, said: str
) -> None:
    conclusion = concluded(folder, (EI + IR).replace(without, ""), ei_library, catalogue)
    assert conclusion.kind is ConclusionKind.INDICATED
    assert any(said in text for text in conclusion.substances[0].missing), conclusion.substances[0].missing


def test_a_single_sampling_is_enough_where_the_exhibit_says_why(folder: Path, ei_library: Library, catalogue: Catalogue) -> None:
    given = (EI + IR).replace("sampling: 2, ", "")
    assert concluded(folder, given, ei_library, catalogue, head="single_sampling: a residue of 0.6 mg").kind is ConclusionKind.IDENTIFIED


def test_two_mass_spectrometric_techniques_are_one_property(folder: Path, ei_library: Library, catalogue: Catalogue) -> None:
    dart = IR.replace("technique: IR", "technique: DART-MS")
    conclusion = concluded(folder, EI + dart, ei_library, catalogue)
    assert conclusion.kind is ConclusionKind.INDICATED
    assert any("other than mass" in text for text in conclusion.substances[0].missing)


def test_likelihood_ratios_multiply_over_properties_and_the_smallest_stands_within_one(
    folder: Path, ei_library: Library, catalogue: Catalogue
) -> None:
    alone = concluded(folder, EI, ei_library, catalogue).substances[0].log10_lr
    assert alone is not None
    stated = "log10_lr: 1.5, lr_source: own validation 2026, "
    with_ir = concluded(folder, EI + IR.replace("data:", f"{stated}data:"), ei_library, catalogue).substances[0]
    assert with_ir.log10_lr == pytest.approx(alone + 1.5)
    dart = IR.replace("IR", "DART-MS").replace("data:", f"{stated.replace('1.5', '0.5')}data:")
    with_dart = concluded(folder, EI + dart, ei_library, catalogue)
    assert with_dart.substances[0].log10_lr == pytest.approx(min(alone, 0.5))
    assert "not independent" in str(with_dart.substances[0].log10_lr_from)


def test_a_negative_result_is_a_contradiction_and_is_not_averaged_away(folder: Path, ei_library: Library, catalogue: Catalogue) -> None:
    negative = "- {technique: colour test, result: negative, substance: Substance 5}\n"
    conclusion = concluded(folder, EI + IR + negative, ei_library, catalogue)
    assert conclusion.kind is ConclusionKind.INDICATED
    assert "is negative for Substance 5" in conclusion.contradictions[0]
    assert any(finding.code == "EXH-003" for finding in conclusion.findings)


def test_two_spectra_of_the_whole_that_name_different_substances_contradict_each_other(
    folder: Path, ei_library: Library, catalogue: Catalogue
) -> None:
    conclusion = concluded(folder, (EI + "- {technique: EI-MS, file: b.msp}\n").replace("{", "{whole_sample: yes, "), ei_library, catalogue)
    assert {found.substance.name for found in conclusion.substances} == {"Substance 5", "Substance 9"}
    assert "neither shows the other" in conclusion.contradictions[0]
    behind_a_column = concluded(folder, EI + "- {technique: EI-MS, file: b.msp}\n", ei_library, catalogue)
    assert behind_a_column.contradictions == (), "two peaks of one chromatogram"


def test_an_isomer_without_a_reference_must_be_excluded_by_name_or_by_a_telling_technique(
    folder: Path, ei_library: Library, catalogue: Catalogue
) -> None:
    first = catalogue.entries[5].substance
    isomer = Substance(inchikey="ISOMERISOMERIS-UHFFFAOYSA-N", name="Iso-5", formula=first.formula, exact_mass=first.exact_mass)
    wider = Catalogue(
        entries=(*catalogue.entries, Entry(substance=isomer, group="nps", sources=("made up",), licence="CC0-1.0", line=999)),
        source="made up",
        sha256="1" * 64,
    )
    retention = IR.replace("technique: IR", "technique: GC retention")
    left = concluded(folder, EI + retention, ei_library, wider)
    assert left.kind is ConclusionKind.INDICATED
    assert [other.substance.name for other in left.substances[0].not_excluded] == ["Iso-5"]
    compared = concluded(folder, EI + retention.replace("data:", "excludes: [Iso-5], data:"), ei_library, wider)
    assert compared.kind is ConclusionKind.IDENTIFIED
    # The table of separations does not name a colour test: that the laboratory lists the isomer there excludes nothing.
    colour = "- {technique: colour test, result: positive, substance: Substance 5, sampling: 2, excludes: [Iso-5]}\n"
    assert concluded(folder, EI + colour, ei_library, wider).kind is ConclusionKind.INDICATED


def test_a_colour_test_alone_establishes_nothing(folder: Path, ei_library: Library, catalogue: Catalogue) -> None:
    conclusion = concluded(folder, "- {technique: Marquis, result: positive, substance: Substance 5}\n", ei_library, catalogue)
    assert conclusion.kind is ConclusionKind.UNDETERMINED


def test_what_cannot_be_read_is_named_and_the_rest_is_answered(folder: Path, ei_library: Library, catalogue: Catalogue) -> None:
    (folder / "broken.msp").write_bytes(b"\x00\x01rubbish")
    more = (
        "- {technique: EI-MS, file: none.msp}\n- {technique: EI-MS, file: broken.msp}\n- {technique: IR, file: a.msp}\n"
        "- {technique: tasseography, result: positive, substance: Substance 5}\n- {technique: IR, result: positive, substance: Nobody}\n"
    )
    conclusion = concluded(folder, EI + more, ei_library, catalogue)
    assert [found.substance.name for found in conclusion.substances] == ["Substance 5"]
    assert [bool(one.failures) for one in conclusion.measured] == [False, True, True, True, True, True]


def test_files_that_say_they_are_of_another_exhibit_are_refused(folder: Path, ei_library: Library, catalogue: Catalogue) -> None:
    text = (folder / "a.msp").read_text(encoding="utf-8")
    (folder / "a.msp").write_text(text.replace("Name: a\n", "Name: a\nExhibit: X-2\n"), encoding="utf-8")
    with pytest.raises(InputError, match="says that it is of exhibit 'X-2'"):
        concluded(folder, EI, ei_library, catalogue)


def test_what_no_reference_fits_leaves_the_exhibit_undetermined(
    folder: Path, ei_library: Library, catalogue: Catalogue
) -> None:
    foreign = ei_references(seed=77)[3]
    (folder / "a.msp").write_text(msp([measured(foreign, name="foreign")]), encoding="utf-8")
    conclusion = concluded(folder, EI, ei_library, catalogue)
    assert conclusion.kind is ConclusionKind.UNDETERMINED
    assert conclusion.substances == ()


def test_the_command_concludes_records_and_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = Path(__file__).resolve().parents[2] / "reference_spectra" / "examples" / "exhibit_17.msp"
    (tmp_path / "q.msp").write_bytes(example.read_bytes())
    (tmp_path / "sheet.csv").write_text(
        "exhibit,claim,technique,file,result,substance,sampling\nE-1,atropine,EI-MS,q.msp,,,1\nE-1,,colour test,,positive,Atropine,2\n"
        "E-2,,EI-MS,q.msp,,,\n",
        encoding="utf-8",
    )
    ledger = ["--ledger", str(tmp_path / "l.sqlite")]
    assert main(["exhibit", str(tmp_path / "sheet.csv"), "--format", "jsonl", *ledger]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["query"]["id"] for answer in answers] == ["E-1", "E-2"]
    for answer in answers:
        jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    assert answers[0]["measurements"][0]["answers"][0]["record"] is not None
    assert main(["ledger", "replay", answers[0]["record"], answers[1]["record"], *ledger]) == 0
    (tmp_path / "sheet.csv").write_text((tmp_path / "sheet.csv").read_text(encoding="utf-8").replace("positive", "negative"), encoding="utf-8")
    assert main(["ledger", "replay", answers[0]["record"], *ledger]) == 1
    capsys.readouterr()
    assert main(["exhibit", str(tmp_path / "sheet.csv"), str(tmp_path / "none.yaml"), *ledger]) == 1
    said = capsys.readouterr()
    assert "Conclusion: indicated" in said.out
    assert "none.yaml" in said.err


def test_a_run_is_answered_component_by_component_and_none_contradicts_the_other(
    tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    references = [ei_references()[number] for number in (4, 7)]
    peaks = [
        (time, 60000.0, {int(m): float(v / one.intensity.max()) for m, v in zip(one.mz, one.intensity, strict=True)})
        for time, one in zip((90.0, 110.0), references, strict=True)
    ]
    run = run_of(peaks)
    scans = [(float(time) / 60.0, scan.mz.tolist(), scan.intensity.tolist()) for time, scan in zip(run.times_s, run.scans, strict=True)]
    (tmp_path / "run.cdf").write_bytes(andi(scans))
    (tmp_path / "e.yaml").write_text("exhibit: X-1\nmeasurements: [{technique: EI-MS, file: run.cdf, blank: none.cdf}]\n", encoding="utf-8")
    how = ["--no-starter", "--library", str(ei_library.folder), "--ledger", str(tmp_path / "l.sqlite")]
    assert main(["exhibit", str(tmp_path / "e.yaml"), "--format", "jsonl", *how]) == 1, "the blank is not there"
    answer = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    assert {found["name"] for found in answer["substances"]} == {"Substance 4", "Substance 7"}
    assert answer["contradictions"] == []
    records = [one["record"] for one in answer["measurements"][0]["answers"]]
    for record in (*records, answer["record"]):
        assert main(["ledger", "replay", record, "--ledger", str(tmp_path / "l.sqlite")]) == 0, capsys.readouterr().out


def test_dart_spectra_of_one_sample_at_several_voltages_are_judged_together_and_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(8)
    peaks = {150.1277: (900, 120, 9), 119.0856: (200, 500, 100), 91.0543: (20, 900, 900)}

    def at(i: int, name: str, spread: float, **fields: Any) -> MassSpectrum:
        heights = [heights[i] * (1 + spread * rng.normal()) for heights in peaks.values()]
        volts = f"{30 * (i + 1)} V"
        return MassSpectrum(name=name, technique=Technique.DART_MS, mz=list(peaks), intensity=heights, collision_energy=volts, **fields)

    references = [at(i, "Light", 0.0, label=SubstanceLabel(name="Light", formula="C10H15N")) for i in range(3)]
    build_library(references, tmp_path / "library", name="dart")
    write_msp([at(i, f"sample_{30 * (i + 1)}V", 0.05) for i in range(3)], tmp_path / "d.msp")
    (tmp_path / "e.yaml").write_text("exhibit: X-1\nmeasurements: [{technique: DART-MS, file: d.msp}]\n", encoding="utf-8")
    how = ["--no-starter", "--library", str(tmp_path / "library"), "--ledger", str(tmp_path / "l.sqlite")]
    assert main(["exhibit", str(tmp_path / "e.yaml"), "--format", "jsonl", *how]) == 0
    answer = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    records = [one["record"] for one in answer["measurements"][0]["answers"]]
    assert len(records) == 3
    for record in (*records, answer["record"]):
        assert main(["ledger", "replay", record, "--ledger", str(tmp_path / "l.sqlite")]) == 0, capsys.readouterr().out
    assert main(["ledger", "show", records[0], "--ledger", str(tmp_path / "l.sqlite")]) == 0
    assert "together" in capsys.readouterr().out
