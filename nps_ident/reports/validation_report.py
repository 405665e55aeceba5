"""The page of a validation: one self-contained HTML file for a laboratory's validation file.

No script and nothing from elsewhere; every text is escaped; the same validation gives the same bytes.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from nps_ident.reports.validation_figures import PICTURES
from nps_ident.reports.wording import VERDICT_WORDS, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["validation_html"]

_STYLE = """
body { font-family: "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; color: #111; margin: 2rem auto; max-width: 72rem;
  padding: 0 1.5rem; line-height: 1.45; font-size: 15px }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; overflow-wrap: anywhere } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; border-top: 2px solid #111;
  padding-top: .6rem } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
.place, .note { color: #444; margin: 0 0 .6rem; font-size: .88rem }
.short { border-left: .4rem solid #111; background: #f2f2f2; padding: .6rem 1.1rem; margin: 1.2rem 0 } .short p { margin: .3rem 0 }
table { border-collapse: collapse; font-size: .82rem } .wide { overflow-x: auto }
th, td { text-align: left; padding: .25rem .55rem; border-bottom: 1px solid #ccc; vertical-align: top }
td { overflow-wrap: anywhere; min-width: 5.5rem } td.number { min-width: 0; overflow-wrap: normal }
thead th { border-bottom: 2px solid #111 } tbody th { font-weight: normal; color: #444 }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } td small { color: #555 }
.groups td.number small { display: block; font-size: .7rem }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(21rem, 1fr)); gap: 1rem }
figure { margin: 0 } figure svg { width: 100%; height: auto } figcaption { font-size: .8rem; color: #444 }
ol.limits li { margin: .35rem 0 }
@page { size: A4 landscape; margin: 12mm }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 9.5pt } h2, h3 { break-after: avoid }
  tr, figure { break-inside: avoid } .figures { grid-template-columns: 1fr 1fr 1fr } .groups table { font-size: 7pt }
  .groups th, .groups td { padding: .15rem .3rem } .groups td.number small { font-size: 6pt } }
"""
_FIGURES = {
    "rank1": "first candidate right",
    "rank3": "truth among the first three",
    "match": "verdict match",
    "named": "named: match, isomer set or mixture",
    "wrong_match": "match, and wrong",
    "wrong_named": "named, and the truth not among it",
    "truth_in_set": "truth is first or in the isomer set",
    "mean_set_size": "mean size of that set",
    "unknown_variant": "verdict unknown_variant",
    "inadequate": "verdict inadequate",
    "brier": "Brier score",
    "log_loss": "log-loss / nat",
    "ece": "calibration error (ECE, 10 bins)",
    "cllr": "Cllr / bit",
    "cllr_min": "Cllr_min / bit",
    "auroc_open": "AUROC, in the library or not",
}
_GROUP = {
    "n_known": "known", "n_absent": "not in library", "n_compounds": "compounds", "rank1": "first right", "match": "match",
    "wrong_match": "wrong match", "wrong_named": "wrongly named", "n_false_named": "named, not in library", "brier": "Brier",
    "log_loss": "log-loss", "ece": "ECE", "cllr": "Cllr", "cllr_min": "Cllr_min",
}  # fmt: skip
_HOW_TO_READ = (
    'Brier, log-loss, ECE and Cllr judge the statement "the first candidate is the truth"; of a query that is in no library it is false. Cllr 0 '
    "is perfect, 1 says nothing; Cllr less Cllr_min is what miscalibration costs. In Cllr the prior is the share of right answers in the same "
    "column."
)
# A MassBank accession as its records name it (MassBank record format 2.6, section 2.1.1), so that nothing else can become an address.
_MASSBANK = re.compile(r"MSBNK-[A-Za-z0-9_]{1,32}-[A-Z0-9_]{1,64}")
_MASSBANK_PAGE = "https://massbank.eu/MassBank/RecordDisplay?id="


def validation_html(report: Mapping[str, Any], pictures: Mapping[tuple[str, str], str]) -> str:
    """Write the page.

    Parameters
    ----------
    report : mapping
        In the form ``nps-ident/validation/1``.
    pictures : mapping of (technique, name) to str
        ``<svg>`` elements, from :func:`nps_ident.reports.validation_figures.picture_svg`; placed as they are.

    Returns
    -------
    str
        A whole page in UTF-8.
    """
    parts = [
        f"<h1>{_e(report['title'])}</h1>",
        f'<p class="place">{_e(report["time"])} · {_e(", ".join(f"{name} {v}" for name, v in sorted(report["software"].items())))}</p>',
        _short(report),
        _limits(report),
        _data(report),
        *(_technique(name, found, pictures) for name, found in report["techniques"].items()),
        _failures(report["failures"]),
        _grounds(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'; img-src data:">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_e(report['title'])}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _e(value: object) -> str:
    """Text that neither the page nor the reader's eye is tricked by."""
    return escape(printable(value), quote=True)


def _percent(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"


def _short(report: Mapping[str, Any]) -> str:
    """The answer in three sentences a technique."""
    lines = []
    for technique, found in report["techniques"].items():
        known = found["figures"].get("known")
        if known:
            text = f"{technique}, {known['n']} known queries of {known['n_compounds']} compounds: the first candidate was right in "
            text += f"{_percent(known['rank1'])}, a match was given in {_percent(known['match'])}, "
            lines.append(f"{text}a wrong one in {_percent(known['wrong_match'])}.")
        for kind in ("unknown", "decoy"):
            absent = found["figures"].get(kind)
            if absent:
                text = f"{technique}, {absent['n']} {kind} queries of {absent['n_compounds']} compounds, in no library searched: a match was "
                lines.append(f"{text}given all the same in {_percent(absent['match'])}, something named in {_percent(absent['named'])}.")
    n = len(report["failures"])
    lines.append(f"{n} wrong answers are listed below." if n != 1 else "1 wrong answer is listed below.")
    return f'<section class="short">{"".join(f"<p>{_e(line)}</p>" for line in lines)}</section>'


def _limits(report: Mapping[str, Any]) -> str:
    return "<h2>Limits of use</h2><ol class=limits>" + "".join(f"<li>{_e(text)}</li>" for text in report["limits"]) + "</ol>"


def _data(report: Mapping[str, Any]) -> str:
    data = report["data"]
    files = [(file["file"], file["n_spectra"], file["sha256"]) for file in data["files"]]
    truth = data["truth"]
    said = f"table {truth['file']}, SHA-256 {truth['sha256']}" if truth else "the InChIKey that each spectrum carries"
    parts = [
        "<h2>Data</h2>",
        _table(("file of queries", "spectra", "hash (SHA-256)"), files),
        _facts([("truth", said), ("queries", f"{data['n_queries']}, of which {data['n_judged']} of {data['n_compounds']} compounds count")]),
    ]
    for key, heading in (("by_kind", "kind"), ("by_class", "drug class"), ("by_laboratory", "laboratory")):
        parts.append(f"<h3>By {heading}</h3>" + _table((heading, "queries", "compounds"), [tuple(item.values()) for item in data[key]]))
    if data["left_out"]:
        rows = [(item["query"], item["file"], item["why"]) for item in data["left_out"]]
        parts.append(f"<h3>Left out ({len(rows)})</h3>" + _table(("query", "file", "why"), rows))
    missing = data["truth_without_query"]
    if missing:
        parts.append(f"<h3>Rows of the truth without a query ({len(missing)})</h3><p class=note>{_e(', '.join(missing))}</p>")
    return "".join(parts)


def _technique(name: str, found: Mapping[str, Any], pictures: Mapping[tuple[str, str], str]) -> str:
    kinds = list(found["figures"])
    columns = list(found["figures"].values())
    lines = [["queries", *(_cell(column["n"]) for column in columns)], ["compounds", *(_cell(column["n_compounds"]) for column in columns)]]
    figures = [[words, *(_figure(column.get(key)) for column in columns)] for key, words in _FIGURES.items()]
    lines += [line for line in figures if any(cell != _NOTHING for cell in line[1:])]
    verdicts = "; ".join(f"{verdict} {n} ({VERDICT_WORDS[verdict]})" for verdict, n in found["verdicts"].items())
    drawn = [(key, pictures[name, key]) for key in PICTURES if (name, key) in pictures]
    pictured = "".join(f"<figure>{svg}<figcaption>{_e(PICTURES[key])}</figcaption></figure>" for key, svg in drawn)
    parts = [
        f"<h2>{_e(name)}</h2>",
        f'<p class="note">{found["n"]} answers among {found["n_substances_searched"]} substances. Verdicts: {_e(verdicts)}.</p>',
        _raw_table(("figure (95 % interval by compound)", *kinds), lines),
        f'<p class="note">{_e(_HOW_TO_READ)}</p>',
        f'<div class="figures">{pictured}</div>',
    ]
    headings = {"by_class": "drug class", "by_laboratory": "laboratory", "by_score": "raw score of the first candidate"}
    for key, heading in headings.items():
        groups = [[_e(group["name"]), *(_figure(group.get(column)) for column in _GROUP)] for group in found[key]]
        parts.append(f'<h3>By {heading}</h3><div class="groups">{_raw_table((heading, *_GROUP.values()), groups)}</div>')
    bounds = found["lr_bounds"]
    if bounds:
        rows_of_bounds = [
            ("log10 likelihood ratios that these queries bear", f"{bounds['low']:.2f} to {bounds['high']:.2f}"),
            ("95 % intervals of both bounds, by compound", _both(bounds["low_interval"], bounds["high_interval"])),
            ("ratios of the true substance, and of others (by the prior's weight)", f"{bounds['n_true']} and {bounds['n_other']}"),
            ("first candidates that claim more", f"{bounds['n_first_above']} of {bounds['n_first']}"),
        ]
        cited = "Vergeer et al. 2016, doi:10.1016/j.scijus.2016.06.003"
        parts.append(f"<h3>Bounds of likelihood ratios (ELUB)</h3>{_facts(rows_of_bounds)}<p class=note>{_e(cited)}</p>")
    return "".join(parts)


def _both(*intervals: Sequence[float] | None) -> str:
    return "; ".join("not defined" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}" for interval in intervals)


def _failures(failures: Sequence[Mapping[str, Any]]) -> str:
    if not failures:
        return "<h2>Wrong answers</h2><p>None among these queries.</p>"
    lines = []
    for failure in failures:
        query, truth = failure["query"], failure["truth"]
        place = f"{query['file']}, spectrum {query['index']}" if query["file"] is not None else ""
        said = f"{truth['name'] or truth['compound']} ({truth['compound']}, {truth['drug_class'] or 'no class given'})"
        rank = "not listed" if failure["truth_rank"] is None else f"at rank {failure['truth_rank']}"
        named = "<br>".join(_named(match) for match in failure["named"])
        cells = [
            _e(failure["words"]),
            f"{_e(query['id'])}<br><small>{_e(place)}</small>",
            f"{_e(said)}<br><small>{_e(rank)}; {_accession(truth['accession'])}; {_e(failure['laboratory'] or 'laboratory not given')}</small>",
            named,
            _e(failure["reason"] or ""),
        ]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{text}</th>" for text in ("what", "query", "truth", "named", "reason given"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<h2>Wrong answers ({len(failures)})</h2><div class="wide">{table}</div>'


def _named(match: Mapping[str, Any]) -> str:
    figures = [f"score {match['score']:.3f}"]
    if match["probability"] is not None:
        figures.append(f"probability {match['probability']:.3f}")
    if match["log10_lr"] is not None:
        figures.append(f"log10 LR {match['log10_lr']:.2f}")
    return f"{_e(match['name'])} <small>{_e(match['inchikey'] or '')}; {_e(', '.join(figures))}; {_accession(match['reference'])}</small>"


def _accession(text: str | None) -> str:
    """An accession, as a link where a public record of that name can exist."""
    if not text:
        return "no accession"
    if _MASSBANK.fullmatch(text):
        return f'<a href="{_MASSBANK_PAGE}{text}" rel="noopener noreferrer">{text}</a>'
    return _e(text)


def _grounds(report: Mapping[str, Any]) -> str:
    library, method = report["library"], report["method"]
    rows = [("libraries searched", library["name"]), ("SHA-256 of them", library["sha256"])]
    for member in library["members"]:
        held = ", ".join(f"{n} substances by {technique}" for technique, n in member["n_substances"].items())
        rows.append((f"library {member['name']}", f"{member['kind'].replace('_', ' ')}; {held}; SHA-256 {member['sha256']}"))
    for calibration in report["calibrations"]:
        about = calibration["about"]
        words = [f"{calibration['n_answers']} answers", f"prior {calibration['prior_in_library']}", f"match cut {calibration['match_cut']}"]
        words += [f"{name}: {about[name]}" for name in ("date", "data", "n_examples", "n_compounds", "n_laboratories") if name in about]
        rows.append((f"calibration {calibration['stamp']}", "; ".join(map(str, words))))
    drawn = f"{method['resamples']} draws ({method['resamples_in_groups']} in groups), seed {method['seed']}"
    rows += [
        ("intervals", f"{method['interval']}; {drawn}"),
        ("splits", "queries are held apart from the libraries: near-copies and repeats are left out and listed; compounds are drawn whole"),
        ("form", report["schema"]),
    ]
    return "<h2>What this rests on</h2>" + _facts(rows)


_NOTHING = "–"


def _figure(value: Any) -> str:
    """A figure with its interval, a plain number, or nothing."""
    if value is None:
        return _NOTHING
    if not isinstance(value, dict):
        return _cell(value)
    text = f"{value['value']:.3f}"
    return text if value["low"] is None else f"{text} <small>({value['low']:.3f}–{value['high']:.3f})</small>"


def _cell(value: object) -> str:
    return _NOTHING if value is None else _e(json.dumps(value) if isinstance(value, (int, float)) else value)


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    return "<table><tbody>" + "".join(f"<tr><th>{_e(a)}</th><td>{_e(b)}</td></tr>" for a, b in rows) + "</tbody></table>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    numeric = [[isinstance(value, (int, float)) for value in row] for row in rows]
    return _raw_table(columns, [[_cell(value) for value in row] for row in rows], numeric=numeric)


def _raw_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Sequence[Sequence[bool]] | None = None) -> str:
    """A table whose cells are already markup; all but the first of a row are numbers, unless ``numeric`` says otherwise."""
    numeric = numeric or [[False, *[True] * (len(row) - 1)] for row in rows]
    head = "".join(f"<th>{_e(column)}</th>" for column in columns)
    marks = ('<td class="number">' if number else "<td>" for kinds in numeric for number in kinds)
    body = "".join("<tr>" + "".join(f"{next(marks)}{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
