"""The rules of the house, as tests."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nps_ident
from nps_ident.cli import VERBS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "nps_ident"
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = (".ci", "benchmarks", "docs", "notebooks", "nps_ident", "reference_spectra", "tests")
TEXTS = sorted(
    path
    for place in (*(ROOT / name for name in FOLDERS), ROOT)
    for path in (place.glob("*") if place == ROOT else place.rglob("*"))
    if path.is_file() and path.suffix in {".cfg", ".csv", ".ipynb", ".json", ".md", ".msp", ".py", ".toml", ".tsv", ".txt", ""}
    if "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts and path.name != ".git"
)
# Written in two parts, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile("(?<![\\w.:/])/" + "(?:home|Users|root|work|tmp|mnt)" + "/[\\w.-]+")
HEAVY = ("rdkit", "sklearn", "pandas", "matplotlib", "scipy", "lxml", "pyteomics", "pooch", "jsonschema", "PIL")


def _modules_after(code: str, tmp_path: Path) -> set[str]:
    """The modules that a fresh process has loaded after running the code."""
    program = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('\\n' + ' '.join(sys.modules))"
    environment = {**os.environ, "NPS_IDENT_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


def test_no_file_names_a_place_on_somebody_s_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in TEXTS
        if path != Path(__file__).resolve()
        for hit in MACHINE_PATHS.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_the_search_for_machine_paths_finds_one_and_leaves_addresses_alone() -> None:
    assert MACHINE_PATHS.search("see /" + "home/anna/query.msp")
    assert MACHINE_PATHS.search("'/" + "work/main'")
    assert not MACHINE_PATHS.search("https://example.org/home/page and docs/work/flow")


def test_the_public_names_are_these_and_each_is_there_with_its_documentation() -> None:
    verbs = ["conclude", "identify", "identify_structure", "open_ledger", "open_library", "plot", "read_exhibits", "read_spectra", "record"]
    promised = sorted(["DrugClassClassifier", "class_rows", *verbs])
    assert nps_ident.__all__ == ["__version__", *promised]
    assert dir(nps_ident) == sorted(nps_ident.__all__)
    for name in promised:
        assert len((getattr(nps_ident, name).__doc__ or "").strip()) > 40, name


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'identfy'"):
        nps_ident.identfy  # noqa: B018


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_module_exports_exactly_what_it_has_and_documents_it(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module says what it is for"
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    exported = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        if not any(isinstance(part, ast.Starred) for part in ast.walk(node.value))
    ]
    for names in exported:
        assert list(names) == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
        for name in names:
            if name in defined:
                assert ast.get_docstring(defined[name]), f"{name} has no docstring"
        if module.name != "__init__.py":
            assert {name for name in defined if not name.startswith("_")} <= set(names), "a public name is not exported"


def test_identify_stays_a_verb_whatever_was_imported_before(tmp_path: Path) -> None:
    check = "import nps_ident.identify.structure, nps_ident as nps; assert all(callable(getattr(nps, name)) for name in nps.__all__[1:])"
    assert "nps_ident.identify.structure" in _modules_after(check, tmp_path)


def test_the_verb_answers_again_and_again() -> None:
    library = nps_ident.open_library()
    [query] = nps_ident.read_spectra(ROOT / "reference_spectra" / "examples" / "exhibit_17.msp")
    first, second = nps_ident.identify(query, library), nps_ident.identify(query, library)
    assert first.to_json() == second.to_json()


def test_importing_the_package_loads_the_standard_library_only(tmp_path: Path) -> None:
    loaded = _modules_after("import nps_ident", tmp_path) - _modules_after("pass", tmp_path)
    outside = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"nps_ident"}
    assert outside == set()


def test_an_identification_from_the_command_line_loads_nothing_heavy(tmp_path: Path) -> None:
    exhibit = ROOT / "reference_spectra" / "examples" / "exhibit_17.msp"
    run = f"from nps_ident.cli import main; main(['identify', {str(exhibit)!r}])"
    _modules_after(run, tmp_path)  # compiles the starter library
    loaded = {name.partition(".")[0] for name in _modules_after(run, tmp_path)}
    assert "numpy" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_every_verb_has_its_module_and_its_page() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for verb, (module, summary) in VERBS.items():
        assert (PACKAGE / "cli" / f"{module}.py").is_file()
        assert f"## nps-ident {verb}\n" in page
        assert summary


def test_every_json_schema_is_valid_and_closed() -> None:
    from jsonschema import Draft202012Validator

    schemas = sorted((PACKAGE / "schemas").glob("*.schema.json"))
    assert [path.name.partition(".")[0] for path in schemas] == ["conclusion-1", "identification-1", "structure-1", "unknown-item-1"]
    for path in schemas:
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, path.name
        assert set(schema["required"]) == set(schema["properties"]), f"{path.name}: absent values are null, not left out"


def test_no_module_is_named_after_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
    assert [path for path in MODULES if path.stem in empty or empty & set(path.relative_to(PACKAGE).parts)] == []


def test_nothing_unpickles_or_evaluates_what_it_reads() -> None:
    forbidden = re.compile(r"^\s*(?:import|from) (?:pickle|shelve|marshal|dill|joblib)\b|\beval\(|\bexec\(|allow_pickle=True", re.MULTILINE)
    assert [path.name for path in MODULES if forbidden.search(path.read_text(encoding="utf-8"))] == []


def test_an_open_library_introduces_itself_in_a_few_words() -> None:
    shown = repr(nps_ident.open_library())
    assert "starter" in shown
    assert len(shown) < 1000
