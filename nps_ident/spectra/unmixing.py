"""Unmixing: which references, each with a weight of at least 0, add up to a spectrum, by least squares over a whole library.

A library holds thousands of references and an answer a few dozen, so the problem is solved on a working set of columns that grows until the
optimality conditions (Karush, Kuhn, Tucker) hold for *every* column of the library; nothing is preselected.  The small problems are solved by
the active-set method of Lawson & Hanson 1974 (Solving Least Squares Problems, chapter 23, doi:10.1137/1.9781611971217) on the matrix of products
of the columns, as in Bro & de Jong 1997, doi:10.1002/(SICI)1099-128X(199709/10)11:5<393::AID-CEM483>3.0.CO;2-L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SparseColumns", "Unmixed", "sparse_columns", "unmix", "unmix_few"]

_FIRST_COLUMNS, _MORE_COLUMNS = 64, 48
"""Columns that the working set begins with and grows by: the steepest ones.  More of them cost products, fewer cost rounds over the library."""
_ENDS_AT = 1e-10
"""Steepness, as a share of the target's length, below which a column would bring nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseColumns:
    """Columns of length 1 end to end: column ``j`` has ``value[start[j]:start[j + 1]]`` in the rows ``row[start[j]:start[j + 1]]``.

    Made by :func:`sparse_columns`; ``length`` is what each was before.
    """

    start: NDArray[np.intp]
    row: NDArray[np.intp]
    value: NDArray[np.float64]
    length: NDArray[np.float64]
    n_rows: int

    @property
    def n_columns(self) -> int:
        """How many columns there are."""
        return len(self.length)

    def products(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """Product of every column of length 1 with a vector of shape (n_rows,); shape (n_columns,)."""
        return _run_sums(self.value * vector[self.row], self.start)

    def dense(self, columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """The columns named, of length 1, one a row; shape (n_named, n_rows)."""
        table = np.zeros((len(columns), self.n_rows))
        for place, (first, last) in enumerate(zip(self.start[columns].tolist(), self.start[columns + 1].tolist(), strict=True)):
            table[place, self.row[first:last]] = self.value[first:last]
        return table


def sparse_columns(start: NDArray[np.int64], row: NDArray[np.int32], value: NDArray[np.float32], *, n_rows: int) -> SparseColumns:
    """Prepare a matrix that :func:`unmix` is asked of many times.

    Parameters
    ----------
    start : ndarray of int, shape (n_columns + 1,)
        Where each column begins, and where the last one ends.
    row : ndarray of int, shape (n_values,)
        0 to ``n_rows`` - 1, each at most once a column.
    value : ndarray of float, shape (n_values,)
    n_rows : int

    Raises
    ------
    InputError
        When a value is NaN or infinite.
    """
    wide, begins = np.asarray(value, dtype=np.float64), np.asarray(start, dtype=np.intp)
    if not np.isfinite(wide).all():
        raise InputError("The columns of a sum must be finite numbers.")
    length = np.sqrt(_run_sums(wide * wide, begins))
    unit = wide / np.repeat(np.where(length > 0, length, 1.0), np.diff(begins))
    return SparseColumns(start=begins, row=np.asarray(row, dtype=np.intp), value=unit, length=length, n_rows=n_rows)


def _run_sums(values: NDArray[np.float64], start: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sums of runs that lie end to end; those without a member are 0, which ``reduceat`` alone does not give."""
    if (start[1:] > start[:-1]).all():
        whole: NDArray[np.float64] = np.add.reduceat(values, start[:-1]) if len(start) > 1 else np.zeros(0)
        return whole
    sums = np.zeros(len(start) - 1)
    filled = np.flatnonzero(start[1:] > start[:-1])
    if len(filled):
        sums[filled] = np.add.reduceat(values, start[filled])
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmixed:
    """The best sum.

    Parameters
    ----------
    columns : ndarray of int, ascending
        Those with a weight above 0.
    weights : ndarray of float64
        Theirs.
    residual : ndarray of float64, shape (n_rows,)
        Target minus sum.
    n_rounds : int
        Times the optimality conditions were tested over the whole library.
    """

    columns: NDArray[np.intp]
    weights: NDArray[np.float64]
    residual: NDArray[np.float64]
    n_rounds: int


def unmix(columns: SparseColumns, target: NDArray[np.float64], *, row_weights: NDArray[np.float64] | None = None) -> Unmixed:
    """Weights of at least 0 with which the columns add up to the target best, by least squares.

    The optimum is that of ``scipy.optimize.nnls`` on the whole matrix; where several sets of columns give it, any of them may be returned.

    Parameters
    ----------
    columns : SparseColumns
    target : ndarray of float64, shape (n_rows,)
        Finite.
    row_weights : ndarray of float64, optional, shape (n_rows,)
        At least 0: how much each row of target and columns counts, one over its standard deviation.

    Returns
    -------
    Unmixed
        Without columns where nothing of the target points along any.  The residual is not weighted.

    Raises
    ------
    InputError
        When a vector has another length than the columns, or a value is NaN or infinite.
    """
    for name, vector in (("target", target), ("row_weights", row_weights)):
        if vector is not None and (vector.shape != (columns.n_rows,) or not np.isfinite(vector).all()):
            raise InputError(f"The '{name}' parameter of unmix must be {columns.n_rows} finite numbers. Got shape {vector.shape}.")
    counts = np.ones(columns.n_rows) if row_weights is None else row_weights
    weighted = target * counts
    ends_at = _ENDS_AT * float(np.linalg.norm(weighted)) * float(counts.max(initial=0.0))
    weights: NDArray[np.float64] = np.zeros(0)
    working, table = np.zeros(0, dtype=np.intp), np.zeros((0, columns.n_rows))
    residual, n_rounds, before = weighted, 0, np.inf
    # Each round lessens the sum of squares; where it does not, what is left is below the precision of the numbers.
    while (square := float(residual @ residual)) < before:
        before, n_rounds = square, n_rounds + 1
        steepness = columns.products(residual * counts)
        steepness[working] = 0.0  # these are at their optimum
        more = _largest(steepness, _MORE_COLUMNS if len(working) else _FIRST_COLUMNS)
        more = more[steepness[more] > ends_at]
        if not len(more):
            break
        table = np.concatenate([table, columns.dense(more) * counts])
        working, weights = np.concatenate([working, more]), np.concatenate([weights, np.zeros(len(more))])
        weights = _lawson_hanson(table, weighted, weights, ends_at)
        kept = weights > 0
        working, weights, table = working[kept], weights[kept], table[kept]
        residual = weighted - weights @ table
    exact = np.asarray(np.linalg.lstsq(table.T, weighted, rcond=None)[0], dtype=np.float64) if len(working) else weights
    if (exact > 0).all():  # products of columns square the condition number; these are of the columns themselves
        weights = exact
    order = np.argsort(working)
    working, weights = working[order], weights[order] / columns.length[working[order]]
    residual = target - (weights * columns.length[working]) @ columns.dense(working) if len(working) else target.copy()
    return Unmixed(columns=working, weights=weights, residual=residual, n_rounds=n_rounds)


def _largest(values: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Places of the ``n`` largest values, in order of place."""
    return np.sort(np.argpartition(-values, n)[:n]) if len(values) > n else np.arange(len(values))


def unmix_few(table: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of at least 0 of few references, one a row: the same optimum, of these alone.

    Parameters
    ----------
    table : ndarray of float64, shape (n_references, n_rows)
    target : ndarray of float64, shape (n_rows,)

    Returns
    -------
    ndarray of float64, shape (n_references,)
    """
    length = np.sqrt((table * table).sum(axis=1))
    length[length == 0] = 1.0
    found = _lawson_hanson(table / length[:, None], target, np.zeros(len(table)), _ENDS_AT * float(np.linalg.norm(target)))
    return np.asarray(found / length, dtype=np.float64)


def _lawson_hanson(
    table: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64], ends_at: float
) -> NDArray[np.float64]:
    """Lawson and Hanson on few columns, one a row of ``table``, from feasible weights."""
    gram, along = table @ table.T, table @ target
    weights = weights.copy()
    passive = weights > 0
    barred = np.zeros(len(weights), dtype=bool)  # entered and left at once: no progress within the precision of the numbers
    while True:
        if passive.all():  # none is left to enter; also where there are none
            return weights
        chosen = np.flatnonzero(passive)
        steepness = along - weights[chosen] @ gram[chosen]
        steepness[passive | barred] = 0.0
        entering = int(steepness.argmax())
        if steepness[entering] <= ends_at:
            return weights
        passive[entering] = True
        while True:
            chosen = np.flatnonzero(passive)
            solved = _solved(gram[chosen[:, None], chosen], along[chosen])
            if (solved > 0).all():
                break
            before = weights[chosen]
            falling = solved <= 0
            shares = before[falling] / np.maximum(before[falling] - solved[falling], np.finfo(float).tiny)
            leaving = chosen[falling][shares <= shares.min()]
            weights[chosen] = np.maximum(before + shares.min() * (solved - before), 0.0)
            weights[leaving] = 0.0
            passive[leaving] = False
        barred[entering] = not passive[entering]
        if passive[entering]:
            barred[:] = False
        weights[:] = 0.0
        weights[chosen] = solved


def _solved(gram: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return np.asarray(np.linalg.solve(gram, along), dtype=np.float64)
    except np.linalg.LinAlgError:  # two columns are the same
        return np.asarray(np.linalg.lstsq(gram, along, rcond=None)[0], dtype=np.float64)
