"""Compiling spectra into a library.

Arrays (n references of a technique, p peaks in all; every reference owns ``peak_start[i]:peak_start[i + 1]``):

==========================  =========  ==========================================================================
``<t>.substance``           int32 n    row in the table of substances
``<t>.reference``           int32 n    row in the table of references
``<t>.peak_start``          int64 n+1
``<t>.mz``                  float64 p  ``ei``: int32, unit masses
``<t>.intensity``           float32 p  base peak 999
``ei.index_start``          int64      by unit mass: the references with that peak …
``ei.index_reference``      int32 p
``ei.index_weight``         float32 p  … and its weight in the normalised spectrum
``msms.neutral_mass``       float64 n  ascending; of the substance where its formula is known, else from the precursor
``msms.precursor_mz``       float64 n  nan where unknown
``msms.by_precursor``       int32 n    order of ascending precursor
``msms.classified``         int32      rows of the substances that have a drug class
``msms.polarity``           int8 n     +1, -1, 0 unknown
``msms.coarse``             bool n     peaks known to unit mass only
``msms.weight``             float32 p  entropy weights, sum 1 a reference
``dart.precursor_mz``       float64 n  of the protonated molecule
``<t>.covered``             int64      ascending codes of the skeletons that have a reference
``isomers.start``           int64 s+1  by substance: the isomers that may give the same spectrum …
``isomers.code``            int64      … as codes of their skeletons
``isomers.known``           bool s     whether the structure is known, and so its isomers
==========================  =========  ==========================================================================
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.chemistry.formula import exact_mass, neutral_mass
from nps_ident.errors import ChemistryError, LibraryError
from nps_ident.library.compiled import SECTIONS, Library, open_compiled, skeleton_code, write_compiled
from nps_ident.library.isomers import isomer_arrays
from nps_ident.library.search_ei import screening_weights
from nps_ident.library.search_msms import PAIRING_DA, is_coarse
from nps_ident.model import MassSpectrum, Polarity, Substance, SubstanceLabel, Technique
from nps_ident.similarity.entropy import clean_for_entropy, weighted_intensities
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare, principal_ions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.chemistry.structures import Parent

__all__ = ["build_library"]

PROTON = 1.007276466621
"""Mass of the proton in Da (CODATA 2018)."""
_SAME_FORMULA_DA = 1e-4
"""Rounding of the masses in the catalogue's table; two formulae of one name are never so near."""


def build_library(
    spectra: Iterable[MassSpectrum],
    folder: Path,
    *,
    name: str,
    kind: str = "full",
    catalogue: Catalogue | None = None,
    progress: Callable[[int], None] | None = None,
    source: Mapping[str, str] | None = None,
) -> Library:
    """Compile reference spectra for search.

    Parameters
    ----------
    spectra : iterable of MassSpectrum
        References: their labels say the substance.  Spectra without technique, peaks, or any name are passed over and counted.
    folder : Path
        Of the compiled library; appears whole or not at all.
    name : str
    kind : str
        ``full``, or ``principal_ions``: then every spectrum is cut to its principal ions.
    catalogue : Catalogue, optional
        Gives drug class and name where it knows the structure; a structure it does not know is classified by its SMILES.
    progress : callable, optional
        Is given the number of spectra read, now and then.
    source : mapping of str to str, optional
        Where the spectra came from; kept in the manifest.

    Raises
    ------
    LibraryError
        When no spectrum is usable.
    """
    identities = _Identities(catalogue)
    sections: dict[Technique, list[tuple[MassSpectrum, int, int]]] = defaultdict(list)
    references: list[dict[str, Any]] = []
    n_skipped = 0
    for n_read, spectrum in enumerate(spectra, 1):
        if progress and n_read % 1000 == 0:
            progress(n_read)
        prepared = prepare(spectrum)
        if kind == "principal_ions":
            prepared = principal_ions(prepared)
        if prepared.technique is None or not prepared.n_peaks or not (prepared.label.name or prepared.label.inchikey):
            n_skipped += 1
            continue
        row = identities.row(prepared)
        sections[prepared.technique].append((prepared, row, len(references)))
        references.append(_reference_fields(prepared, identities.substances[row]))
    if not references:
        raise LibraryError(f"{name}: none of the {n_skipped} spectra can be a reference; each needs a technique, peaks and a substance.")
    substances = identities.substances
    counts = {technique.value: len(rows) for technique, rows in sections.items() if rows}
    write_compiled(
        folder,
        name=name,
        kind=kind,
        counts={**counts, "substances": len(substances), "passed over": n_skipped},
        arrays=_arrays(sections, substances) | isomer_arrays(substances, catalogue),
        tables={"substances": [_substance_fields(s) for s in substances], "references": references},
        source=source,
    )
    return open_compiled(folder)


