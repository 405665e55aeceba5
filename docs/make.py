"""Write what the documentation takes from the program itself: the CLI reference, the printed tables, the pictures, the accuracy.

    python docs/make.py

Writes ``docs/cli.md``, ``docs/pictures/``, the rules in ``docs/findings.md`` and the marked blocks of ``README.md``
(``<!-- output: … -->``, ``<!-- accuracy -->``, ``<!-- speed -->``).
``tests/docs`` fails when one of them is out of date.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "accuracy" / "results"
SPEED = ROOT / "benchmarks" / "speed" / "results.json"
SHIPPED_TABLES = {
    "substances": "substances of the catalogue",
    "ei_principal_ions": "EI-MS records",
    "msms_principal_ions": "MS/MS records",
    "fragment_lists": "diagnostic ions of substances and classes",
}
ACCURACY_ROWS = {
    "ei": "EI",
    "ei-background": "EI, large library",
    "ei-principal-ions": "EI, principal ions",
    "msms": "MS/MS",
    "msms-background": "MS/MS, large library",
    "msms-principal-ions": "MS/MS, principal ions",
}


ACCURACY_COLUMNS = (
    "queries against",
    "known / unknown / decoy",
    "rank 1",
    "rank 3",
    "`match`",
    "wrong `match`",
    "`match` on unknown / decoy",
    "named on unknown / decoy",
    "ECE",
    "Cllr",
    "date",
)


def main() -> None:
    """Write everything anew."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        printed = identify_output(text, Path(folder))
        pictures = ROOT / "docs" / "pictures"
        pictures.mkdir(exist_ok=True)
        for picture in sorted(Path(folder).glob("*.png")):
            shutil.copy(picture, pictures / picture.name)
    text = with_block(text, "output: identify", f"```text\n{printed}```")
    text = with_block(text, "accuracy", accuracy_table(RESULTS))
    text = with_block(text, "speed", speed_table(SPEED))
    text = with_block(text, "output: shipped", shipped_table(ROOT / "reference_spectra"))
    readme.write_text(text, encoding="utf-8")
    findings = ROOT / "docs" / "findings.md"
    findings.write_text(with_block(findings.read_text(encoding="utf-8"), "rules of the catalogue", rules_table()), encoding="utf-8")
    reference = ROOT / "docs" / "reference_data.md"
    reference.write_text(with_block(reference.read_text(encoding="utf-8"), "planted errors", planted_table(RESULTS)), encoding="utf-8")
    mixtures = ROOT / "docs" / "mixtures.md"
    mixtures.write_text(with_block(mixtures.read_text(encoding="utf-8"), "mixtures", mixtures_table(RESULTS)), encoding="utf-8")
    isomers = ROOT / "docs" / "isomers.md"
    isomers.write_text(with_block(isomers.read_text(encoding="utf-8"), "separation", separation_table()), encoding="utf-8")
    (ROOT / "docs" / "cli.md").write_text(cli_reference(), encoding="utf-8")


def command(readme: str, name: str) -> str:
    """The one line in the fenced block below ``<!-- command: NAME -->``."""
    found = re.findall(rf"^<!-- command: {re.escape(name)} -->\n```sh\n(.*?)```$", readme, flags=re.MULTILINE | re.DOTALL)
    [block] = found
    [line] = block.splitlines()
    return str(line)


def block(text: str, name: str) -> str:
    """What stands between ``<!-- NAME -->`` and ``<!-- end -->``."""
    [inner] = re.findall(rf"<!-- {re.escape(name)} -->\n(.*?)<!-- end -->", text, flags=re.DOTALL)
    return str(inner).removesuffix("\n")


def with_block(text: str, name: str, inner: str) -> str:
    """The text with another block of that name."""
    block(text, name)
    begin, end = f"<!-- {name} -->\n", "<!-- end -->"
    before, _, rest = text.partition(begin)
    return f"{before}{begin}{inner}\n{end}{rest.partition(end)[2]}"


