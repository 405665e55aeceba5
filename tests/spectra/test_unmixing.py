"""Unmixing against scipy.optimize.nnls, and against sums made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from nps_ident.errors import InputError
from nps_ident.spectra.unmixing import SparseColumns, sparse_columns, unmix, unmix_few


def library(seed: int, *, n_columns: int, n_rows: int = 120, filled: float = 0.15) -> tuple[SparseColumns, np.ndarray]:
    """Columns that share peaks as spectra do, sparse and written out."""
    rng = np.random.default_rng(seed)
    matrix = rng.exponential(100.0, (n_rows, n_columns)) * (rng.random((n_rows, n_columns)) < filled)
    column, row = np.nonzero(matrix.T)
    start = np.searchsorted(column, np.arange(n_columns + 1))
    return sparse_columns(start, row.astype(np.int32), matrix.T[column, row], n_rows=n_rows), matrix


@pytest.mark.parametrize("seed", range(8))
def test_the_optimum_is_that_of_scipy(seed: int) -> None:
    """Several hundred columns, more than rows, and a target that none of them explains: the same residual to 1e-8 of the target."""
    columns, matrix = library(seed, n_columns=600)
    target = np.random.default_rng(1000 + seed).exponential(100.0, matrix.shape[0])
    _, expected = nnls(matrix, target)
    found = unmix(columns, target)
    assert np.linalg.norm(found.residual) == pytest.approx(expected, abs=1e-8 * np.linalg.norm(target))
    assert np.allclose(target - matrix[:, found.columns] @ found.weights, found.residual)
    assert (found.weights > 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 30))
def test_no_column_of_the_whole_library_would_better_the_sum(seed: int, n_columns: int, n_rows: int) -> None:
    """The conditions of Karush, Kuhn and Tucker, for empty and for equal columns too."""
    columns, matrix = library(seed, n_columns=n_columns, n_rows=n_rows, filled=0.3)
    target = np.random.default_rng(seed).normal(size=n_rows) * 100.0
    steepness = matrix.T @ unmix(columns, target).residual
    assert steepness.max(initial=0.0) <= 1e-6 * max(1.0, np.abs(matrix).max() * np.linalg.norm(target))


def test_row_weights_are_those_of_weighted_least_squares() -> None:
    """The same as scipy on rows multiplied by their weights."""
    columns, matrix = library(5, n_columns=300)
    rng = np.random.default_rng(6)
    target, weights = rng.exponential(100.0, matrix.shape[0]), rng.random(matrix.shape[0])
    _, expected = nnls(matrix * weights[:, None], target * weights)
    assert np.linalg.norm(weights * unmix(columns, target, row_weights=weights).residual) == pytest.approx(expected, rel=1e-8)


def test_few_references_are_solved_as_scipy_solves_them() -> None:
    """Tables of one row to ten, and none."""
    rng = np.random.default_rng(2)
    for n in range(11):
        table, target = rng.exponential(1.0, (n, 30)), rng.normal(size=30)
        expected = nnls(table.T, target)[0] if n else np.zeros(0)
        assert unmix_few(table, target) == pytest.approx(expected, abs=1e-9)


def test_a_minor_part_that_looks_like_nothing_of_the_target_is_found() -> None:
    """One part in a hundred, under a main part whose peaks it shares in part: its share comes back."""
    columns, matrix = library(7, n_columns=2000, n_rows=400, filled=0.1)
    found = unmix(columns, matrix[:, 11] + 0.01 * matrix[:, 1234])
    weights = dict(zip(found.columns.tolist(), found.weights.tolist(), strict=True))
    assert (weights.pop(11), weights.pop(1234)) == pytest.approx((1.0, 0.01), rel=1e-6)
    assert max(weights.values(), default=0.0) < 1e-7


def test_two_equal_columns_are_no_trouble() -> None:
    """A library may hold a spectrum twice; their weights together are that of one."""
    column = np.array([3.0, 4.0])
    columns = sparse_columns(np.array([0, 2, 4]), np.array([0, 2, 0, 2], dtype=np.int32), np.concatenate([column, column]), n_rows=3)
    found = unmix(columns, np.array([6.0, 0.0, 8.0]))
    assert found.weights.sum() == pytest.approx(2.0)
    assert found.residual == pytest.approx(np.zeros(3), abs=1e-12)


def test_a_target_that_points_away_has_no_parts() -> None:
    """Nothing is subtracted: weights are never below 0."""
    columns, matrix = library(3, n_columns=20)
    target = -matrix[:, 0]
    found = unmix(columns, target)
    assert not len(found.columns)
    assert np.array_equal(found.residual, target)


def test_no_columns_and_empty_columns_explain_nothing() -> None:
    """The empty library, and a reference without peaks."""
    for start in ([0], [0, 0, 0]):
        columns = sparse_columns(np.array(start), np.zeros(0, dtype=np.int32), np.zeros(0), n_rows=2)
        assert not len(unmix(columns, np.array([1.0, 2.0])).columns)


def test_what_is_no_number_or_of_another_length_is_refused() -> None:
    """One sentence, before any sum."""
    columns, _ = library(1, n_columns=4, n_rows=3)
    with pytest.raises(InputError, match="'target' parameter of unmix must be 3 finite numbers"):
        unmix(columns, np.ones(4))
    with pytest.raises(InputError, match="'row_weights'"):
        unmix(columns, np.ones(3), row_weights=np.array([1.0, np.nan, 1.0]))
    with pytest.raises(InputError, match="finite"):
        sparse_columns(np.array([0, 1]), np.array([0], dtype=np.int32), np.array([np.inf]), n_rows=1)
