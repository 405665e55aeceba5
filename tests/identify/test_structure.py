"""The verb ``structure``: verdicts, relations, what may be typed, bad input, the contract, and the command line."""

from __future__ import annotations

import gzip
import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
from rdkit import Chem

from nps_ident.catalogue.store import Catalogue, Entry, open_catalogue
from nps_ident.chemistry.drug_classes import drug_class_of
from nps_ident.chemistry.structures import parent_of
from nps_ident.cli import main
from nps_ident.errors import ChemistryError, InputError, NpsIdentError
from nps_ident.folders import cache_folder
from nps_ident.identify.structure import identify_structure, identify_structures, rerun_structure
from nps_ident.identify.structure_index import index_of, open_known
from nps_ident.ledger import open_ledger, record, replay
from nps_ident.model import Substance, Verdict

if TYPE_CHECKING:
    from pathlib import Path

FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
BROMOFENTANYL = "CCC(=O)N(c1ccc(Br)cc1)C1CCN(CCc2ccccc2)CC1"

_TABLE = [  # name, synonyms, SMILES, CAS, group
    ("Fentanyl", ("Duragesic",), FENTANYL, "437-38-7", "classic drug"),
    ("para-Chlorofentanyl", (), "CCC(=O)N(c1ccc(Cl)cc1)C1CCN(CCc2ccccc2)CC1", None, "nps"),
    ("Heroin", ("Diacetylmorphine", "Diamorphine"), "CC(=O)Oc1ccc2c3c1O[C@H]1[C@@H](OC(C)=O)C=C[C@H]4[C@@H](C2)N(C)CC[C@@]341", "561-27-3",
     "classic drug"),
    ("Methadone", (), "CCC(=O)C(CC(C)N(C)C)(c1ccccc1)c1ccccc1", "76-99-3", "classic drug"),
    ("Dextromethorphan", (), "COc1ccc2c(c1)[C@]13CCCC[C@@H]1[C@H](C2)N(C)CC3", "125-71-3", "medicine"),
    ("Mephedrone", ("4-MMC",), "CNC(C)C(=O)c1ccc(C)cc1", "1189805-46-6", "nps"),
    ("Phencyclidine", ("PCP",), "c1ccc(C2(N3CCCCC3)CCCCC2)cc1", "77-10-1", "classic drug"),
    ("Caffeine", (), "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "58-08-2", "cutting agent"),
    ("Acetylacetone", (), "CC(=O)CC(C)=O", "123-54-6", "precursor"),
    ("Twin one", ("twin",), "CCCCO", None, "precursor"),
    ("Twin two", ("twin",), "CCCCCO", None, "precursor"),
]  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    entries = []
    for line, (name, synonyms, smiles, cas, group) in enumerate(_TABLE, 2):
        parent = parent_of(smiles)
        substance = Substance(
            inchikey=parent.inchikey, name=name, synonyms=synonyms, smiles=parent.smiles, formula=parent.formula,
            exact_mass=parent.exact_mass, cas=cas, drug_class=drug_class_of(smiles),
        )  # fmt: skip
        entries.append(Entry(substance=substance, group=group, sources=("test",), licence="", line=line))
    return Catalogue(entries=tuple(entries), source="test", sha256="0" * 64)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    text = (resources.files("nps_ident") / "schemas" / "structure-1.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def best(query: str, catalogue: Catalogue) -> tuple[str, str | None, str | None]:
    """Verdict, relation and name of the first match."""
    result = identify_structure(query, catalogue)
    return result.verdict.value, result.best and result.best.relation, result.best and result.best.substance.name


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (FENTANYL, ("match", "same", "Fentanyl")),
        (FENTANYL + ".Cl", ("match", "salt_of", "Fentanyl")),
        ("CCC(=O)N(c1ccccc1)C1CC[NH+](CCc2ccccc2)CC1", ("match", "charged_form_of", "Fentanyl")),
        ("CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1.OC(=O)CC(O)(CC(=O)O)C(=O)O", ("match", "salt_of", "Fentanyl")),
        ("C[C@H](CC(c1ccccc1)(c1ccccc1)C(=O)CC)N(C)C", ("match", "stereoisomer_of", "Methadone")),
        ("C[C@@H](CC(c1ccccc1)(c1ccccc1)C(=O)CC)N(C)C", ("match", "stereoisomer_of", "Methadone")),
        ("CC(=O)Oc1ccc2c3c1OC1C(OC(C)=O)C=CC4C(C2)N(C)CCC314", ("match", "stereoisomer_of", "Heroin")),
        ("COc1ccc2c(c1)[C@@]13CCCC[C@H]1[C@@H](C2)N(C)CC3", ("unknown_variant", "stereoisomer_of", "Dextromethorphan")),  # levomethorphan
        ("CCC(=O)N(c1ccccc1)C1CCN(CCc2c([2H])c([2H])c([2H])c([2H])c2[2H])CC1", ("unknown_variant", "isotopologue_of", "Fentanyl")),
        ("CC(O)=CC(C)=O", ("unknown_variant", "tautomer_of", "Acetylacetone")),
        (BROMOFENTANYL, ("unknown_variant", "analogue_of", "Fentanyl")),
        ("CCNC(C)C(=O)c1ccc(C)cc1", ("unknown_variant", "analogue_of", "Mephedrone")),
        ("Fc1ccc(CCN2CCC(Nc3ccccc3)CC2)cc1", ("unknown_variant", "analogue_of", "Fentanyl")),  # no class, but the scaffold
        ("CN(C)CCc1c[nH]c2ccccc12", ("class_only", None, None)),  # a tryptamine, and none in this catalogue
        ("CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21", ("class_only", None, None)),
        ("c1ccccc1", ("no_match", None, None)),
        ("OCC1OC(O)C(O)C(O)C1O", ("no_match", None, None)),
        ("CC(=O)Nc1ccc(O)cc1", ("no_match", None, None)),
        ("CC(=O)Oc1ccccc1C(=O)O", ("no_match", None, None)),
        ("Cn1c(=O)[nH]c2ncn(C)c2c1=O", ("no_match", None, None)),  # theophylline: kinship with caffeine is none with a drug
        ("CCN(CC)CC(=O)Nc1c(C)cccc1C", ("no_match", None, None)),
        ("CCOC(C)=O", ("no_match", None, None)),
        ("O", ("no_match", None, None)),
    ],
)
def test_verdict_and_relation(query: str, expected: tuple[str, str | None, str | None], catalogue: Catalogue) -> None:
    assert best(query, catalogue) == expected


