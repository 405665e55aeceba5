"""The report of one record: one self-contained HTML page that a reader without the program can file and print.

No script, no link, nothing from elsewhere; every text is escaped; the same record gives the same bytes.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from nps_ident.reports.hit_list import COLUMNS, hit_table_of
from nps_ident.reports.wording import VERDICT_WORDS, printable
from nps_ident.reports.written_answer import IDENTIFICATION, STRUCTURE, require_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nps_ident.model import Substance

__all__ = ["report_html"]

_STRUCTURE_COLUMNS = ("rank", "name", "relation", "difference", "score", "probability", "drug_class", "inchikey")
_STYLE = """
body { font-family: "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; color: #111; margin: 2rem auto; max-width: 68rem;
  padding: 0 1.5rem; line-height: 1.45; font-size: 15px }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin: 1.8rem 0 .5rem }
.place { color: #444; margin: 0 }
.verdict { border-left: .4rem solid #111; background: #f2f2f2; padding: .8rem 1.1rem; margin: 1.2rem 0 }
.verdict p { margin: .25rem 0 } .verdict .word { font-size: 1.2rem; font-weight: bold }
table { border-collapse: collapse; font-size: .84rem } .wide { overflow-x: auto }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ccc; vertical-align: top; overflow-wrap: anywhere }
thead th { border-bottom: 2px solid #111; white-space: nowrap } tbody th { font-weight: normal; color: #444; white-space: nowrap }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.warning td:first-child, .error td:first-child { font-weight: bold }
figure { margin: 1rem 0 } figure svg { width: 100%; height: auto }
footer { margin-top: 2rem; border-top: 1px solid #ccc; padding-top: .6rem; color: #444; font-size: .85rem }
@page { size: A4; margin: 15mm }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 10pt } h2 { break-after: avoid }
  tr, figure { break-inside: avoid } }
"""


def report_html(
    result: Mapping[str, Any],
    *,
    picture: str | None = None,
    without_picture: str | None = None,
    substances: Mapping[str, Substance] | None = None,
    record: Mapping[str, Any] | None = None,
) -> str:
    """Write the report of one answer.

    Parameters
    ----------
    result : mapping
        In the form of the result contract, ``nps-ident/identification/1``, or of the structure contract, ``nps-ident/structure/1``.
    picture : str, optional
        An ``<svg>`` element, from :func:`nps_ident.reports.figures.figure_svg`; placed as it is.
    without_picture : str, optional
        Why there is no picture, or not all of it.
    substances : mapping of str to Substance, optional
        By InChIKey, for formula, mass and CAS number in the hit list.
    record : mapping, optional
        From the ledger: ``time``, ``analyst``, ``hash`` and ``input_sha256``.

    Returns
    -------
    str
        A whole page in UTF-8.

    Raises
    ------
    InputError
        When the mapping does not hold what its contract holds.
    """
    require_answer(result)
    return _page(result, picture, without_picture, substances or {}, record or {})


def _page(
    result: Mapping[str, Any],
    picture: str | None,
    without_picture: str | None,
    substances: Mapping[str, Substance],
    record: Mapping[str, Any],
) -> str:
    query = result["query"]
    name = query.get("id") or query.get("title") or query.get("input")
    parts = [f"<h1>{_e(name)}</h1>", f'<p class="place">{_e(_place(query))}</p>', _verdict(result)]
    if picture is not None:
        parts.append(f"<figure>{picture}</figure>")
    if without_picture:
        parts.append(f'<p class="place">{_e(without_picture)}</p>')
    parts += [_components(result), _hits(result, substances), _more(result), _findings(result["findings"]), _grounds(result, record)]
    parts.append(
        "<footer>A spectrum matches; only an exhibit is identified, by techniques that together exclude every other substance."
        " A probability holds for the libraries and the calibration named here.</footer>"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'; img-src data:">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_e(name)}: {_e(result['verdict'])}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body>\n</html>\n"
    )


def _e(value: object) -> str:
    """Text that neither the page nor the reader's eye is tricked by."""
    return escape(printable(value), quote=True)


def _place(query: Mapping[str, Any]) -> str:
    if query.get("kind"):
        return f"{query['kind']}, as given: {query.get('input')}"
    pieces = [query.get("technique") or "technique not given"]
    if query.get("precursor_mz") is not None:
        pieces.append(f"precursor m/z {query['precursor_mz']}")
    if query.get("file") is not None:
        pieces.append(f"{query['file']}, spectrum {query['index']}")
    return " · ".join(pieces)


def _verdict(result: Mapping[str, Any]) -> str:
    subject = "structure" if result["schema"] == STRUCTURE else "spectrum"
    reasons = [finding["text"] for finding in result["findings"] if finding["code"].startswith("IDENT")]
    if result.get("difference"):
        reasons.insert(0, f"It is {result['difference']}.")
    if result["characterise"]:
        reasons.append("The substance is to be characterised: what is known does not explain it.")
    best = result["matches"][0] if result["matches"] else None
    words = VERDICT_WORDS[result["verdict"]]
    sentence = f"The {subject} {words}." if words.split()[0] in {"matches", "shows"} else f"{words[0].upper()}{words[1:]}."
    if best is not None and result["verdict"] in {"match", "isomer_set"}:
        sentence += f" First: {best['name']}."
    lines = "".join(f"<p>{_e(text)}</p>" for text in (sentence, *reasons))
    return f'<section class="verdict"><p class="word">{_e(result["verdict"])}</p>{lines}</section>'


def _components(result: Mapping[str, Any]) -> str:
    if not result.get("components"):
        return ""
    rows = []
    for part in result["components"]:
        low, high = part["fraction_interval"]
        others = "; ".join(str(key) for key in part["isomer_set"] or () if key != part["inchikey"]) or None
        share = f"{100 * part['fraction']:.1f} ({100 * low:.0f} to {100 * high:.0f})"
        rows.append((part["name"], share, part["probability"], part["inchikey"], others))
    rest = result["unexplained_fraction"]
    note = "Shares are of signal, not of mass."
    if rest is not None:
        note = f"{100 * rest:.0f} % of the signal is explained by none of them. {note}"
    left = f"<p>{_e(note)}</p>"
    return "<h2>Components</h2>" + _table(("name", "% of signal (95 %)", "probability", "InChIKey", "not told apart from"), rows) + left


def _hits(result: Mapping[str, Any], substances: Mapping[str, Substance]) -> str:
    if not result["matches"]:
        return "<h2>Hit list</h2><p>No candidate.</p>"
    if result["schema"] == STRUCTURE:
        rows = [[match.get(column) for column in _STRUCTURE_COLUMNS] for match in result["matches"]]
        return "<h2>Catalogue</h2>" + _table(_STRUCTURE_COLUMNS, rows)
    table = hit_table_of(result["matches"], substances)
    return "<h2>Hit list</h2>" + _table(COLUMNS, [[row[column] for column in COLUMNS] for row in table])


def _more(result: Mapping[str, Any]) -> str:
    """What else the answer holds: isomers, variant."""
    names = {match["inchikey"]: match["name"] for match in result["matches"]}
    rows: list[tuple[str, str]] = []
    for key, heading in (("isomer_set", "not told apart"), ("isomers_without_reference", "isomers without a reference")):
        if result.get(key):
            rows.append((heading, "; ".join(f"{names[k]} ({k})" if k in names else str(k) for k in result[key])))
    if result.get("separated_by"):
        rows.append(("told apart by", ", ".join(result["separated_by"])))
    variant = result.get("variant")
    if variant:
        headings = {"drug_class": "drug class", "mass_shift_da": "mass shift / Da", "predicted_mass_da": "predicted mass / Da"}
        rows += [(heading, str(variant[key])) for key, heading in headings.items() if variant.get(key) is not None]
        if variant.get("nearest"):
            rows.append(("nearest", "; ".join(f"{names[k]} ({k})" if k in names else str(k) for k in variant["nearest"])))
        for number, proposal in enumerate(variant.get("proposals") or (), 1):
            likely = "" if proposal["probability"] is None else f", probability {proposal['probability']:.2f}"
            grounds = f"{proposal['smiles']} ({proposal['inchikey']}): {proposal['why']}"
            rows.append((f"proposed structure {number}, a hypothesis{likely}", grounds))
    return "<h2>What stays open</h2>" + _facts(rows) if rows else ""


def _findings(findings: Sequence[Mapping[str, str]]) -> str:
    if not findings:
        return ""
    rows = [(_e(finding["severity"]), _e(finding["code"]), _e(finding["text"])) for finding in findings]
    body = "".join(f'<tr class="{severity}"><td>{severity}</td><td>{code}</td><td>{text}</td></tr>' for severity, code, text in rows)
    return (
        '<h2>Findings</h2><div class="wide"><table><thead><tr><th>severity</th><th>code</th><th>finding</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _grounds(result: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """What the answer rests on: hashes, versions, the record."""
    query, library = result["query"], result["library"]
    rows = [
        ("record", result.get("record") or "not recorded"),
        ("time", record.get("time")),
        ("analyst", record.get("analyst")),
        ("SHA-256 of the record", record.get("hash")),
        ("file", query.get("file")),
        ("SHA-256 of the input", query.get("sha256") or record.get("input_sha256")),
        ("library", library["name"]),
        ("SHA-256 of the library", library["sha256"]),
        ("software", ", ".join(f"{name} {version}" for name, version in sorted(result["software"].items()))),
        ("form", result["schema"]),
    ]
    if result["schema"] == IDENTIFICATION:
        rows.insert(8, ("calibration", result["calibration"] or "none: no probability was given"))
    return "<h2>What this rests on</h2>" + _facts([(heading, str(value)) for heading, value in rows if value is not None])


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    return "<table><tbody>" + "".join(f"<tr><th>{_e(a)}</th><td>{_e(b)}</td></tr>" for a, b in rows) + "</tbody></table>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{_e(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: object) -> str:
    if value is None:
        return "<td>–</td>"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'<td class="number">{_e(json.dumps(value))}</td>'
    return f"<td>{_e(value)}</td>"
