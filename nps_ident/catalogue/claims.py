"""What a claim says: "5% heroin", "героин 5 %", "fentanyl patch", "MDMA 120 mg" into substance, amount and basis.

The words, in several scripts, are in ``claim_words.tsv`` and in the catalogue's own names.  A claim is read, never believed.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from nps_ident.catalogue.naming import lookalike_key
from nps_ident.catalogue.store import fold_name
from nps_ident.model.exhibit import Claim

if TYPE_CHECKING:
    from nps_ident.catalogue.store import Catalogue
    from nps_ident.model import Substance

__all__ = ["read_claim"]

_LONGEST = 500
_MOST_WORDS = 40
_UNITS = {
    "%": "%", "percent": "%", "per cent": "%", "процентов": "%", "mg": "mg", "мг": "mg", "g": "g", "г": "g", "gram": "g", "grams": "g",
    "µg": "µg", "ug": "µg", "mcg": "µg", "мкг": "µg", "mg/ml": "mg/ml", "мг/мл": "mg/ml", "µg/h": "µg/h", "ug/h": "µg/h", "mcg/h": "µg/h",
    "мкг/ч": "µg/h",
}  # fmt: skip
_NUMBER = r"\d{1,6}(?:[.,]\d{1,6})?"
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
# A number within a name (2-FMA, 5F-ADB, 4-MMC) has no unit behind it, or something other than a space before it.
_AMOUNT = re.compile(
    rf"(?:(?<=\s)|(?<=[(~≈,;:])|^)(?P<low>{_NUMBER})(?:\s*[-–—]\s*(?P<high>{_NUMBER}))?\s*(?P<unit>{_UNIT})(?![\w/])", re.IGNORECASE
)
# A sign close to the number, or no number at all; "heroin - 5 %" has a dash.
_IMPOSSIBLE = re.compile(rf"(?:(?<=\s)|(?<=[(~≈,;:])|^)(?:[-–—−]{_NUMBER}|[-+–—−]?(?:nan|inf|infinity|∞))\s*(?:{_UNIT})(?![\w/])", re.IGNORECASE)
_DASHES = frozenset("-–—−•*|&#")


def read_claim(text: str, catalogue: Catalogue) -> Claim:
    """Read a claim.

    Parameters
    ----------
    text : str
        As it stands on the label, in any script.
    catalogue : Catalogue
        Names and synonyms; case, spaces, hyphens, and letters of another script that look the same do not count.

    Returns
    -------
    Claim
        What was not understood is in ``unread``; without substance and class it says nothing that could be compared.
    """
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).replace("μ", "µ")
    amounts = list(_AMOUNT.finditer(plain))
    impossible = [found[0].strip() for found in _IMPOSSIBLE.finditer(plain)]
    rest = _IMPOSSIBLE.sub(" ", _AMOUNT.sub(" ", plain))
    words = [word.strip(" \t,;:()[]{}\"'«»“”!?.~≈") for word in rest.replace("+", " ").replace(" / ", " ").split()]
    words = [word for word in words if word and word not in _DASHES]
    cut = len(text) > _LONGEST or len(words) > _MOST_WORDS
    words = words[:_MOST_WORDS]
    said: dict[str, list[str]] = {"class": [], "basis": [], "form": [], "negation": [], "pure": []}
    substances: dict[str, tuple[Substance, ...]] = {}
    unread: list[str] = []
    place = 0
    while place < len(words):
        for length in range(min(6, len(words) - place), 0, -1):
            name = " ".join(words[place : place + length])
            if kinds := _words().get(_key(name)):
                kind, means = kinds
                if kind == "substance":
                    substances[means] = _one_skeleton(catalogue.find_name(means))
                elif kind != "filler":
                    said[kind].append(means or name)
                break
            if found := _by_name(catalogue, name):
                substances[name] = found
                break
        else:
            length = 1
            unread.append(words[place])
        place += length
    named = tuple(found[0] for found in substances.values() if len(found) == 1)
    several = tuple(name for name, found in substances.items() if len(found) > 1)
    low, high, unit, problem = _amount(amounts)
    refused = None
    if said["negation"]:
        refused = f"{said['negation'][0]!r} denies what stands beside it or makes it something else"
    elif impossible or (problem and len(amounts) == 1):
        refused = problem or f"{impossible[0]} is no amount that a substance can have"
    if several:
        problem = f"{', '.join(several)} is the name of several substances"
    elif said["pure"] and not amounts:
        problem = f"{said['pure'][0]!r} states no percentage"
    return Claim(
        text=text,
        substances=tuple({substance.skeleton: substance for substance in named}.values()),
        drug_classes=tuple(dict.fromkeys(said["class"])),
        amount=low,
        amount_to=high,
        unit=unit,
        basis=said["basis"][0] if len(set(said["basis"])) == 1 else None,
        form=said["form"][0] if said["form"] else None,
        unread=(*unread, *(("…",) if cut else ())),
        problem=refused or problem,
        comparable=refused is None,
    )


def _amount(found: list[re.Match[str]]) -> tuple[float | None, float | None, str | None, str | None]:
    """The one amount of a claim, or why there is none that could be compared."""
    if not found:
        return None, None, None, None
    if len(found) > 1:
        return None, None, None, f"it states {len(found)} amounts"
    low = float(found[0]["low"].replace(",", "."))
    high = float(found[0]["high"].replace(",", ".")) if found[0]["high"] else None
    unit = _UNITS[found[0]["unit"].lower()]
    if (unit == "%" and max(low, high or 0.0) > 100) or low <= 0 or (high is not None and high <= low):
        return None, None, None, f"{found[0][0].strip()} is no amount that a substance can have"
    return low, high, unit, None


def _by_name(catalogue: Catalogue, name: str) -> tuple[Substance, ...]:
    if len(name) < 2 or not any(c.isalpha() for c in name):
        return ()
    return _one_skeleton(catalogue.find_name(name) or catalogue.find_name(lookalike_key(name)))


def _one_skeleton(found: tuple[Substance, ...]) -> tuple[Substance, ...]:
    return tuple({substance.skeleton: substance for substance in reversed(found)}.values())


def _key(word: str) -> str:
    return fold_name(unicodedata.normalize("NFKC", word))


@lru_cache(maxsize=1)
def _words() -> dict[str, tuple[str, str]]:
    with (resources.files("nps_ident.catalogue") / "claim_words.tsv").open(encoding="utf-8") as lines:
        return {_key(row["words"]): (row["kind"], row["means"]) for row in csv.DictReader(lines, delimiter="\t")}