def test_the_difference_of_an_unknown_fentanyl_is_said_in_words(catalogue: Catalogue) -> None:
    result = identify_structure(BROMOFENTANYL, catalogue)
    assert result.difference == "4-bromo on the aniline ring of fentanyl"
    assert result.characterise
    assert [match.difference for match in result.matches[:2]] == [
        "4-bromo on the aniline ring of fentanyl",
        "4-bromo instead of 4-chloro on the aniline ring of para-Chlorofentanyl",
    ]
    assert all(0 < match.score < 1 for match in result.matches)


def test_words_about_connections_say_that_stereochemistry_is_left_out(catalogue: Catalogue) -> None:
    # 6-monoacetylmorphine with its configuration, beside heroin with its own; and flat, where nothing is left out.
    chiral = "CC(=O)O[C@H]1C=C[C@H]2[C@H]3CC4=C5[C@]2([C@H]1OC5=C(C=C4)O)CCN3C"
    words = "3-hydroxy instead of 3-acetoxy on the 4,5-epoxymorphinan skeleton of heroin"
    assert identify_structure(chiral, catalogue).difference == f"{words}, stereochemistry apart"
    assert identify_structure("CC(=O)OC1C=CC2C3Cc4ccc(O)c5c4C2(CCN3C)C1O5", catalogue).difference == words


def test_the_other_stereoisomer_is_called_one(catalogue: Catalogue) -> None:
    assert identify_structure("COc1ccc2c(c1)[C@@]13CCCC[C@H]1[C@@H](C2)N(C)CC3", catalogue).difference == "a stereoisomer of dextromethorphan"


