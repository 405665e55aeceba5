"""Street products: names, exhibits, and what is known of their composition."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from nps_ident.catalogue.products import CompositionState, ProductExhibit, open_products, product_key
from nps_ident.errors import CatalogueError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("text", ["5% heroin", "5 % Heroin", "HEROIN, 5%", "heroin (5 %)", "“5% heroin”"])
def test_names_that_say_the_same_are_the_same(text: str) -> None:
    assert product_key(text) == product_key("5% heroin")


@pytest.mark.parametrize("text", ["50% heroin", "5.5% heroin", "5% heroin white", "5 heroin", "heroin", "героин 5 %", ""])
def test_names_that_say_something_else_are_others(text: str) -> None:
    assert product_key(text) != product_key("5% heroin")


def test_a_product_goes_from_undetermined_to_determined_and_keeps_its_history(tmp_path: Path) -> None:
    with open_products(tmp_path / "p.sqlite", create=True) as products:
        product = products.register(["5% heroin", "героин 5 %"], analyst="A", reason="seen on a label")
        assert (product.id, product.composition.state) == ("S-000001", CompositionState.UNDETERMINED)
        products.gather(product, ProductExhibit(id="X-1", conclusion="undetermined", substances=(), record="R-1"))
        products.determine(product, CompositionState.PARTLY, ["Caffeine"], reason="GC-MS of X-1")
        product = products.determine(product, CompositionState.DETERMINED, ["Heroin", "Caffeine"], reason="IR and GC-MS")
    with open_products(tmp_path / "p.sqlite") as products:
        assert products.all() == (product,)
        assert [one.state.value for one in product.compositions] == ["undetermined", "partly", "determined"]
        assert products.claimed("Героин, 5%") == product
        assert products.claimed("10% heroin") is None
        assert product.n_exhibits == 1


def test_a_synonym_is_added_to_the_product_that_has_the_name(tmp_path: Path) -> None:
    with open_products(tmp_path / "p.sqlite", create=True) as products:
        products.register(["5% heroin"])
        assert products.register(["5% heroin", "пять"]).names == ("5% heroin", "пять")
        products.register(["spice"])
        with pytest.raises(CatalogueError, match="several products"):
            products.register(["spice", "пять", "new"])
        with pytest.raises(CatalogueError, match="registered already"):
            products.register(["Spice"])
        with pytest.raises(CatalogueError, match="'5% heroin' is a name of the product S-000001 already"):
            products.register(["x", "5% heroin"])
        assert products.claimed("x") is None


@pytest.mark.parametrize("name", ["nonsense", "5% heroin", "COCOON", "C1CC", "heroin 5", "InChI=1S/nonsense", "CC(=O)O*"])
def test_a_composition_of_what_is_no_substance_is_refused(tmp_path: Path, name: str) -> None:
    with open_products(tmp_path / "p.sqlite", create=True) as products:
        product = products.register(["5% heroin"])
        with pytest.raises(CatalogueError, match="no substance that is known"):
            products.determine(product, CompositionState.DETERMINED, ["Heroin", name], reason="why")
        assert len(products.find("S-000001").compositions) == 1
        for substance in ("heroin", "GVGLGOZIDCSQPN-PVHGPHFFSA-N", "CC(Cc1ccccc1)NC", "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3"):
            assert products.determine(product, CompositionState.PARTLY, [substance], reason="why").composition.substances == (substance,)


@pytest.mark.parametrize("name", ["", "  ", "%%%", "x" * 300, "a\x1b[2Jb", "a\u202eb"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with open_products(tmp_path / "p.sqlite", create=True) as products:
        with pytest.raises(CatalogueError):
            products.register([name])
        assert products.all() == ()


def test_a_composition_needs_a_reason_and_substances_that_go_with_the_state(tmp_path: Path) -> None:
    with open_products(tmp_path / "p.sqlite", create=True) as products:
        product = products.register(["5% heroin"])
        for state, substances, reason in (
            (CompositionState.DETERMINED, [], "why"),
            (CompositionState.UNDETERMINED, ["Heroin"], "why"),
            (CompositionState.PARTLY, ["Heroin"], " "),
        ):
            with pytest.raises(CatalogueError):
                products.determine(product, state, substances, reason=reason)


def test_nothing_is_changed_or_deleted(tmp_path: Path) -> None:
    with open_products(tmp_path / "p.sqlite", create=True) as products:
        products.register(["5% heroin"])
    connection = sqlite3.connect(tmp_path / "p.sqlite")
    for statement in ("DELETE FROM names", "UPDATE events SET content = '{}'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            connection.execute(statement)
    connection.close()
    (tmp_path / "other.sqlite").write_bytes(b"no database at all, but long enough to be looked at " * 40)
    with pytest.raises(CatalogueError):
        open_products(tmp_path / "other.sqlite")