def _arrays(sections: Mapping[Technique, list[tuple[MassSpectrum, int, int]]], substances: list[Substance]) -> dict[str, NDArray[Any]]:
    """Lay out the references of every technique, and which substances it covers."""
    arrays: dict[str, NDArray[Any]] = {}
    for technique, section in sections.items():
        if technique is Technique.EI_MS:
            arrays |= _ei(section)
        else:
            arrays |= (_msms if technique is Technique.MSMS else _dart)(section, substances)
        arrays[f"{SECTIONS[technique]}.covered"] = np.unique([skeleton_code(substances[row].skeleton) for _, row, _ in section])
    return arrays


class _Identities:
    """One row a substance: the parent's InChIKey where there is one, else the folded name."""

    def __init__(self, catalogue: Catalogue | None) -> None:
        self._catalogue = catalogue
        self._rows: dict[str, int] = {}
        self._classes: dict[str, str | None] = {}
        self.substances: list[Substance] = []

    def row(self, spectrum: MassSpectrum) -> int:
        label = spectrum.label
        inchikey, smiles = label.inchikey, label.smiles
        formula, mass = label.formula, None if label.isotope_labelled else _mass_of(label)
        if smiles and ("." in smiles or inchikey is None):
            parent = self._parent(smiles)
            if parent is None:
                smiles = None
            else:  # a file gives the formula of the salt as often as that of the substance; the precursor is the substance's
                inchikey, smiles, formula, mass = parent.inchikey, parent.smiles, parent.formula, parent.exact_mass
        inchikey = inchikey or self._named(label)
        key = inchikey or f"name:{(label.name or '').casefold()}"
        key += "*" if label.isotope_labelled else ""
        if key in self._rows:
            return self._rows[key]
        entry = self._catalogue.by_inchikey(inchikey) if self._catalogue and inchikey else None
        if entry and label.isotope_labelled and not entry.isotope_labelled:
            entry = None  # files give labelled standards the key of the drug; neither its name nor its mass is theirs
        self._rows[key] = len(self.substances)
        self.substances.append(
            Substance(
                inchikey=inchikey,
                name=entry.name if entry else label.name or inchikey or "",
                synonyms=label.synonyms[:3],
                smiles=entry.smiles if entry else smiles,
                formula=entry.formula if entry else formula,
                exact_mass=entry.exact_mass if entry else mass or label.exact_mass,
                cas=entry.cas if entry else label.cas,
                drug_class=entry.drug_class if entry else self._class(inchikey, smiles),
                isotope_labelled=label.isotope_labelled,
                status=entry.status if entry else "confirmed",
            )
        )
        return self._rows[key]

    def _named(self, label: SubstanceLabel) -> str | None:
        """The one substance of the catalogue with that CAS number or name and that formula: old libraries, SWGDRUG's too, give no structure."""
        if self._catalogue is None or label.isotope_labelled or label.smiles or label.inchi or not label.formula:
            return None
        try:
            mass = exact_mass(label.formula)
        except ChemistryError:
            return None
        for found in (self._catalogue.find_cas(label.cas) if label.cas else (), self._catalogue.find_name(label.name) if label.name else ()):
            keys = {s.inchikey for s in found if s.inchikey and s.exact_mass and abs(s.exact_mass - mass) < _SAME_FORMULA_DA}
            if len(keys) == 1:
                return keys.pop()
        return None

    def _parent(self, smiles: str) -> Parent | None:
        from nps_ident.chemistry.structures import parent_of

        try:
            return parent_of(smiles)
        except ChemistryError:
            return None

    def _class(self, inchikey: str | None, smiles: str | None) -> str | None:
        """By structure; by the catalogue's entry of the same skeleton where the file gives no structure."""
        skeleton = (inchikey or "")[:14]
        if skeleton and skeleton in self._classes:
            return self._classes[skeleton]
        same = self._catalogue.by_skeleton(skeleton) if self._catalogue and skeleton else ()
        smiles = smiles or (same[0].smiles if same else None)
        found = None
        if same:
            found = same[0].drug_class
        elif smiles:
            from nps_ident.chemistry.drug_classes import drug_class_of

            try:
                found = drug_class_of(smiles)
            except ChemistryError:
                found = None
        if skeleton:
            self._classes[skeleton] = found
        return found


def _mass_of(label: SubstanceLabel) -> float | None:
    try:
        return exact_mass(label.formula) if label.formula else None
    except ChemistryError:
        return None


def _reference_fields(spectrum: MassSpectrum, substance: Substance) -> dict[str, Any]:
    """What is kept of a reference; its own ``label`` where the row of its substance goes by another name."""
    source, label = spectrum.source, spectrum.label.name
    fields = {
        "accession": spectrum.accession or (f"{source.file.rsplit('/', 1)[-1]}#{source.index}" if source else spectrum.name),
        "name": spectrum.name,
        "contributor": spectrum.contributor,
        "licence": spectrum.licence,
        "adduct": spectrum.adduct,
        "precursor_mz": spectrum.precursor_mz,
        "collision_energy": spectrum.collision_energy,
        "instrument_type": spectrum.instrument_type,
        "polarity": spectrum.polarity.value if spectrum.polarity else None,
        "label": label if label and label.casefold() != substance.name.casefold() else None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _substance_fields(substance: Substance) -> dict[str, Any]:
    fields = {name: getattr(substance, name) for name in Substance.__slots__}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items() if value not in (None, (), False)}


