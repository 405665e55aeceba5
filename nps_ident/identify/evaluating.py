"""Queries of known origin answered and judged: the chain behind a validation and behind the cross-validation of a calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nps_ident.confidence.examples import is_near_copy, repeats
from nps_ident.confidence.judging import Judged, judge
from nps_ident.errors import InputError, NpsIdentError
from nps_ident.identify.spectrum import SEARCHED, identify
from nps_ident.io.truth_table import truth_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.confidence.calibration import Calibration
    from nps_ident.library.opening import Libraries
    from nps_ident.model import Identification, MassSpectrum, Technique
    from nps_ident.model.truth import Truth

__all__ = ["Evaluation", "LeftOut", "evaluate", "kind_of", "with_truth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A query that counts in no figure, and why.  ``failed`` says that it could not be answered at all."""

    query: str
    file: str | None
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The judged answers in the order of the queries, and what was left out.

    ``contradicted`` are ids whose table says ``known`` while no library searched holds them, or the reverse: the library decided.
    """

    rows: tuple[Judged, ...]
    left_out: tuple[LeftOut, ...]
    contradicted: tuple[str, ...] = ()


def with_truth(
    queries: Sequence[MassSpectrum], table: Mapping[str, Truth] | None
) -> tuple[list[tuple[MassSpectrum, Truth]], list[LeftOut]]:
    """Each query with its truth, measurements that stand twice once, and what is left out.

    Parameters
    ----------
    queries : sequence of MassSpectrum
    table : mapping of str to Truth or None
        By query name; None takes the InChIKey that each spectrum carries.

    Raises
    ------
    InputError
        When no query has a truth.
    """
    twice = repeats(queries)
    pairs, left_out = [], []
    for place, spectrum in enumerate(queries):
        file = spectrum.source.file if spectrum.source else None
        if place in twice:
            left_out.append(LeftOut(query=spectrum.name, file=file, why="the same peaks stand in an earlier query"))
            continue
        try:
            truth = truth_of(spectrum) if table is None else _row(table, spectrum)
        except InputError as error:
            left_out.append(LeftOut(query=spectrum.name, file=file, why=str(error)))
            continue
        laboratory = truth.laboratory or spectrum.contributor or None
        pairs.append((spectrum, replace(truth, laboratory=laboratory, accession=truth.accession or spectrum.accession or None)))
    if not pairs:
        first = f" The first: {left_out[0].why}" if left_out else ""
        raise InputError(f"None of {len(queries)} queries has a known identity; expected rows of a table of truth, or InChIKeys.{first}")
    return pairs, left_out


def _row(table: Mapping[str, Truth], spectrum: MassSpectrum) -> Truth:
    if spectrum.name not in table:
        raise InputError(f"{spectrum.name}: the table of truth has no row of that id.")
    return table[spectrum.name]


def kind_of(truth: Truth, *, in_library: bool) -> str:
    """``known`` when the libraries hold the compound, whatever a table says; else ``decoy`` where it says so, else ``unknown``."""
    return "known" if in_library else "decoy" if truth.kind == "decoy" else "unknown"


def evaluate(
    pairs: Sequence[tuple[MassSpectrum, Truth]],
    libraries: Libraries,
    *,
    calibrations: Mapping[tuple[Technique, str], Calibration] | None = None,
    catalogue: Catalogue | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Answer each query as ``identify`` does and judge the answer.

    Queries that a library holds as a near-copy, or under the same accession, are left out: they would be found with certainty.

    Parameters
    ----------
    pairs : sequence of (MassSpectrum, Truth)
        From :func:`with_truth`.
    libraries : Libraries
    calibrations, catalogue
        As of :func:`nps_ident.identify.identify`.
    progress : callable, optional
        Is given the number of queries done, before each.
    """
    rows, left_out, contradicted = [], [], []
    for n_done, (spectrum, truth) in enumerate(pairs):
        if progress is not None:
            progress(n_done)
        file = spectrum.source.file if spectrum.source else None
        try:
            answer = identify(spectrum, libraries, top=SEARCHED, calibrations=calibrations, catalogue=catalogue)
        except NpsIdentError as error:
            left_out.append(LeftOut(query=spectrum.name, file=file, why=str(error), failed=True))
            continue
        copied = _copied(answer, truth)
        if copied:
            left_out.append(LeftOut(query=spectrum.name, file=file, why=copied))
            continue
        technique = answer.spectrum.technique
        in_library = technique is not None and any(member.covers(technique, truth.compound) for member in libraries.members)
        if truth.kind is not None and (truth.kind == "known") != in_library:
            contradicted.append(truth.id)
        rows.append(judge(answer.to_dict(), _classified(truth, catalogue), kind=kind_of(truth, in_library=in_library)))
    return Evaluation(rows=tuple(rows), left_out=tuple(left_out), contradicted=tuple(contradicted))


def _copied(answer: Identification, truth: Truth) -> str | None:
    """Why the query is no independent measurement of its compound."""
    for match in answer.matches:
        if match.substance.skeleton == truth.compound:
            if is_near_copy(match.score, match.n_matched):
                return f"a near-copy of it is the library's {match.reference or 'reference'} (score {match.score:.4f})"
            if truth.accession and truth.accession == match.reference:
                return f"the library holds the record itself ({match.reference})"
    return None


def _classified(truth: Truth, catalogue: Catalogue | None) -> Truth:
    """The truth with the drug class that the catalogue gives its compound, where nobody said one."""
    if truth.drug_class is not None:
        return truth
    from nps_ident.catalogue.store import open_catalogue

    classes = [found.drug_class for found in (catalogue or open_catalogue()).by_skeleton(truth.compound)]
    return replace(truth, drug_class=classes[0]) if classes else truth