def identify_output(readme: str, folder: Path) -> str:
    """What the identification in the README's first command prints; its picture goes into the folder."""
    words = shlex.split(command(readme, "identify").rpartition("nps-ident ")[2])
    words = [str(folder / word) if word.endswith(".png") else word for word in words]
    run = [sys.executable, "-c", "import sys; from nps_ident.cli import main; sys.exit(main())", *words]
    environment = {**os.environ, "NPS_IDENT_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(run, check=True, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, env=environment).stdout  # noqa: S603


def accuracy_table(results: Path) -> str:
    """The accuracy files as one table; a file that is not there is a row less."""
    lines = [f"| {' | '.join(ACCURACY_COLUMNS)} |", "|---" * len(ACCURACY_COLUMNS) + "|"]
    for stem, label in ACCURACY_ROWS.items():
        path = results / f"{stem}.json"
        if path.is_file():
            record = json.loads(path.read_text(encoding="utf-8"))
            technique = stem.partition("-")[0]
            lines.append(_accuracy_row(label, record["scores"][technique], record["date"]))
    return "\n".join(lines)


def _accuracy_row(label: str, kinds: dict[str, Any], date: str) -> str:
    known, unknown, decoy = (kinds[kind] for kind in ("known", "unknown", "decoy"))

    def pair(key: str) -> str:
        return f"{unknown[key]:.3f} / {decoy[key]:.3f}"

    cells = [
        label,
        f"{known['n']} / {unknown['n']} / {decoy['n']}",
        *(f"{known[key]:.3f}" for key in ("rank1", "rank3", "yield", "wrong_match")),
        pair("false_match"),
        pair("false_named"),
        f"{known['ece']:.3f}",
        f"{known['cllr']:.2f}",
        date,
    ]
    return f"| {' | '.join(cells)} |"


def speed_table(results: Path) -> str:
    """The measured speed beside that of peers; one sentence where nothing was kept."""
    if not results.is_file():
        return "`python -m benchmarks.speed` measures it; no figures are kept yet."
    kept = json.loads(results.read_text(encoding="utf-8"))
    settings = kept["settings"]
    threads = {pool["num_threads"] for pool in settings["thread_pools"]}
    lines = ["| work | ours | beside | peer | ratio |", "|---|---|---|---|---|"]
    for section in kept["sections"].values():
        lines += [_speed_row(row) for row in section["comparisons"]]
    said = f"{settings['date']}, Python {settings['python']}, {settings['machine']}; threads of numerical libraries: {max(threads, default=1)}."
    return "\n".join([*lines, "", f"Medians of interleaved rounds, {said}"])


def _speed_row(row: dict[str, Any]) -> str:
    peer = row["peer_median_s"]
    ratio = "" if peer is None else f"{row['ratio']:.3g} ({row['ratio_is']})"
    beside = "" if row["peer"] is None else _cell(row["peer"])
    cells = [_cell(row["name"]), _time(row["ours_median_s"]), beside, "" if peer is None else _time(peer), ratio]
    return f"| {' | '.join(cells)} |"


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def shipped_table(folder: Path) -> str:
    """How much the tables of ``reference_spectra/`` hold."""
    lines = ["| table | rows | substances |", "|---|---|---|"]
    for stem, label in SHIPPED_TABLES.items():
        with (folder / f"{stem}.tsv").open(encoding="utf-8", newline="") as file:
            keys = [row["inchikey"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        lines.append(f"| {label} | {len(keys):,} | {len(set(filter(None, keys))):,} |")
    return "\n".join(lines)


def rules_table() -> str:
    """The rules of ``nps-ident catalogue check``."""
    from nps_ident.catalogue.rules import RULES

    rows = (f"| {rule.code} | {rule.severity.value} | {_cell(rule.explanation)} |" for rule in RULES.values())
    return "\n".join(["| code | severity | must hold |", "|---|---|---|", *rows])


def planted_table(results: Path) -> str:
    """What ``nps-ident catalogue check`` notices of planted errors."""
    found = json.loads((results / "planted_errors.json").read_text(encoding="utf-8"))
    rows = [
        f"| {name} | {planted} | {counts['n']} | {counts.get('error', 0) / counts['n']:.3f} | {counts.get('noticed', 0) / counts['n']:.3f} |"
        for technique, name in (("ei", "EI"), ("unseen", "EI, whole spectra of other compounds"), ("msms", "MS/MS"))
        for planted, counts in sorted(found[technique].items(), key=lambda item: (item[0] != "nothing", "shifted" not in item[0], item[0]))
    ]
    return "\n".join(["| records | planted | n | error | error or warning |", "|---|---|---|---|---|", *rows])


def mixtures_table(results: Path) -> str:
    """What of EI sums is found, by number of components and share of the minor one, beside other ways of unmixing."""
    found = json.loads((results / "mixtures.json").read_text(encoding="utf-8"))["ei"]["components"]
    heads = ("EI sum", "n", "called `mixture`", "major parts found", "minor part found", "false components a sum")
    beside = ("scipy NNLS over 5 %: minor found", "false a sum", "inverted, told the number: minor found", "false a sum")
    lines = [
        f"| {' | '.join(heads + beside)} |",
        f"|{'---|' * 10}",
    ]
    for name, ways in sorted(found.items(), key=lambda item: (int(item[0][0]), int(item[0].split()[-1].removesuffix("%")))):
        ours, full, inverted = ways["identify"], ways["nnls_all_above_5_percent"], ways["inverted_told_the_number"]
        shares = [f"{ours[key]:.0%}" for key in ("answered", "majors_found", "minor_found")]
        others = [f"{way[key]:{form}}" for way in (full, inverted) for key, form in (("minor_found", ".0%"), ("false_components_a_sum", ".2f"))]
        false = f"{ours['false_components_a_sum']:.2f}"
        lines.append(f"| {' | '.join([name, str(ours['n']), *shares, false, *others])} |")
    return "\n".join(lines)


def separation_table() -> str:
    """What tells isomers apart."""
    with (ROOT / "nps_ident" / "confidence" / "separation.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    told = (f"| {' | '.join([*cells[:3], cells[3].replace('|', ', '), *cells[4:]])} |" for cells in (list(row.values()) for row in rows))
    return "\n".join(["| they differ in | class | measured | what settles it | why | source |", "|---|---|---|---|---|---|", *told])


def cli_reference() -> str:
    """``docs/cli.md`` from the parser of the program."""
    from nps_ident.cli import VERBS, build_parser

    parser = build_parser()
    lines = [
        "# The command line",
        "",
        "Written by `python docs/make.py` from the program itself; do not edit.",
        "",
        f"{parser.description} Answers go to standard output, messages and progress to standard error.",
        str(parser.epilog),
        "",
        "| verb | does |",
        "|---|---|",
        *(f"| [`{verb}`](#nps-ident-{verb}) | {_cell(summary)} |" for verb, (_, summary) in VERBS.items()),
    ]
    verbs = _subparsers(parser)
    for verb in VERBS:
        lines += _verb(f"nps-ident {verb}", verbs[verb], level=2)
    return "\n".join(lines) + "\n"


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the sub-commands, by name."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update(action.choices)
    return found


def _verb(name: str, parser: argparse.ArgumentParser, *, level: int) -> Iterator[str]:
    yield from ("", f"{'#' * level} {name}", "")
    below = _subparsers(parser)
    if parser.description:
        yield from (_sentence(parser.description), "")
    actions = [a for a in parser._actions if not isinstance(a, argparse._HelpAction | argparse._SubParsersAction)]
    yield "```sh"
    yield " ".join([name, *(_usage(action) for action in actions), *(["VERB"] if below else [])])
    yield "```"
    if actions:
        yield from ("", "| argument | meaning |", "|---|---|")
        yield from (f"| {_written(action)} | {_cell(_help(action))} |" for action in actions)
    if parser.epilog:
        yield from ("", " ".join(parser.epilog.split()))
    for verb, sub in below.items():
        yield from _verb(f"{name} {verb}", sub, level=level + 1)


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    metavar = action.metavar or action.dest.upper()
    return metavar if isinstance(metavar, str) else " ".join(metavar)


def _usage(action: argparse.Action) -> str:
    takes_value = action.nargs != 0
    if not action.option_strings:
        value = _value(action)
        return {"+": f"{value}...", "*": f"[{value}...]", "?": f"[{value}]"}.get(str(action.nargs), value)
    text = action.option_strings[-1] + (f" {_value(action)}" if takes_value else "")
    return text if action.required else f"[{text}]"


def _written(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_value(action)}`".replace("|", "\\|")
    value = f" {_value(action)}" if action.nargs != 0 else ""
    return f"`{', '.join(action.option_strings)}{value}`".replace("|", "\\|")


def _help(action: argparse.Action) -> str:
    return (action.help or "") % {"default": action.default, "prog": "nps-ident"} if action.help else ""


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _sentence(text).replace("|", "\\|")


if __name__ == "__main__":
    main()
