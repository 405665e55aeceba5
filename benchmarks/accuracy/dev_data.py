"""The development spectra as libraries, queries and training examples.

The folder of real spectra is not part of the project; see ``README.md`` beside this file for how it is named.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.catalogue.store import open_catalogue
from nps_ident.confidence.examples import NEAR_COPY
from nps_ident.confidence.examples import example as example_of
from nps_ident.confidence.training import Example
from nps_ident.identify.spectrum import SEARCHED
from nps_ident.io import scan_spectra
from nps_ident.library.build import build_library
from nps_ident.library.compiled import Library, open_compiled
from nps_ident.model import Technique
from nps_ident.spectra.peaks import MIN_PEAKS, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from nps_ident.errors import InputError
    from nps_ident.model import MassSpectrum

FOLDER = {Technique.EI_MS: "ei", Technique.MSMS: "msms"}
BACKGROUND = {Technique.EI_MS: "massbank_background_ei.msp.gz", Technique.MSMS: "massbank_background.msp.gz"}
KINDS = {"queries_dev": "known", "unknowns_dev": "unknown", "decoys_dev": "decoy"}
# Laboratories of one house count as one (README of the data).
HOUSE = {"RIKEN_ReSpect": "RIKEN", "Eawag_Additional_Specs": "Eawag", "LCSB": "Eawag", "NaToxAq": "UFZ"}

PER_COMPOUND = 2
"""Spectra of one compound, of different laboratories, that are withheld references."""



@dataclass(frozen=True)
class DevSet:
    """The development files of one technique."""

    technique: Technique
    folder: Path

    @property
    def reference(self) -> Path:
        return self.folder / "reference.msp"

    @property
    def background(self) -> Path:
        return self.folder / BACKGROUND[self.technique]

    def queries(self) -> Iterator[tuple[MassSpectrum, dict[str, str]]]:
        """Each query with its row of truth."""
        for stem in KINDS:
            with (self.folder / f"{stem}_truth.csv").open(newline="", encoding="utf-8") as file:
                truth = {row["id"]: row for row in csv.DictReader(file)}
            for spectrum in read(self.folder / f"{stem}.msp"):
                yield spectrum, truth[spectrum.name]


def dev_set(data: Path, technique: Technique) -> DevSet:
    return DevSet(technique, data / FOLDER[technique])


def read(path: Path) -> Iterator[MassSpectrum]:
    def refuse(error: InputError) -> None:
        raise error

    return scan_spectra(path, report=refuse)


def compiled(spectra: Iterable[MassSpectrum], folder: Path, *, kind: str = "full") -> Library:
    if (folder / "manifest.json").is_file():
        return open_compiled(folder)
    return build_library(spectra, folder, name=folder.name, kind=kind, catalogue=open_catalogue())


def house(contributor: str) -> str:
    return HOUSE.get(contributor, contributor)


def example(
    spectrum: MassSpectrum, members: list[Library], *, compound: str, laboratory: str, in_library: bool, withheld: bool = False
) -> Example:
    """The hit list of one spectrum of known origin, as numbers."""
    return example_of(
        spectrum, members, most=SEARCHED, compound=compound, laboratory=laboratory, in_library=in_library, withheld=withheld
    )


def training_examples(dev: DevSet, kind: str, work: Path) -> list[Example]:
    """All examples that a calibration is fitted to, computed once."""
    name = f"{FOLDER[dev.technique]}-{kind}"
    large = saved(lambda: _in_whole_libraries(dev, kind, work), work / f"{name}.npz")
    if dev.technique is Technique.EI_MS:
        large += saved(lambda: _withheld(dev, kind, work), work / f"{name}-withheld.npz")
    small = saved(lambda: _in_a_small_library(dev, kind, work), work / f"{name}-small.npz")
    return large + small


def _in_a_small_library(dev: DevSet, kind: str, work: Path) -> Iterator[Example]:
    """The development queries in a quarter of the reference compounds: most are then not in the library, and rivals are few.

    Without these a calibration learnt among thousands of substances takes a lead over few rivals for evidence.
    """
    kept = [s for s in read(dev.reference) if _in_quarter(str(s.label.inchikey)[:14])]
    member = compiled(kept, work / f"{FOLDER[dev.technique]}-quarter-{kind}", kind=kind)
    for spectrum, truth in dev.queries():
        in_library = truth["kind"] == "known" and _in_quarter(truth["ik14"])
        yield example(spectrum, [member], compound=truth["ik14"], laboratory=house(truth["contributor"]), in_library=in_library)


def _in_quarter(compound: str) -> bool:
    """A fixed quarter of all compounds, by a hash of the InChIKey's first block."""
    return hashlib.sha256(compound.encode()).digest()[0] < 64