def _rows(section: list[tuple[MassSpectrum, int, int]], prefix: str) -> dict[str, NDArray[Any]]:
    return {
        f"{prefix}.substance": np.array([row for _, row, _ in section], dtype=np.int32),
        f"{prefix}.reference": np.array([row for _, _, row in section], dtype=np.int32),
    }


def _flat(parts: list[NDArray[Any]], dtype: str) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype)


def _starts(parts: list[NDArray[Any]]) -> NDArray[np.int64]:
    return np.cumsum([0, *map(len, parts)], dtype=np.int64)


def _ei(section: list[tuple[MassSpectrum, int, int]]) -> dict[str, NDArray[Any]]:
    spectra = [nominal(spectrum.mz, spectrum.intensity) for spectrum, _, _ in section]
    mz, intensity = [s.mz for s in spectra], [s.intensity for s in spectra]
    weights = [screening_weights(s.mz, s.intensity) for s in spectra]
    flat_mz = _flat(mz, "<i4")
    owner = np.repeat(np.arange(len(mz), dtype=np.int32), [len(part) for part in mz])
    order = np.argsort(flat_mz, kind="stable")
    return {
        **_rows(section, "ei"),
        "ei.peak_start": _starts(mz),
        "ei.mz": flat_mz,
        "ei.intensity": _flat(intensity, "<f4"),
        "ei.index_start": np.searchsorted(flat_mz[order], np.arange(flat_mz.max() + 2)).astype(np.int64),
        "ei.index_reference": owner[order],
        "ei.index_weight": _flat(weights, "<f4")[order],
    }


def _msms(section: list[tuple[MassSpectrum, int, int]], substances: list[Substance]) -> dict[str, NDArray[Any]]:
    masses = []
    for spectrum, row, _ in section:
        mass = substances[row].exact_mass
        if mass is None and spectrum.precursor_mz is not None:
            sign = -1 if spectrum.polarity is Polarity.NEGATIVE else 1
            try:
                mass = neutral_mass(spectrum.precursor_mz, spectrum.adduct or ("[M-H]-" if sign < 0 else "[M+H]+"))
            except ChemistryError:
                mass = spectrum.precursor_mz - sign * PROTON
        masses.append(np.nan if mass is None else mass)
    order = np.argsort(masses, kind="stable")
    section = [section[i] for i in order]
    mz, intensity, weight = [], [], []
    for spectrum, _, _ in section:
        precursor_mz = spectrum.precursor_mz
        clean_mz, clean_intensity = clean_for_entropy(
            spectrum.mz, spectrum.intensity, precursor_mz=precursor_mz, merge_da=2 * PAIRING_DA
        )
        mz.append(clean_mz)
        intensity.append(clean_intensity * (999.0 / clean_intensity.max()) if len(clean_intensity) else clean_intensity)
        weight.append(weighted_intensities(clean_intensity))
    precursor = np.array([np.nan if s.precursor_mz is None else s.precursor_mz for s, _, _ in section])
    signs = {Polarity.POSITIVE: 1, Polarity.NEGATIVE: -1, None: 0}
    return {
        **_rows(section, "msms"),
        "msms.neutral_mass": np.array(masses)[order],
        "msms.precursor_mz": precursor,
        "msms.by_precursor": np.argsort(precursor, kind="stable").astype(np.int32),
        "msms.classified": np.array([i for i, (_, row, _) in enumerate(section) if substances[row].drug_class], dtype=np.int32),
        "msms.polarity": np.array([signs[s.polarity] for s, _, _ in section], dtype=np.int8),
        "msms.coarse": np.array([is_coarse(s) for s, _, _ in section]),
        "msms.peak_start": _starts(mz),
        "msms.mz": _flat(mz, "<f8"),
        "msms.intensity": _flat(intensity, "<f4"),
        "msms.weight": _flat(weight, "<f4"),
    }


def _dart(section: list[tuple[MassSpectrum, int, int]], substances: list[Substance]) -> dict[str, NDArray[Any]]:
    precursor = []
    for spectrum, row, _ in section:
        mass = substances[row].exact_mass
        precursor.append(spectrum.precursor_mz or (np.nan if mass is None else mass + PROTON))
    mz, intensity = [s.mz for s, _, _ in section], [s.intensity * (999.0 / s.intensity.max()) for s, _, _ in section]
    return {
        **_rows(section, "dart"),
        "dart.precursor_mz": np.array(precursor),
        "dart.peak_start": _starts(mz),
        "dart.mz": _flat(mz, "<f8"),
        "dart.intensity": _flat(intensity, "<f4"),
    }
