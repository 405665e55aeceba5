"""``nps-ident ledger``: verify, show, replay or export the record of identifications."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

from nps_ident.cli.terminal import add_format_option, print_rows, print_table, shown

if TYPE_CHECKING:
    import argparse

    from nps_ident.ledger import Ledger, LedgerEntry

__all__ = ["configure", "run"]

_LIST_COLUMNS = ("record", "time", "analyst", "query", "verdict", "name", "probability")
_EXPORT_COLUMNS = (
    "record", "time", "analyst", "query", "file", "index", "technique", "verdict", "characterise", "name", "inchikey", "drug_class",
    "score", "match_factor", "reverse_match_factor", "probability", "log10_lr", "library", "library_sha256", "calibration",
    "input_sha256", "software", "hash",
)  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident ledger``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    verify = actions.add_parser("verify", help="prove that nothing was altered, lost or cut off")
    verify.add_argument("--head", metavar="FILE", help="the signed head to prove the end against (default: the one kept beside the key)")
    verify.add_argument("--key", metavar="FILE", action="append", default=[], help="a key file, private or public, to be trusted too")
    add_format_option(verify)

    show = actions.add_parser("show", help="one record, or the newest ones")
    show.add_argument("record", metavar="ID", nargs="?", help="a record's id or number; without it, the newest are listed")
    show.add_argument("--last", metavar="N", type=int, default=20, help="how many to list (default: 20)")
    add_format_option(show)

    replay = actions.add_parser("replay", help="run records again from their inputs and compare the bytes")
    replay.add_argument("records", metavar="ID", nargs="+", help="a record's id or number")
    add_format_option(replay)

    export = actions.add_parser("export", help="every record, as JSON Lines or CSV")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="how records are printed (default: jsonl)")

    for action in (verify, show, replay, export):
        action.add_argument("--ledger", metavar="PATH", help="the ledger (default: in the user's data folder)")


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident ledger`` was asked; returns the exit status."""
    from nps_ident.ledger import open_ledger

    with open_ledger(arguments.ledger, read_only=True) as ledger:
        return {"verify": _verify, "show": _show, "replay": _replay, "export": _export}[arguments.action](ledger, arguments, sys.stdout)


def _verify(ledger: Ledger, arguments: argparse.Namespace, out: TextIO) -> int:
    from nps_ident.ledger import verify

    report = verify(ledger, arguments.head, keys=arguments.key)
    problems = [{"sequence": problem.sequence, "problem": problem.text} for problem in report.problems]
    if arguments.format == "table":
        print(shown(report.summary), file=out)
        if problems:
            print_rows(problems, ("sequence", "problem"), out, form="table")
    elif arguments.format == "csv":
        print_rows(problems, ("sequence", "problem"), out, form="csv")
    else:
        outcome = {
            "ledger": str(ledger.path),
            "ledger_id": report.ledger,
            "holds": report.holds,
            "summary": report.summary,
            "n_records": report.n_records,
            "n_unproven": report.n_unproven,
            "head": report.head.to_dict() if report.head else None,
            "problems": problems,
        }
        print(json.dumps(outcome, ensure_ascii=False, indent=1 if arguments.format == "json" else None), file=out)
    messages = sys.stderr
    if report.head and not arguments.head:
        print(f"signed head: {shown(ledger.head_file)} (a copy kept elsewhere proves, with --head, even against its owner)", file=messages)
    return 0 if report.holds else 1


def _show(ledger: Ledger, arguments: argparse.Namespace, out: TextIO) -> int:
    if arguments.record is None:
        print_rows([_row(entry) for entry in ledger.newest(max(arguments.last, 0))], _LIST_COLUMNS, out, form=arguments.format)
        return 0
    entry = ledger.get(arguments.record)
    if arguments.format == "table":
        _print_record(entry, out)
    elif arguments.format == "csv":
        print_rows([_row(entry)], _EXPORT_COLUMNS, out, form="csv")
    else:
        print(json.dumps(_whole(entry), ensure_ascii=False, indent=1 if arguments.format == "json" else None), file=out)
    if not entry.is_intact:
        messages = sys.stderr
        print(f"nps-ident: record {entry.id} was changed after it was written; run 'nps-ident ledger verify'.", file=messages)
        return 1
    return 0


