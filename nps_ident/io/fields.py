"""From the field names of the text formats (MSP, MGF, MassBank …) to one spectrum record."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from nps_ident.model import MassSpectrum, Polarity, Source, SubstanceLabel, Technique

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nps_ident.io.document import Document
    from nps_ident.model import Finding

__all__ = ["number", "spectrum_from_fields", "technique_named"]

# Each meaning with the spellings found in NIST, SWGDRUG, MoNA, MassBank, RIKEN and GNPS files; compared without case, space, "_", "#", "$".
_SPELLINGS = {
    "name": "name title",
    "synonym": "synon synonym synonyms",
    "inchikey": "inchikey inchiaux",
    "inchi": "inchi stdinchi",
    "smiles": "smiles",
    "formula": "formula",
    "cas": "cas casno casrn casnumber",
    "exact_mass": "exactmass",
    "precursor_mz": "precursormz pepmass precursormass",
    "adduct": "precursortype adduct iontype",
    "polarity": "ionmode ionizationmode polarity ionisationmode",
    "collision_energy": "collisionenergy ce voltage",
    "instrument_type": "instrumenttype",
    "instrument": "instrument",
    "ionization": "ionization ionisation",
    "spectrum_type": "spectrumtype mslevel",
    "retention_index": "retentionindex ri",
    "accession": "db dbid accession spectrumid",
    "contributor": "contributor",
    "licence": "license licence",
    "isotope_labelled": "isotopelabelled",
    "comment": "comment comments",
}
_MEANING = {spelling: meaning for meaning, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_FOLD = str.maketrans("", "", " _#$-")
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_CAS = re.compile(r"\d{2,7}-\d{2}-\d")
_EI = re.compile(r"(?<![A-Za-z])EI(?![A-Za-z])")
_QUOTED_PAIR = re.compile(r'"([^"=]{1,64})=([^"]*)"')
_ABSENT = {"", "n/a", "na", "none", "unknown", "null", "-"}
# d3, d5-, -D7 and [2H] or 13C in names: how laboratories mark internal standards.
_LABELLED_NAME = re.compile(r"(?<![A-Za-z0-9])[dD]\d{1,2}(?![A-Za-z0-9])|-[dD]\d{1,2}\b|deuter|(?<![0-9])13C\d?|\[2H", re.IGNORECASE)
_LABELLED_SMILES = re.compile(r"\[(?:2H|3H|13C|14C|13c|15N|15n|18O)")


def number(text: str) -> float | None:
    """The finite number a field begins with (``30 eV`` is 30); None when there is none."""
    match = re.match(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text)
    value = float(match[0]) if match else math.nan
    return value if math.isfinite(value) else None


def _decimals(text: str) -> int:
    return len(re.match(r"\d*\.?(\d*)", text.strip())[1])  # type: ignore[index]


def technique_named(words: str, *, spectrum_type: str, has_precursor: bool) -> Technique | None:
    """The technique that instrument and ionisation words name; None where they do not say.

    EI is read before the precursor, because GC–EI records often carry their molecular ion in the precursor field.
    """
    if "DART" in words.upper():
        return Technique.DART_MS
    if _EI.search(words.upper()):
        return Technique.EI_MS
    if has_precursor or re.match(r"(?:MS)?[2-9]\b", spectrum_type.strip().upper()):
        return Technique.MSMS
    return None


def spectrum_from_fields(  # noqa: C901 - one branch a field
    fields: Sequence[tuple[str, str]],
    mz: NDArray[object] | Sequence[float],
    intensity: NDArray[object] | Sequence[float],
    *,
    document: Document,
    index: int,
    findings: Iterable[Finding] = (),
) -> MassSpectrum:
    """One record from its fields, verbatim in ``metadata`` and translated where a field has a meaning here.

    The first value of a repeated field counts; synonyms are all kept, in order.  A field that cannot be read as what it should be stays in
    ``metadata`` and is absent elsewhere.
    """
    known: dict[str, str] = {}
    synonyms: list[str] = []
    for key, value in fields:
        meaning = _MEANING.get(key.translate(_FOLD).lower())
        if meaning is None or value.strip().lower() in _ABSENT:
            continue
        if meaning == "synonym":
            synonyms.append(value.strip())
        elif meaning == "comment":
            for inner, content in _QUOTED_PAIR.findall(value):
                inner_meaning = _MEANING.get(inner.translate(_FOLD).lower())
                if inner_meaning and content.strip():
                    known.setdefault(inner_meaning, content.strip())
        else:
            known.setdefault(meaning, value.strip())
    name = known.get("name") or f"{document.stem}#{index}"
    precursor_text = known.get("precursor_mz", "")
    precursor = number(precursor_text)
    has_precursor = precursor is not None and precursor > 0
    polarity = {"p": Polarity.POSITIVE, "+": Polarity.POSITIVE, "n": Polarity.NEGATIVE, "-": Polarity.NEGATIVE}.get(
        known.get("polarity", "")[:1].lower()
    )
    smiles, inchi = known.get("smiles"), known.get("inchi")
    inchikey = _INCHIKEY.search(known.get("inchikey", "").upper())
    cas = _CAS.search(known.get("cas", ""))
    labelled = known.get("isotope_labelled", "").lower() in {"yes", "true", "1"} or bool(
        smiles and _LABELLED_SMILES.search(smiles) or not smiles and _LABELLED_NAME.search(name)
    )
    words = f"{known.get('instrument_type', '')} {known.get('ionization', '')}"
    mass = number(known.get("exact_mass", ""))
    return MassSpectrum(
        name=name,
        mz=mz,  # type: ignore[arg-type]
        intensity=intensity,  # type: ignore[arg-type]
        technique=technique_named(words, spectrum_type=known.get("spectrum_type", ""), has_precursor=has_precursor),
        precursor_mz=precursor if has_precursor else None,
        precursor_decimals=_decimals(precursor_text) if has_precursor else None,
        adduct=known.get("adduct"),
        polarity=polarity,
        collision_energy=known.get("collision_energy"),
        instrument_type=known.get("instrument_type"),
        retention_index=number(known.get("retention_index", "").replace(",", ".")),
        accession=known.get("accession"),
        contributor=known.get("contributor"),
        licence=known.get("licence"),
        label=SubstanceLabel(
            name=known.get("name"),
            synonyms=tuple(synonyms),
            inchikey=inchikey[0] if inchikey else None,
            inchi=inchi,
            smiles=smiles,
            formula=known.get("formula"),
            cas=cas[0] if cas else None,
            exact_mass=mass if mass and mass > 0 else None,
            isotope_labelled=labelled,
        ),
        metadata=tuple(fields),
        findings=tuple(findings),
        source=Source(file=document.path, index=index, sha256=document.sha256),
    )