def test_a_match_needs_no_characterisation_and_has_score_one(catalogue: Catalogue) -> None:
    result = identify_structure(FENTANYL, catalogue)
    assert (result.characterise, result.difference, result.matches[0].score, result.matches[0].probability) == (False, None, 1.0, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (FENTANYL + ".Cl", "STRUC-001"),
        ("C[C@H](CC(c1ccccc1)(c1ccccc1)C(=O)CC)N(C)C", "STRUC-010"),
        ("COc1ccc2c(c1)[C@@]13CCCC[C@H]1[C@@H](C2)N(C)CC3", "STRUC-011"),
        ("CCC(=O)N(c1ccccc1)C1CCN(CCc2c([2H])c([2H])c([2H])c([2H])c2[2H])CC1", "STRUC-012"),
        ("CC(O)=CC(C)=O", "STRUC-013"),
        (BROMOFENTANYL, "STRUC-015"),
        ("CN(C)CCc1c[nH]c2ccccc12", "STRUC-016"),
        ("c1ccccc1", "STRUC-017"),
        ("PCP", "STRUC-006"),
    ],
)
def test_the_reason_is_a_finding(query: str, code: str, catalogue: Catalogue) -> None:
    assert code in [finding.code for finding in identify_structure(query, catalogue).findings]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Fentanyl", "name"),
        ("  fenTANYL ", "name"),
        ("duragesic", "name"),
        ("437-38-7", "cas"),
        ("PJMPHNIQZUBGLI-UHFFFAOYSA-N", "inchikey"),
        ("InChI=1S/C22H28N2O/c1-2-22(25)24(20-11-7-4-8-12-20)21-14-17-23(18-15-21)16-13-19-9-5-3-6-10-19/h3-12,21H,2,13-18H2,1H3", "inchi"),
        (Chem.MolToMolBlock(Chem.MolFromSmiles(FENTANYL)), "mol"),
        (FENTANYL, "smiles"),
    ],
)
def test_everything_that_may_be_typed_for_fentanyl_is_fentanyl(text: str, kind: str, catalogue: Catalogue) -> None:
    result = identify_structure(text, catalogue)
    assert (result.verdict, result.query.kind, result.query.input) == (Verdict.MATCH, kind, text)
    assert result.best is not None
    assert result.best.substance.name == "Fentanyl"


def test_a_name_goes_before_a_smiles(catalogue: Catalogue) -> None:
    assert best("PCP", catalogue) == ("match", "same", "Phencyclidine")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "query is empty"),
        ("no such drug", "no name in the catalogue and no SMILES"),
        ("437-38-8", "check digit is 8; expected 7"),
        ("50-00-0", "no substance of the catalogue"),
        ("AAAAAAAAAAAAAA-UHFFFAOYSA-N", "no substance of the catalogue"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("twin", r"2 substances \(Twin one, Twin two\)"),
        ("InChI=1S/nonsense", "InChI"),
        ("missing.sdf", "cannot be read"),
        ("*c1ccccc1", "wildcard"),
    ],
)
def test_bad_input_is_one_sentence(text: str, says: str, catalogue: Catalogue) -> None:
    with pytest.raises(NpsIdentError, match=says) as caught:
        identify_structure(text, catalogue)
    assert "\n" not in str(caught.value)


def test_top_limits_the_matches_and_must_be_positive(catalogue: Catalogue) -> None:
    assert len(identify_structure(BROMOFENTANYL, catalogue, top=1).matches) == 1
    with pytest.raises(InputError, match="'top' parameter"):
        identify_structure(BROMOFENTANYL, catalogue, top=0)


def sdf(*smiles: str) -> str:
    return "".join(f"sample {i}{Chem.MolToMolBlock(Chem.MolFromSmiles(s))}> <NOTE>\nx\n\n$$$$\n" for i, s in enumerate(smiles, 1))


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_several_structures_is_answered_record_by_record(packed: bool, tmp_path: Path, catalogue: Catalogue) -> None:
    good = sdf(FENTANYL, BROMOFENTANYL)
    content = (good + good.split("$$$$\n")[0].replace(" N ", " Qx", 1) + "$$$$\n" + sdf("c1ccccc1")).encode()
    path = tmp_path / ("some.sdf.gz" if packed else "some.sdf")
    path.write_bytes(gzip.compress(content) if packed else content)
    results = list(identify_structures(str(path), catalogue))
    assert [r.verdict.value if not isinstance(r, NpsIdentError) else "error" for r in results] == [
        "match", "unknown_variant", "error", "no_match",
    ]  # fmt: skip
    assert isinstance(results[2], ChemistryError)
    assert f"{path}: Record 3 of the SDF" in str(results[2])
    first = results[0]
    assert not isinstance(first, NpsIdentError)
    assert (first.query.title, first.query.file, first.query.index) == ("sample 1", str(path), 0)
    assert first.query.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(InputError, match="holds 4 structures"):
        identify_structure(str(path), catalogue)