def _replay(ledger: Ledger, arguments: argparse.Namespace, out: TextIO) -> int:
    from nps_ident.identify.replaying import rerun
    from nps_ident.ledger import replay

    reports = [replay(ledger.get(record), rerun) for record in arguments.records]
    if arguments.format == "table":
        for report in reports:
            print(shown(report.summary), file=out)
            if report.differences:
                rows = [(d.field, _brief(d.recorded), _brief(d.replayed)) for d in report.differences]
                print_table(rows, ("field", "recorded", "replayed"), out)
    else:
        rows_out = [
            {"record": r.record, "same": r.same, "failure": r.failure, "field": d.field, "recorded": d.recorded, "replayed": d.replayed}
            if d
            else {"record": r.record, "same": r.same, "failure": r.failure, "field": None, "recorded": None, "replayed": None}
            for r in reports
            for d in (r.differences or (None,))
        ]
        print_rows(rows_out, ("record", "same", "failure", "field", "recorded", "replayed"), out, form=arguments.format)
    return 0 if all(report.same for report in reports) else 1


def _export(ledger: Ledger, arguments: argparse.Namespace, out: TextIO) -> int:
    if arguments.format == "csv":
        print_rows((_row(entry) for entry in ledger.entries()), _EXPORT_COLUMNS, out, form="csv")
        return 0
    for entry in ledger.entries():
        # The record's own bytes, so that whoever receives the line can check its hash.
        print(f'{{"id":"{entry.id}","hash":{json.dumps(entry.hash)},"record":{entry.data.decode()}}}', file=out)
    return 0


def _whole(entry: LedgerEntry) -> dict[str, Any]:
    return {"id": entry.id, "hash": entry.hash, "record": entry.content}


def _row(entry: LedgerEntry) -> dict[str, Any]:
    """One record as one flat row: who asked what and when, the verdict, its best candidate, and what it rests on."""
    content, result = entry.content, entry.result
    query, library = result.get("query") or {}, result.get("library") or {}
    best = (result.get("matches") or [{}])[0]
    taken = ("name", "inchikey", "drug_class", "score", "match_factor", "reverse_match_factor", "probability", "log10_lr")
    software = content.get("software") or {}
    return {
        "record": entry.id,
        "time": content.get("time"),
        "analyst": content.get("analyst"),
        "query": query.get("id", query.get("input")),
        "file": query.get("file"),
        "index": query.get("index"),
        "technique": query.get("technique"),
        "verdict": result.get("verdict") or result.get("conclusion") or result.get("event"),
        "characterise": result.get("characterise"),
        **{name: best.get(name) for name in taken},
        "library": library.get("name"),
        "library_sha256": library.get("sha256"),
        "calibration": content.get("calibration"),
        "input_sha256": (content.get("input") or {}).get("sha256"),
        "software": " ".join(f"{name} {version}" for name, version in software.items()),
        "hash": entry.hash,
    }


def _print_record(entry: LedgerEntry, out: TextIO) -> None:
    """A record for reading: its facts, its hit list, its findings and its settings."""
    row = _row(entry)
    facts = [(name, row[name]) for name in ("record", "time", "analyst", "query", "file", "index", "technique", "verdict", "characterise")]
    facts += [(name, row[name]) for name in ("library", "library_sha256", "calibration", "input_sha256", "software", "hash")]
    print_table([(name, None if value is None else str(value)) for name, value in facts], ("field", "value"), out)
    matches = entry.result.get("matches") or []
    if matches:
        print(file=out)
        wanted = ("rank", "name", "drug_class", "relation", "score", "match_factor", "probability", "log10_lr")
        columns = [name for name in wanted if name in matches[0]]
        print_rows(matches, columns, out, form="table")
    if entry.result.get("event"):
        said = [(name, _brief(value)) for name, value in entry.result.items() if name not in {"schema", "query", "record"}]
        print(file=out)
        print_table(said, ("event", "value"), out)
    findings = entry.result.get("findings") or []
    if findings:
        print(file=out)
        print_rows(findings, ("code", "severity", "text"), out, form="table")
    if entry.settings:
        print(file=out)
        print_table([(name, _brief(value)) for name, value in entry.settings.items()], ("setting", "value"), out)


def _brief(value: Any) -> str:
    """A JSON value on one line, cut where nobody reads on."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
