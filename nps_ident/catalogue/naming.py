"""What may be the name of a substance: names come from files and labels, and end in tables, pages and notices of other laboratories."""

from __future__ import annotations

import unicodedata

from nps_ident.catalogue.store import fold_name
from nps_ident.errors import CatalogueError

__all__ = ["check_name", "lookalike_key"]

_LONGEST = 200
"""Characters of a name; the longest IUPAC name of a scheduled substance has under 150."""

# Punctuation of chemical names; everything that HTML, SQL, shells and spreadsheets give a meaning to is left out.
_PUNCTUATION = frozenset(" -,.'()[]{}/+:*_^~\N{PRIME}\N{DOUBLE PRIME}\N{RIGHT SINGLE QUOTATION MARK}\N{PLUS-MINUS SIGN}"
                         "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{MINUS SIGN}\N{MIDDLE DOT}\N{RIGHTWARDS ARROW}")  # fmt: skip
# Letters of Cyrillic and Greek that are drawn like Latin ones (Unicode security data, confusables.txt,
# https://www.unicode.org/Public/security/latest/confusables.txt, 2024): the part that occurs in words.
_DRAWN_LIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν",
    "ABESIJKMHOPCTYXaesijopcyxhdqw" + "ABEZHIKMNOPTYXoiv",
)
# Greek letters that chemists use as locants and prefixes, none of which is drawn like a Latin one.
_LOCANTS = frozenset("αβγδεζηθκλμξπρστφχψωΔΓΘΛΞΠΣΦΨΩ\N{MICRO SIGN}")


def check_name(name: str) -> str:
    """Check a name, and return it with single spaces and composed letters.

    Raises
    ------
    CatalogueError
        When it is empty, too long, has no letter, holds a character that no chemical name has (controls, markup, quotes), or mixes
        scripts, so that it would look like another name.
    """
    text = unicodedata.normalize("NFC", " ".join(name.split(" ")).strip())
    if not text:
        raise CatalogueError("The name is empty; expected one such as 'fentanyl'.")
    shown = f"{text[:60]!a}"
    if len(text) > _LONGEST:
        raise CatalogueError(f"{shown}…: the name has {len(text)} characters; expected at most {_LONGEST}.")
    for character in text:
        if not (character.isalnum() or unicodedata.combining(character) or character in _PUNCTUATION):
            what = unicodedata.name(character, f"U+{ord(character):04X}").lower()
            raise CatalogueError(f"{shown}: the name holds {character!a} ({what}); expected letters, digits, -,.'()[].")
    scripts = {_script(character) for character in text if character.isalpha() and character not in _LOCANTS}
    if not scripts and not any(character in _LOCANTS for character in text):
        raise CatalogueError(f"{shown}: the name has no letter; expected one such as 'fentanyl'.")
    if len(scripts) > 1:
        raise CatalogueError(f"{shown}: the name mixes the scripts {' and '.join(sorted(scripts))}; expected one, Greek locants apart.")
    return text


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split(" ", 1)[0].lower()


def lookalike_key(name: str) -> str:
    """Fold a name so that names which look the same are the same: case, spaces, hyphens, and letters drawn like those of another script."""
    return fold_name(unicodedata.normalize("NFKC", name.translate(_DRAWN_LIKE)))