def test_a_smiles_file_is_read_line_by_line(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "list.smi"
    path.write_text(f"# comment\n{FENTANYL} F1\n\nnonsense\nc1ccccc1\n")
    results = list(identify_structures(str(path), catalogue))
    assert [getattr(r, "verdict", None) for r in results] == [Verdict.MATCH, None, Verdict.NO_MATCH]
    assert "line 4" in str(results[1])


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"\xff\xfe\x00", b"hello\nworld\n", b"$$$$\n$$$$\n", b"\x1f\x8b\x08broken"])
def test_a_damaged_file_is_one_sentence(content: bytes, tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "bad.sdf"
    path.write_bytes(content)
    with pytest.raises(NpsIdentError, match=r"bad\.sdf") as caught:
        identify_structure(str(path), catalogue)
    assert "\n" not in str(caught.value)


def test_every_answer_obeys_the_schema(catalogue: Catalogue, schema: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "some.sdf"
    path.write_text(sdf(FENTANYL, BROMOFENTANYL))
    queries = [FENTANYL, FENTANYL + ".Cl", BROMOFENTANYL, "heroin", "76-99-3", "c1ccccc1"]
    queries += ["CN(C)CCc1c[nH]c2ccccc12", "CC(O)=CC(C)=O", "[Na+].[Cl-]"]
    results = [identify_structure(query, catalogue) for query in queries]
    results += [r for r in identify_structures(str(path), catalogue) if not isinstance(r, NpsIdentError)]
    assert len(results) == len(queries) + 2
    for result in results:
        jsonschema.validate(json.loads(result.to_json()), schema)


def test_the_schema_refuses_what_is_no_answer(catalogue: Catalogue, schema: dict[str, Any]) -> None:
    answer = identify_structure(FENTANYL, catalogue).to_dict()
    for change in ({"verdict": "isomer_set"}, {"extra": 1}, {"matches": [{}]}, {"schema": "nps-ident/structure/2"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**answer, **change}, schema)


def test_the_frame_has_one_row_a_match(catalogue: Catalogue) -> None:
    frame = identify_structure(BROMOFENTANYL, catalogue).to_frame()
    assert list(frame["name"])[:2] == ["Fentanyl", "para-Chlorofentanyl"]
    assert len(identify_structure("c1ccccc1", catalogue).to_frame()) == 0


def test_the_index_is_kept_read_again_and_made_anew_when_damaged(catalogue: Catalogue) -> None:
    first = index_of(catalogue.substances)
    folder = cache_folder() / "structures"
    index_of.cache_clear()
    made = index_of(catalogue.substances)
    [path] = folder.iterdir()
    for content in (b"", b"PK\x03\x04rubbish", path.read_bytes()[:200]):
        path.write_bytes(content)
        index_of.cache_clear()
        again = index_of(catalogue.substances)
        assert np.array_equal(again.bits, made.bits)
        assert again.scaffolds == made.scaffolds == first.scaffolds


def test_the_index_refuses_pickles(catalogue: Catalogue) -> None:
    index_of.cache_clear()
    made = index_of(catalogue.substances)
    [path] = (cache_folder() / "structures").iterdir()
    with path.open("wb") as stream:
        np.savez(stream, bits=made.bits, scaffolds=np.array(made.scaffolds, dtype=object))
    index_of.cache_clear()
    assert index_of(catalogue.substances).scaffolds == made.scaffolds


def test_a_recorded_answer_is_replayed_to_the_same_bytes(tmp_path: Path) -> None:
    settings = {"verb": "structure", "structure": BROMOFENTANYL, "top": 3, "catalogue": None}
    result = identify_structure(BROMOFENTANYL, open_known(), top=3)
    with open_ledger(tmp_path / "ledger.sqlite", key=tmp_path / "key") as ledger:
        recorded = record(result, ledger, settings=settings)
        assert recorded.record
        assert replay(ledger.get(recorded.record), rerun_structure).same


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["structure", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_command_prints_a_table_and_records(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    status, out, err = run(capsys, BROMOFENTANYL, "--ledger", str(ledger), "--analyst", "A. Chemist")
    assert status == 0
    assert "4-bromo on the aniline ring of fentanyl" in out
    assert err == ""
    with open_ledger(ledger, read_only=True) as opened:
        [entry] = opened.newest(5)
        assert entry.result["query"]["input"] == BROMOFENTANYL
        assert entry.content["analyst"] == "A. Chemist"
        assert entry.id in out


def test_the_command_records_nothing_when_told_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    status, out, _ = run(capsys, "heroin", "--ledger", str(ledger), "--no-record", "--format", "json")
    assert status == 0
    assert json.loads(out)[0]["record"] is None
    assert not ledger.exists()


def test_json_lines_are_one_object_a_structure_in_order(capsys: pytest.CaptureFixture[str], schema: dict[str, Any]) -> None:
    status, out, _ = run(capsys, "heroin", "437-38-7", "c1ccccc1", "--format", "jsonl")
    answers = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [answer["verdict"] for answer in answers] == ["match", "match", "no_match"]
    for answer in answers:
        jsonschema.validate(answer, schema)
        assert answer["record"]


def test_a_bad_structure_is_named_and_the_others_are_answered(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "no such drug", "heroin", "--format", "csv")
    assert status == 1
    assert err == (
        "nps-ident: 'no such drug' is no name in the catalogue and no SMILES; "
        "expected SMILES, InChI, a MOL or SDF file, or a name or CAS number of the catalogue.\n"
    )
    assert out.splitlines()[1].startswith("heroin,,match,morphinan/opiate,Heroin,same,1.0,")


def test_hostile_names_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "evil.sdf"
    path.write_text("\x1b[2Jevil" + Chem.MolToMolBlock(Chem.MolFromSmiles(FENTANYL)) + "$$$$\n")
    _, out, err = run(capsys, str(path))
    assert "\x1b" not in out + err
    assert "evil" in out


def test_an_empty_answer_is_no_crash(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "nonsense here")[:2] == (1, "")


def test_a_wrong_top_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["structure", "heroin", "--top", "0"])
    assert caught.value.code == 2
    capsys.readouterr()


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return open_catalogue()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("heroin", ("match", "same", "Heroin")),
        ("437-38-7", ("match", "same", "Fentanyl")),
        (FENTANYL + ".Cl", ("match", "salt_of", "Fentanyl")),
        (BROMOFENTANYL, ("unknown_variant", "analogue_of", "Fentanyl")),
        ("Cn1c(=O)c2c(ncn2C)n(C)c1=O", ("match", "same", "Caffeine")),
    ],
)
def test_the_catalogue_that_ships_answers(query: str, expected: tuple[str, str, str], shipped: Catalogue) -> None:
    assert best(query, shipped) == expected


@pytest.mark.parametrize(
    "smiles",
    [
        "c1ccccc1", "CCCCCCO", "CC(=O)c1ccccc1", "CN(C)C(=N)NC(N)=N", "CC1(C)SC2C(NC(=O)Cc3ccccc3)C(=O)N2C1C(=O)O", "OCC(O)C(O)C(O)C(O)C=O",
        "CCCCCCCCCCCCCCCC(=O)OC", "COc1ccc2[nH]c(S(=O)Cc3ncc(C)c(OC)c3C)nc2c1", "Nc1ccc(S(=O)(=O)Nc2ncccn2)cc1",
        "CC(C)(C)NCC(O)COc1cccc2ccccc12",
    ],
)  # fmt: skip
def test_medicines_and_solvents_are_no_match_in_the_catalogue_that_ships(smiles: str, shipped: Catalogue) -> None:
    assert identify_structure(smiles, shipped).verdict is Verdict.NO_MATCH


def test_every_substance_that_ships_is_found_as_itself(shipped: Catalogue) -> None:
    for substance in shipped.substances[::40]:
        result = identify_structure(substance.smiles or "", shipped, top=1)
        assert (result.verdict, result.best and result.best.substance.inchikey) == (Verdict.MATCH, substance.inchikey)


def test_two_drugs_in_one_structure_are_refused_not_answered_by_the_larger() -> None:
    with pytest.raises(ChemistryError, match="several organic parts"):
        identify_structure("CNC(C)Cc1ccc2OCOc2c1.CN1C(=O)N(C)c2ncn(C)c2C1=O")
