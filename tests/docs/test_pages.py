"""The pages of docs/ keep up with the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from nps_ident.cli import VERBS, build_parser
from nps_ident.model import Severity, Verdict

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "reference_spectra").glob("*.md")])
CODE = r"[A-Z]{3,6}-[0-9]{3}"


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _codes_in_table(text: str) -> list[str]:
    return re.findall(rf"^\| `?({CODE})`? \|", text, flags=re.MULTILINE)


def test_the_cli_reference_is_what_the_program_would_write_now(make: Any) -> None:
    assert _page("cli.md") == make.cli_reference(), "run `python docs/make.py`"


def test_every_verb_has_its_heading_in_the_cli_reference() -> None:
    headings = re.findall(r"^## nps-ident (\S+)$", _page("cli.md"), flags=re.MULTILINE)
    assert headings == list(VERBS)


def test_every_finding_code_of_the_program_is_explained_once_and_no_other() -> None:
    used = set()
    for module in (ROOT / "nps_ident").rglob("*.py"):
        used |= set(re.findall(rf'"({CODE})"', module.read_text(encoding="utf-8")))
    explained = _codes_in_table(_page("findings.md"))
    assert sorted(explained) == sorted(used)


def test_the_rules_of_the_catalogue_are_those_of_the_program(make: Any) -> None:
    assert make.block(_page("findings.md"), "rules of the catalogue") == make.rules_table(), "run `python docs/make.py`"


def test_the_planted_errors_are_those_of_the_results(make: Any) -> None:
    assert make.block(_page("reference_data.md"), "planted errors") == make.planted_table(make.RESULTS), "run `python docs/make.py`"


def test_what_is_found_of_mixtures_is_that_of_the_results(make: Any) -> None:
    assert make.block(_page("mixtures.md"), "mixtures") == make.mixtures_table(make.RESULTS), "run `python docs/make.py`"


def test_what_tells_isomers_apart_is_the_table_of_the_program(make: Any) -> None:
    assert make.block(_page("isomers.md"), "separation") == make.separation_table(), "run `python docs/make.py`"


def test_each_finding_has_a_severity_that_exists() -> None:
    severities = re.findall(rf"^\| {CODE} \| ([a-z, ]+) \|", _page("findings.md"), flags=re.MULTILINE)
    assert len(severities) == len(_codes_in_table(_page("findings.md")))
    assert {word for stated in severities for word in stated.split(", ")} <= {severity.value for severity in Severity}


def test_pages_that_repeat_findings_agree_with_the_list_of_all() -> None:
    explained = set(_codes_in_table(_page("findings.md")))
    for page in PAGES:
        assert set(_codes_in_table(page.read_text(encoding="utf-8"))) <= explained, page.name


def test_every_page_is_reached_from_the_index() -> None:
    index = _page("index.md")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert pages == set(re.findall(r"\]\(([^)]+\.md)\)", index))


def test_every_verdict_is_explained() -> None:
    concepts = _page("concepts.md")
    for verdict in Verdict:
        assert f"| `{verdict.value}` |" in concepts


def test_the_architecture_page_names_the_floors_of_the_import_contract_in_order() -> None:
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2].partition("]")[0]
    floors = [re.findall(r"nps_ident\.(\w+)", line) for line in contract.splitlines() if "nps_ident." in line]
    rows = re.findall(r"^\| [0-9] \| (.*?) \|", _page("architecture.md"), flags=re.MULTILINE)
    assert [sorted(re.findall(r"`(\w+)", row)) for row in rows] == [sorted(floor) for floor in reversed(floors)]


def test_every_command_that_a_page_shows_is_one_that_the_program_takes() -> None:
    parser = build_parser()
    commands = [line for page in PAGES if page.name != "cli.md" for line in _commands(page.read_text(encoding="utf-8"))]
    assert len(commands) > 10
    for line in commands:
        parser.parse_args(shlex.split(line.partition(" > ")[0])[1:])


def _commands(text: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("nps-ident ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "#", "mailto:")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"
