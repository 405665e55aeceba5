"""From the field names of the text formats (MSP, MGF, MassBank …) to one spectrum record."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from nps_ident.model import Finding, MassSpectrum, Polarity, Severity, Source, SubstanceLabel, Technique

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from nps_ident.io.document import Document

__all__ = ["SECONDS_IN", "decimals", "known_fields", "meaning_of", "number", "spectrum_from_fields", "spectrum_from_known", "technique_named"]

SECONDS_IN = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "millisecond": 1e-3}
"""Seconds in the units of time that run files name."""

# Each meaning with the spellings found in NIST, SWGDRUG, MoNA, MassBank, RIKEN and GNPS files; compared without case, space, "_", "#", "$".
_SPELLINGS = {
    "name": "name title compoundname",
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
    "charge": "charge",
    "technique": "technique",
    "record_name": "recordname",
}
_MEANING = {spelling: meaning for meaning, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_FOLD = str.maketrans("", "", " _#$-")
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_CAS = re.compile(r"\d{2,7}-\d{2}-\d")
_EI = re.compile(r"(?<![A-Za-z])EI(?![A-Za-z])")
_QUOTED_PAIR = re.compile(r'"([^"=]{1,64})=([^"]*)"')
# "308,2227" is no number here: half of a decimal comma would be another mass.
_LEADING_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\d|[.,]\d)", re.ASCII)
_DECIMALS = re.compile(r"[-+]?\d*\.?(\d*)", re.ASCII)
_TANDEM = re.compile(r"(?:MS)?[2-9]\b|MS/?MS|MSN\b", re.ASCII)
_SIGNS = re.compile(r"(?<=\d)[-+]|[-+](?=\d)", re.ASCII)
_POLARITIES = {"p": Polarity.POSITIVE, "+": Polarity.POSITIVE, "n": Polarity.NEGATIVE, "-": Polarity.NEGATIVE}
_TECHNIQUES = {technique.value.lower(): technique for technique in Technique}
_ABSENT = {"", "n/a", "na", "none", "unknown", "null", "-"}
# d3, d5-, -D7 and [2H] or 13C in names: how laboratories mark internal standards.
_LABELLED_NAME = re.compile(
    r"(?<![A-Za-z0-9])(?<!vitamin )d\d{1,2}(?![A-Za-z0-9])|-d\d{1,2}\b|deuter|(?<![0-9])13C\d?|\[2H", re.IGNORECASE
)
_LABELLED_SMILES = re.compile(r"\[(?:2H|3H|13C|14C|13c|15N|15n|18O)")


def number(text: str) -> float | None:
    """The finite number a field begins with (``30 eV`` is 30); None when there is none."""
    match = _LEADING_NUMBER.match(text)
    value = float(match[0]) if match else math.nan
    return value if math.isfinite(value) else None


def decimals(text: str) -> int:
    """Decimals of a number as written; three and more zeros at its end are padding (``273.200000`` is 273.2)."""
    digits = re.match(r"\d*\.?(\d*)", text.strip())[1]  # type: ignore[index]
    return len(digits.rstrip("0")) if digits.endswith("000") else len(digits)


@lru_cache(maxsize=4096)
def meaning_of(key: str) -> str | None:
    """What a field of this name means here (``precursor_mz``, ``inchikey`` …); None where it means nothing."""
    return _MEANING.get(key.translate(_FOLD).lower())


@lru_cache(maxsize=4096)
def technique_named(words: str, *, spectrum_type: str, has_precursor: bool) -> Technique | None:
    """The technique that instrument and ionisation words name; None where they do not say.

    EI is read before the precursor, because GC–EI records often carry their molecular ion in the precursor field; a
    record that calls itself MS1 is no MS/MS spectrum, whatever stands in that field.
    """
    if "DART" in words.upper():
        return Technique.DART_MS
    if _EI.search(words.upper()):
        return Technique.EI_MS
    level = spectrum_type.replace(" ", "").upper()
    if level in {"MS", "MS1", "1"}:
        return None
    return Technique.MSMS if has_precursor or _TANDEM.match(level) else None


def known_fields(fields: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """The fields that have a meaning here, each meaning with its first value, and all synonyms in order."""
    known: dict[str, str] = {}
    synonyms: list[str] = []
    for key, content in fields:
        meaning = meaning_of(key)
        if meaning is None:
            continue
        value = content.strip()
        if meaning == "comment":
            # MoNA keeps most of a record in its comment: "computed SMILES=…" "license=CC BY".
            for inner_key, inner in _QUOTED_PAIR.findall(value) if "=" in value else ():
                inner_meaning = meaning_of(inner_key)
                if inner_meaning and inner.strip():
                    known.setdefault(inner_meaning, inner.strip())
        elif len(value) < 8 and value.lower() in _ABSENT:
            continue
        elif meaning == "synonym":
            synonyms.append(value)
        else:
            known.setdefault(meaning, value)
    return known, synonyms


def spectrum_from_fields(
    fields: Sequence[tuple[str, str]],
    mz: ArrayLike,
    intensity: ArrayLike,
    *,
    document: Document,
    index: int,
    findings: Iterable[Finding] = (),
) -> MassSpectrum:
    """One record from its fields, verbatim in ``metadata`` and translated where a field has a meaning here.

    The first value of a repeated field counts; synonyms are all kept, in order.  A field that cannot be read as what it should be stays in
    ``metadata`` and is absent elsewhere.
    """
    known, synonyms = known_fields(fields)
    return spectrum_from_known(
        known, mz, intensity, synonyms=synonyms, metadata=fields, document=document, index=index, findings=findings
    )


def spectrum_from_known(
    known: Mapping[str, str],
    mz: ArrayLike,
    intensity: ArrayLike,
    *,
    synonyms: Iterable[str],
    metadata: Sequence[tuple[str, str]],
    document: Document,
    index: int,
    findings: Iterable[Finding] = (),
) -> MassSpectrum:
    """One record from meanings that are already known.

    ``record_name`` in ``known`` names the spectrum where that is another name than the substance's (MGF ``TITLE``, a MassBank accession).
    """
    get = known.get
    precursor, precursor_decimals = _precursor(get("precursor_mz"))
    technique = _TECHNIQUES.get(get("technique", "").lower())
    if technique is None:
        technique = technique_named(
            f"{get('instrument_type', '')} {get('ionization', '')}",
            spectrum_type=get("spectrum_type", ""),
            has_precursor=precursor is not None,
        )
    retention_index, retention_time = get("retention_index"), get("retention_time_s")
    adduct, assumed = _adduct(get("adduct"), get("charge", ""))
    return MassSpectrum(
        name=get("record_name") or get("name") or f"{document.stem}#{index}",
        mz=mz,  # type: ignore[arg-type]
        intensity=intensity,  # type: ignore[arg-type]
        technique=technique,
        precursor_mz=precursor,
        precursor_decimals=precursor_decimals,
        adduct=adduct,
        polarity=_polarity(get("polarity", ""), get("charge", "")),
        collision_energy=get("collision_energy"),
        instrument_type=get("instrument_type"),
        retention_index=number(retention_index.replace(",", ".")) if retention_index else None,
        retention_time_s=number(retention_time) if retention_time else None,
        accession=get("accession"),
        contributor=get("contributor"),
        licence=get("licence"),
        label=_label(known, synonyms),
        metadata=tuple(metadata),
        findings=(*findings, *assumed),
        source=Source(file=document.path, index=index, sha256=document.sha256),
    )


def _precursor(text: str | None) -> tuple[float | None, int | None]:
    value = number(text) if text else None
    return (value, decimals(text)) if text and value is not None and value > 0 else (None, None)


def _adduct(stated: str | None, charge: str) -> tuple[str | None, tuple[Finding, ...]]:
    """The adduct as stated; for an ion of several charges without one, its protons, which is said."""
    several = re.fullmatch(r"\s*\+?([2-9])\+?\s*", charge)
    if stated or several is None:
        return stated, ()
    adduct = f"[M+{several[1]}H]{several[1]}+"
    text = f"The ion has charge {several[1]}+ and no adduct is given; {adduct} was taken."
    return adduct, (Finding(code="FILE-014", severity=Severity.WARNING, text=text),)


def _polarity(words: str, charge: str) -> Polarity | None:
    first = words[:1].lower()
    if first in _POLARITIES:
        return _POLARITIES[first]
    # "1+" and "-1" carry the sign of the ions; a bare "1" does not.
    signs = set(_SIGNS.findall(charge))
    return _POLARITIES[signs.pop()] if len(signs) == 1 else None


def _label(known: Mapping[str, str], synonyms: Iterable[str]) -> SubstanceLabel:
    get = known.get
    name, smiles = get("name"), get("smiles")
    key_text, cas_text, mass_text = get("inchikey"), get("cas"), get("exact_mass")
    inchikey = _INCHIKEY.search(key_text.upper()) if key_text else None
    cas = _CAS.search(cas_text) if cas_text else None
    mass = number(mass_text) if mass_text else None
    labelled = bool(_LABELLED_SMILES.search(smiles) if smiles else name and _LABELLED_NAME.search(name))
    return SubstanceLabel(
        name=name,
        synonyms=tuple(synonyms),
        inchikey=inchikey[0] if inchikey else None,
        inchi=get("inchi"),
        smiles=smiles,
        formula=get("formula"),
        cas=cas[0] if cas else None,
        exact_mass=mass if mass and mass > 0 else None,
        isotope_labelled=labelled or get("isotope_labelled", "").lower() in {"yes", "true", "1"},
    )
