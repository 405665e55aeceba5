"""``nps-ident register product``: what is sold under one name, and what is known of its composition."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nps_ident.cli.terminal import add_format_option, print_rows, print_table, shown
from nps_ident.errors import LedgerError

if TYPE_CHECKING:
    import argparse

    from nps_ident.catalogue.products import Product

__all__ = ["configure", "product_line", "products_of", "run"]

_COLUMNS = ("product", "name", "state", "substances", "n_exhibits", "synonyms")


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident register product``."""
    actions = parser.add_subparsers(dest="product_action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="register a product by its street name; exhibits with that claim are gathered under it")
    add.add_argument("name", metavar="NAME", help="its name, as on the label")
    add.add_argument("--synonym", metavar="NAME", action="append", default=[], help="another name, in any script; repeatable")
    listing = actions.add_parser("list", help="every product, and how far its composition is known")
    show = actions.add_parser("show", help="one product: names, exhibits, history of its composition")
    show.add_argument("product", metavar="ID|NAME")
    determine = actions.add_parser("determine", help="state what it is composed of; who holds an open item on it is told")
    determine.add_argument("product", metavar="ID|NAME")
    determine.add_argument("--state", choices=("undetermined", "partly", "determined"), required=True, help="how far it is known")
    determine.add_argument("--substance", metavar="NAME", action="append", default=[], help="a known name, or a structure; repeatable")
    determine.add_argument("--ledger", metavar="PATH", help="the ledger whose open items are looked through (default: in your data folder)")
    for action in (add, determine):
        action.add_argument("--why", metavar="TEXT", required=action is determine, help="on what grounds")
        action.add_argument("--analyst", metavar="NAME", help="who answers for it")
    for action in (add, listing, show, determine):
        action.add_argument("--products", metavar="PATH", help="the register of products (default: in your data folder)")
        add_format_option(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident register product`` was asked; returns the exit status."""
    from nps_ident.catalogue.products import CompositionState, open_products

    writes = arguments.product_action in {"add", "determine"}
    with open_products(arguments.products, create=writes) as products:
        if arguments.product_action == "list":
            _print([_row(product) for product in products.all()], arguments.format)
            return 0
        if arguments.product_action == "add":
            product = products.register([arguments.name, *arguments.synonym], analyst=arguments.analyst, reason=arguments.why)
        elif arguments.product_action == "show":
            _show(products.find(arguments.product), arguments.format)
            return 0
        else:
            state = CompositionState(arguments.state)
            product = products.determine(
                products.find(arguments.product), state, arguments.substance, reason=arguments.why, analyst=arguments.analyst
            )
    _print([_row(product)], arguments.format)
    if arguments.product_action == "determine":
        _tell(product, arguments.ledger)
    return 0


def product_line(product: Product) -> str:
    """What is known of a product, in one line."""
    known = product.composition
    of = f" ({', '.join(known.substances)})" if known.substances else ""
    return f"Product {product.id} {product.names[0]!r}: composition {known.state.value}{of}, exhibits: {product.n_exhibits}."


def products_of(exhibit: str | None) -> tuple[Product, ...]:
    """The products that an exhibit was gathered under; none where there is no register."""
    from nps_ident.catalogue.products import open_products

    if exhibit is None:
        return ()
    with open_products() as products:
        return tuple(product for product in products.all() if exhibit in {one.id for one in product.exhibits})


def _tell(product: Product, ledger_path: str | None) -> None:
    """Name every open item on an exhibit of the product."""
    from nps_ident.ledger import open_ledger
    from nps_ident.ledger.unknowns import read_unknowns

    exhibits = {one.id for one in product.exhibits}
    try:
        with open_ledger(ledger_path, read_only=True) as ledger:
            items = read_unknowns(ledger)
    except LedgerError as error:
        sys.stderr.write(f"nps-ident: no open item was looked through: {shown(error)}\n")
        return
    for item in items:
        own = sorted({str(seen.settings.get("exhibit")) for seen in item.observations} & exhibits)
        if own and item.state != "closed":
            sys.stderr.write(f"{item.id} is open on exhibit {shown(', '.join(own))} of this product: see 'nps-ident unknown show {item.id}'\n")


def _show(product: Product, form: str) -> None:
    whole = product.to_dict()
    out = sys.stdout
    if form != "table":
        print_rows([whole], tuple(whole), out, form=form)
        return
    facts = [("product", product.id), ("name", product.names[0]), ("synonyms", ", ".join(product.names[1:]) or None)]
    print_table(facts, ("field", "value"), out)
    for rows, columns in (
        (whole["history"], ("time", "state", "substances", "analyst", "reason")),
        (whole["exhibits"], ("time", "exhibit", "conclusion", "substances", "record")),
    ):
        if rows:
            print(file=out)
            print_rows([{**row, "substances": ", ".join(row["substances"]) or None} for row in rows], columns, out, form="table")


def _row(product: Product) -> dict[str, Any]:
    whole = product.to_dict()
    return {**{name: whole[name] for name in ("product", "name", "state", "substances", "synonyms")}, "n_exhibits": product.n_exhibits}


def _print(rows: list[dict[str, Any]], form: str) -> None:
    if form == "table":
        rows = [{**row, "substances": ", ".join(row["substances"]) or None, "synonyms": ", ".join(row["synonyms"]) or None} for row in rows]
    print_rows(rows, _COLUMNS, sys.stdout, form=form)