def _in_whole_libraries(dev: DevSet, kind: str, work: Path) -> Iterator[Example]:
    """The development queries in each library, and the references' own replicates from other laboratories."""
    for members in _configurations(dev, kind, work):
        for spectrum, truth in dev.queries():
            yield example(
                spectrum, members, compound=truth["ik14"], laboratory=house(truth["contributor"]), in_library=truth["kind"] == "known"
            )
    if dev.technique is Technique.EI_MS:
        yield from _replicates(dev, kind, work)


def _configurations(dev: DevSet, kind: str, work: Path) -> list[list[Library]]:
    """The libraries that are searched together: the references alone, and with the background."""
    short = FOLDER[dev.technique]
    reference = compiled(read(dev.reference), work / f"{short}-reference-{kind}", kind=kind)
    if kind != "full":
        return [[reference]]
    return [[reference], [reference, compiled(read(dev.background), work / f"{short}-background", kind=kind)]]


def _withheld(dev: DevSet, kind: str, work: Path) -> Iterator[Example]:
    """References as queries of substances that are not in the library: their own compound's references are passed over.

    What is new to a library is mostly a relative of what is in it, which decoys and medicines are not.  EI only: in MS/MS the mass excludes
    nearly all of them, and the figures were the same without (2026-11-22).
    """
    taken: dict[str, set[str | None]] = defaultdict(set)
    chosen = []
    for spectrum in read(dev.reference):
        key = str(spectrum.label.inchikey or "")[:14]
        if not key or spectrum.label.isotope_labelled or spectrum.contributor in taken[key] or len(taken[key]) >= PER_COMPOUND:
            continue
        taken[key].add(spectrum.contributor)
        if prepare(spectrum).n_peaks >= MIN_PEAKS:
            chosen.append((key, spectrum))
    for members in _configurations(dev, kind, work):
        for key, spectrum in chosen:
            yield example(
                spectrum, members, compound=key, laboratory=house(str(spectrum.contributor)), in_library=False, withheld=True
            )


def _replicates(dev: DevSet, kind: str, work: Path) -> Iterator[Example]:
    """Reference spectra of a compound that another laboratory measured too, each searched in a library without its own laboratory.

    EI only: the development queries come from few laboratories there.
    """
    spectra = [s for s in read(dev.reference) if s.label.inchikey and not s.label.isotope_labelled]
    background = [s for s in read(dev.background) if dict(s.metadata).get("In_reference") != "yes"] if kind == "full" else []
    background = [s for s in background if s.label.inchikey]
    laboratories = defaultdict(set)
    for spectrum in (*spectra, *background):
        laboratories[str(spectrum.label.inchikey)[:14]].add(spectrum.contributor)
    replicates = defaultdict(list)
    for spectrum in (*spectra, *background):
        if len(laboratories[str(spectrum.label.inchikey)[:14]]) > 1:
            replicates[str(spectrum.contributor)].append(spectrum)
    for laboratory, queries in sorted(replicates.items()):
        name = "".join(c if c.isalnum() else "-" for c in laboratory)
        others = [s for s in (*spectra, *background) if s.contributor != laboratory]
        member = compiled(others, work / f"ei-without-{name}-{kind}", kind=kind)
        for spectrum in queries:
            found = example(spectrum, [member], compound=str(spectrum.label.inchikey)[:14], laboratory=laboratory, in_library=True)
            copied = found.true >= 0 and found.features[found.true, 2] > NEAR_COPY
            if found.true >= 0 and not copied:
                yield found


def saved(compute: Callable[[], Iterable[Example]], path: Path) -> list[Example]:
    """The examples, computed once: features end to end in an ``.npz`` without objects."""
    if not path.is_file():
        rows = list(compute())
        np.savez(
            path,
            features=np.concatenate([e.features for e in rows]),
            isomers_open=np.concatenate([e.isomers_open for e in rows]),
            isomers_open_without=np.concatenate([e.isomers_open_without for e in rows]),
            lengths=[len(e.features) for e in rows],
            true=[e.true for e in rows],
            in_library=[e.in_library for e in rows],
            n_query_peaks=[e.n_query_peaks for e in rows],
            compound=[e.compound for e in rows],
            laboratory=[e.laboratory for e in rows],
        )
    with np.load(path, allow_pickle=False) as stored:
        ends = np.cumsum(stored["lengths"])
        parts = [np.split(stored[name], ends[:-1]) for name in ("features", "isomers_open", "isomers_open_without")]
        columns = [stored[name].tolist() for name in ("true", "in_library", "n_query_peaks", "compound", "laboratory")]
    return [
        Example(features=f, isomers_open=o, isomers_open_without=w, true=t, in_library=i, n_query_peaks=n, compound=c, laboratory=x)
        for f, o, w, t, i, n, c, x in zip(*parts, *columns, strict=True)
    ]
