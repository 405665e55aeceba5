"""``nps-ident register``: propose a new substance to your own register, list and show what is in it; street products."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from nps_ident.cli.product import configure as configure_product
from nps_ident.cli.product import run as run_product
from nps_ident.cli.terminal import add_format_option, print_rows, print_table, shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nps_ident.catalogue.register import Register, RegisterEntry
    from nps_ident.catalogue.statements import Statement
    from nps_ident.model import MassSpectrum

__all__ = ["configure", "run"]

_COLUMNS = ("entry", "state", "name", "inchikey", "formula", "exact_mass", "drug_class", "n_spectra")
_TECHNIQUES = {"ei": "EI-MS", "msms": "MS/MS", "dart": "DART-MS"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident register``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    propose = actions.add_parser("propose", help="check a substance and add it in state 'proposed'; the next search finds it")
    propose.add_argument("structure", metavar="SMILES|FILE", help="SMILES or InChI, or a file: SDF, MOL, CSV or TSV sheet, lines of SMILES")
    propose.add_argument("--name", help="the substance's name (default: as the file says)")
    propose.add_argument("--cas", help="its CAS number")
    propose.add_argument("--spectra", metavar="FILE", action="append", default=[], help="its spectra, in any format that is read")
    propose.add_argument("--technique", choices=tuple(_TECHNIQUES), help="of the spectra, where the file does not say")
    propose.add_argument("--analyst", help="who proposes it (default: the user's login name)")
    propose.add_argument("--why", metavar="TEXT", help="why, in a few words")
    propose.add_argument("--catalogue", metavar="PATH", help="the catalogue to compare with (default: the one that ships)")
    propose.add_argument("--no-research", action="store_true", help="do not search the open unknowns of your ledger again")

    listing = actions.add_parser("list", help="every entry")
    show = actions.add_parser("show", help="one entry: its substance, findings, spectra and history")
    show.add_argument("entry", metavar="ID|NAME|INCHIKEY")
    product = actions.add_parser("product", help="street products: a name, its synonyms, its exhibits, and how far its composition is known")
    configure_product(product)
    for action in (propose, listing, show):
        action.add_argument("--register", metavar="PATH", help="the register (default: in the user's data folder)")
        add_format_option(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident register`` was asked; returns the exit status."""
    if arguments.action == "product":
        return run_product(arguments)
    from nps_ident.catalogue.register import open_register

    action = {"propose": _propose, "list": _list, "show": _show}[arguments.action]
    with open_register(arguments.register, create=arguments.action == "propose") as register:
        return action(register, arguments, sys.stdout)


def _list(register: Register, arguments: argparse.Namespace, out: TextIO) -> int:
    print_rows([_row(entry) for entry in register.entries()], _COLUMNS, out, form=arguments.format)
    return 0


def _show(register: Register, arguments: argparse.Namespace, out: TextIO) -> int:
    entry = register.find(arguments.entry)
    spectra = [
        {"accession": s.accession, "technique": s.technique, "precursor_mz": s.precursor_mz, "n_peaks": s.n_peaks, "name": s.name}
        for s in register.spectra_of(entry.number)
    ]
    history = [
        {"time": event.time, "state": event.state, "what": event.what, "analyst": event.analyst, "reason": event.reason}
        for event in register.history(entry.number)
    ]
    whole = _row(entry) | {"input": entry.input, "findings": [f.to_dict() for f in entry.findings], "spectra": spectra, "history": history}
    if arguments.format != "table":
        print_rows([whole], tuple(whole), out, form=arguments.format)
        return 0
    facts = [(name, None if value is None else str(value)) for name, value in whole.items()]
    print_table([fact for fact in facts if fact[0] not in {"findings", "spectra", "history"}], ("field", "value"), out)
    for rows, columns in (
        (whole["findings"], ("code", "severity", "text")),
        (spectra, ("accession", "technique", "precursor_mz", "n_peaks", "name")),
        (history, ("time", "state", "what", "analyst", "reason")),
    ):
        if rows:
            print(file=out)
            print_rows(rows, columns, out, form="table")
    return 0


def _propose(register: Register, arguments: argparse.Namespace, out: TextIO) -> int:
    from nps_ident.catalogue.proposal import check_proposal
    from nps_ident.catalogue.statements import read_statements
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.errors import NpsIdentError

    known = open_catalogue(arguments.catalogue)
    statements = read_statements(arguments.structure, name=arguments.name, cas=arguments.cas)
    spectra = _read_spectra(arguments)
    added: list[RegisterEntry] = []
    left = {id(spectrum): spectrum for spectrum in spectra}
    refused = 0
    errors = sys.stderr
    for statement in statements:
        try:
            if isinstance(statement, NpsIdentError):
                raise statement
            own = spectra if len(statements) == 1 else _own(statement, spectra)
            for spectrum in own:
                left.pop(id(spectrum), None)
            proposal = check_proposal(statement, known=[known], spectra=own, register=register.catalogue())
            added.append(register.propose(proposal, analyst=arguments.analyst or _login(), reason=arguments.why))
        except NpsIdentError as error:
            refused += 1
            print(f"nps-ident: {shown(error)}", file=errors)
            continue
        for finding in (*proposal.findings, *(f for s in proposal.spectra for f in s.findings)):
            print(f"{added[-1].id} {finding.code} {finding.severity.value}: {shown(finding.text)}", file=errors)
    for spectrum in left.values():
        refused += 1
        print(f"nps-ident: spectrum {shown(spectrum.name)} is of none of the substances; expected a name or InChIKey of them.", file=errors)
    if added or arguments.format != "table":
        print_rows([_row(entry) for entry in added], _COLUMNS, out, form=arguments.format)
    if added and arguments.register is None and not arguments.no_research:
        from nps_ident.cli.searching_again import search_due

        out.flush()
        search_due(analyst=arguments.analyst)
    return 1 if refused else 0


def _own(statement: Statement, spectra: Sequence[MassSpectrum]) -> list[MassSpectrum]:
    """Of many substances in a file, each gets the spectra that are labelled with its InChIKey, or else with its name."""
    from nps_ident.catalogue.store import fold_name
    from nps_ident.chemistry.structures import parent_of
    from nps_ident.errors import ChemistryError

    if not spectra:
        return []
    try:
        inchikey = parent_of(statement.structure).inchikey
    except ChemistryError:
        return []  # the checks say so, with the place in the file
    names = {fold_name(name) for name in (statement.name, *statement.synonyms) if name}
    return [s for s in spectra if (s.label.inchikey == inchikey if s.label.inchikey else fold_name(s.label.name or s.name) in names)]


def _read_spectra(arguments: argparse.Namespace) -> list[MassSpectrum]:
    from nps_ident.io import read_spectra
    from nps_ident.model import Technique

    technique = Technique(_TECHNIQUES[arguments.technique]) if arguments.technique else None
    return [spectrum for path in arguments.spectra for spectrum in read_spectra(path, technique=technique)]


def _login() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def _row(entry: RegisterEntry) -> dict[str, Any]:
    substance = entry.substance
    return {
        "entry": entry.id,
        "state": substance.status,
        "name": substance.name,
        "synonyms": list(substance.synonyms),
        "smiles": substance.smiles,
        "inchikey": substance.inchikey,
        "formula": substance.formula,
        "exact_mass": substance.exact_mass,
        "cas": substance.cas,
        "drug_class": substance.drug_class,
        "isotope_labelled": substance.isotope_labelled,
        "n_spectra": entry.n_spectra,
    }
