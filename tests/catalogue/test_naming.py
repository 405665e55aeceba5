"""Promises of names: any one script, no disguise, nobody else's."""

from __future__ import annotations

import pytest
from proposed import BUTYRYLFENTANYL, catalogued, check

from nps_ident.catalogue.naming import check_name, lookalike_key
from nps_ident.catalogue.store import Catalogue
from nps_ident.errors import CatalogueError


@pytest.mark.parametrize(
    "name",
    ["fentanyl", "α-PVP", "N,N-Dimethyltryptamine", "25I-NBOMe", "(±)-cis-3-methylfentanyl", "5F-MDMB-PICA", "Δ9-THC", "βk-2C-B",
     "4'-methyl", "героин", "芬太尼", "MDMB-4en-PINACA", "4,4\N{PRIME}-DMAR", "1P-LSD", "Café"],
)  # fmt: skip
def test_chemical_names_of_any_one_script_are_accepted(name: str) -> None:
    assert check_name(f"  {name} ") == name


@pytest.mark.parametrize(
    "name",
    ["", "   ", "123", "<script>alert(1)</script>", "x'; DROP TABLE entries; --", 'a"b', "=cmd()", "a\x1b[2J", "a\nb", "a\u202eb",
     "fent\u200banyl", "a\x00b", "x" * 201, "f\u0435ntanyl", "\u039cDMA", "\uff21BC-x", "100 %", "a&amp;b", "\ud800"],
)  # fmt: skip
def test_hostile_and_mixed_names_are_refused_in_one_printable_line(name: str) -> None:
    with pytest.raises(CatalogueError) as error:
        check_name(name)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["Fentanyl", "FENT-ANYL", "phentanyl", "fen tanyl"])
def test_a_name_that_is_taken_is_refused(known: Catalogue, name: str) -> None:
    with pytest.raises(CatalogueError):
        check(known, BUTYRYLFENTANYL, name)


def test_names_drawn_alike_are_one_name(known: Catalogue) -> None:
    cyrillic = "\u0422\u041d\u0421"  # three Cyrillic letters
    assert lookalike_key(cyrillic) == lookalike_key("THC")
    latin = Catalogue(entries=(catalogued("THC", "CCCCCc1cc(O)c2C3C=C(C)CCC3C(C)(C)Oc2c1"),), source="t", sha256="0" * 64)
    with pytest.raises(CatalogueError, match="looks like 'THC'"):
        check(latin, BUTYRYLFENTANYL, cyrillic)
