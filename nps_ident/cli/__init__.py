"""The command line ``nps-ident``: parse, call, print.

Each verb is a module ``nps_ident.cli.<module>`` with ``configure(parser)`` and ``run(arguments) -> int`` (the exit status); only the chosen
verb's module is imported, so that the first answer does not wait for the others.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from nps_ident.errors import NpsIdentError

__all__ = ["build_parser", "main"]

# verb: (module, what it does).  The order is the order of the help page and of docs/cli.md.
VERBS: dict[str, tuple[str, str]] = {
    "identify": ("identify", "spectra or folders of them: verdicts, recorded in the ledger"),
    "structure": ("structure", "a structure, name or CAS number: catalogue match, drug class, nearest substances"),
    "exhibit": ("exhibit", "several techniques of one exhibit: conclusion, and what is missing"),
    "inspect": ("inspect", "what was read from a file, and what is odd about it"),
    "compare": ("compare", "two spectra head to tail, with their scores"),
    "report": ("report", "a readable report of one record"),
    "evaluate": ("evaluate", "queries of known origin: a validation report for a laboratory's file"),
    "calibrate": ("calibrate", "a calibration on your own replicates of known identity"),
    "library": ("library", "list, build, install or describe spectral libraries"),
    "catalogue": ("catalogue", "list, show or check the substances"),
    "register": ("register", "propose a new substance to your own register; street products and their composition"),
    "unknown": ("unknown", "open unknowns: list and show them, search them again, close them"),
    "ledger": ("ledger", "verify, show, replay or export the record of identifications"),
}


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser; with ``only``, just that verb's arguments are set up."""
    from nps_ident import __version__

    parser = argparse.ArgumentParser(
        prog="nps-ident",
        description="Identify new psychoactive substances from laboratory spectra and structures.",
        epilog="Exit status: 0 done, 1 some inputs failed or a check did not hold, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"nps-ident {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, (module, summary) in VERBS.items():
        sub = verbs.add_parser(verb, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if only in {None, verb}:
            import_module(f"nps_ident.cli.{module}").configure(sub)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        The exit status: 0 done, 1 some inputs failed or a check did not hold, 2 wrong usage, 130 interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    only = argv[0] if argv and argv[0] in VERBS else "" if argv[:1] == ["--version"] else None
    try:
        arguments = build_parser(only).parse_args(argv)
        status = int(import_module(f"nps_ident.cli.{VERBS[arguments.verb][0]}").run(arguments))
        sys.stdout.flush()  # here, where a reader that has gone is noticed in good order, and not while Python shuts down
    except NpsIdentError as error:
        from nps_ident.cli.terminal import shown

        print(f"nps-ident: {shown(error)}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("nps-ident: interrupted; what was recorded so far stays.", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a full disk behind the output, most of all
        print(f"nps-ident: the output could not be written ({error.strerror or type(error).__name__}).", file=sys.stderr)  # noqa: T201
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
