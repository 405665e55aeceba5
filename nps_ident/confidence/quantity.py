"""The mass fraction of a substance from a laboratory's own calibration line: the only way to a percentage of mass.

A table has the columns ``kind``, ``amount`` and ``response``.  External calibration: rows ``standard`` (concentration of the substance,
response) and ``sample`` (concentration of the exhibit in the solution measured, response).  Standard addition: rows ``added``
(concentration of the substance added to the sample solution, 0 for none, response) and one row ``sample`` without a response.  All
concentrations in one unit.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.model.exhibit import Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CalibrationLine", "disagreements", "fit_line", "quantity"]

_LEAST_POINTS = 5
_LEAST_LEVELS = 3
_COVERAGE = 2.0
_MOST_ROWS = 1000
_SIGNIFICANT = 0.01
"""Probability of an F value below which points are called curved, and replicates too scattered: the 99 % of ISO 8466-1:1990."""
_PERFECT = 1e-6
"""Residual standard deviation, as a share of the greatest response, below which points were not measured: our choice."""
_EURACHEM = "EURACHEM/CITAC Guide CG 4, Quantifying Uncertainty in Analytical Measurement, 3rd ed. (2012), Appendix E.4"
_MILLER = "Miller and Miller, Statistics and Chemometrics for Analytical Chemistry, 6th ed. (2010), 5.8"
_EN = "ISO 13528:2015, 9.7: their difference is more than the root of the sum of their squared expanded uncertainties"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationLine:
    """A straight line by unweighted least squares, ``response = intercept + slope * amount``.

    Parameters
    ----------
    residual_sd : float
        With ``n - 2`` degrees of freedom.
    spread : float
        Sum of the squared deviations of the amounts from their mean.
    """

    slope: float
    intercept: float
    residual_sd: float
    n: int
    mean_amount: float
    mean_response: float
    spread: float
    lowest: float
    highest: float

    def amount(self, responses: Sequence[float]) -> tuple[float, float]:
        """The amount behind replicate responses, and its standard uncertainty.

        The mean of the replicates has their own standard deviation where it is greater than that of the line.

        Raises
        ------
        InputError
            Where the replicates scatter more than the points of the line, by an F test at 99 %.

        References
        ----------
        EURACHEM/CITAC Guide CG 4 (2012), Appendix E.4: ``u = (s / b) sqrt(1/p + 1/n + (x - mean x)^2 / Sxx)``.  F test of two variances:
        Miller and Miller (2010), 3.6.
        """
        n_samples = len(responses)
        own = float(np.var(responses, ddof=1)) if n_samples > 1 else 0.0
        of_line = self.residual_sd**2
        if own > 0 and _tail(own, of_line, n_samples - 1, self.n - 2) < _SIGNIFICANT:
            sds = f"a standard deviation of {math.sqrt(own):.3g}, the points of the line one of {self.residual_sd:.3g}"
            raise InputError(f"the {n_samples} responses of the sample do not agree: they have {sds}; expected no more than that by an F test.")
        found = (math.fsum(responses) / n_samples - self.intercept) / self.slope
        variance = max(own, of_line) / n_samples + of_line * (1 / self.n + (found - self.mean_amount) ** 2 / self.spread)
        return found, math.sqrt(variance) / self.slope

    def amount_by_addition(self) -> tuple[float, float]:
        """The amount that was there before any was added, and its standard uncertainty.

        References
        ----------
        Miller and Miller (2010), 5.8: ``u = (s / b) sqrt(1/n + mean y^2 / (b^2 Sxx))``.
        """
        variance = 1 / self.n + self.mean_response**2 / (self.slope**2 * self.spread)
        return self.intercept / self.slope, self.residual_sd / self.slope * math.sqrt(variance)


def fit_line(amounts: Sequence[float], responses: Sequence[float]) -> CalibrationLine:
    """Fit a calibration line.

    Parameters
    ----------
    amounts, responses : sequence of float
        Shape ``(n_points,)``; at least 5 points on at least 3 levels.

    Raises
    ------
    InputError
        For fewer, or where the response does not rise with the amount.
    """
    x, y = np.asarray(amounts, dtype=np.float64), np.asarray(responses, dtype=np.float64)
    levels = len(np.unique(x))
    if len(x) < _LEAST_POINTS or levels < _LEAST_LEVELS:
        raise InputError(f"the calibration has {len(x)} points on {levels} levels; expected at least {_LEAST_POINTS} on {_LEAST_LEVELS}.")
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(((x - mean_x) ** 2).sum())
    slope = float(((x - mean_x) * (y - mean_y)).sum()) / spread
    if not slope > 0:
        raise InputError(f"the calibration line has the slope {slope:.3g}; expected a response that rises with the amount.")
    intercept = mean_y - slope * mean_x
    residual_sd = math.sqrt(float(((y - intercept - slope * x) ** 2).sum()) / (len(x) - 2))
    return CalibrationLine(
        slope=slope,
        intercept=intercept,
        residual_sd=residual_sd,
        n=len(x),
        mean_amount=mean_x,
        mean_response=mean_y,
        spread=spread,
        lowest=float(x.min()),
        highest=float(x.max()),
    )


def _require_line(amounts: Sequence[float], responses: Sequence[float], line: CalibrationLine) -> None:
    """Refuse points that no measurement gives, and points that are not on a straight line.

    References
    ----------
    Quadratic term: Mandel's test as in ISO 8466-1:1990.  Lack of fit against replicates: Draper and Smith, Applied Regression
    Analysis, 3rd ed. (1998), 2.1.
    """
    x, y = np.asarray(amounts, dtype=np.float64), np.asarray(responses, dtype=np.float64)
    if line.residual_sd <= _PERFECT * float(np.abs(y).max()):
        raise InputError("the calibration points lie on a line without any scatter; expected measured points, since these bear no uncertainty.")
    of_line = line.residual_sd**2 * (line.n - 2)
    scaled = (x - line.mean_amount) / (line.highest - line.lowest)
    powers = np.vander(scaled, 3)
    of_curve = float(((y - powers @ np.linalg.lstsq(powers, y, rcond=None)[0]) ** 2).sum())
    levels = np.unique(x)
    of_replicates = math.fsum(float(((y[x == level] - y[x == level].mean()) ** 2).sum()) for level in levels)
    bent = _tail(of_line - of_curve, of_curve / (line.n - 3), 1, line.n - 3) < _SIGNIFICANT
    n_spare = line.n - len(levels)
    if not bent and n_spare > 0 and of_replicates > 0:
        n_lack = len(levels) - 2
        bent = _tail((of_line - of_replicates) / n_lack, of_replicates / n_spare, n_lack, n_spare) < _SIGNIFICANT
    if bent:
        raise InputError("the calibration is curved or does not fit a line, by an F test at 99 %; expected a range in which it is straight.")


def _tail(variance: float, other: float, freedom: int, other_freedom: int) -> float:
    """How often chance gives a ratio of two variances that is as great."""
    from scipy.special import fdtrc

    if variance <= 0:
        return 1.0
    return float(fdtrc(freedom, other_freedom, variance / other)) if other > 0 else 0.0


def disagreements(quantities: Sequence[Quantity]) -> tuple[str, ...]:
    """One sentence for each two quantities of one substance that cannot both be true, on the first basis that they share.

    References
    ----------
    ISO 13528:2015, 9.7: an E_n number above 1.
    """
    said = []
    for i, one in enumerate(quantities):
        bases = {basis: (percent, expanded) for basis, percent, expanded in one.all_bases}
        for other in quantities[i + 1 :]:
            shared = [form for form in other.all_bases if form[0] in bases and other.substance == one.substance]
            for basis, percent, expanded in shared[:1]:
                own, own_expanded = bases[basis]
                if abs(own - percent) > math.hypot(own_expanded, expanded):
                    figures = f"{own:.3g} ± {own_expanded:.2g} % and {percent:.3g} ± {expanded:.2g} % as {basis}"
                    said.append(f"Two quantities of {one.substance} contradict each other: {figures} ({_EN}).")
    return tuple(said)


def quantity(table: str, *, substance: str, basis: str) -> Quantity:
    """The mass fraction of a substance in an exhibit.

    Parameters
    ----------
    table : str
        CSV as the module describes it.
    substance : str
        By its name in the catalogue.
    basis : str
        What the standards' amounts are amounts of: ``base``, ``hydrochloride`` and so on.

    Returns
    -------
    Quantity
        The expanded uncertainty (k = 2) is that of the calibration line alone: weighing, sampling and the purity of the reference
        material are not in it, which its text says.

    Raises
    ------
    InputError
        In one sentence: not such a table; too few points; points that are curved or without any scatter; an addition without the point of
        none; responses of the sample that do not agree; a sample outside the calibrated range; a result above 100 % or within its own
        uncertainty of zero; no kind of sample.
    """
    rows = _rows(table)
    samples = [(amount, response) for kind, amount, response in rows if kind == "sample"]
    weighed = {amount for amount, _ in samples}
    if len(weighed) != 1 or min(weighed) <= 0:
        raise InputError(f"the samples have {len(weighed)} concentrations; expected one above 0, of the exhibit in the solution measured.")
    [concentration] = weighed
    added = _points(rows, "added")
    standards = _points(rows, "standard")
    if added and standards:
        raise InputError("the table holds standards and additions; expected one of the two.")
    if added:
        if any(response is not None for _, response in samples):
            raise InputError("the sample row of a standard addition has a response; expected it as 'added' with the amount 0.")
        if not any(amount == 0 for amount, _ in added):
            raise InputError("the standard addition has no row 'added' with the amount 0; expected the sample as it is, too.")
        line = fit_line(*_columns(added))
        _require_line(*_columns(added), line)
        found, uncertainty = line.amount_by_addition()
        how = f"standard addition, {line.n} points up to {line.highest:g} added; uncertainty by {_MILLER}"
    else:
        responses = [response for _, response in samples if response is not None]
        if len(responses) != len(samples):
            raise InputError("a sample has no response; expected one in each row.")
        line = fit_line(*_columns(standards))
        _require_line(*_columns(standards), line)
        found, uncertainty = line.amount(responses)
        if not line.lowest <= found <= line.highest:
            span = f"{line.lowest:g} to {line.highest:g}"
            raise InputError(f"the sample lies at {found:.4g}, outside the calibrated range of {span}; dilute it or widen the range.")
        how = f"external calibration, {line.n} points from {line.lowest:g} to {line.highest:g}; uncertainty by {_EURACHEM}"
    percent, expanded = 100 * found / concentration, 100 * _COVERAGE * uncertainty / concentration
    if percent > 100:
        raise InputError(f"the result is {percent:.4g} % of the exhibit; expected at most 100 %: are all concentrations in one unit?")
    if percent <= expanded:
        raise InputError(f"the result is {percent:.2g} % with an expanded uncertainty of {expanded:.2g} %; expected one above its uncertainty.")
    text = f"{how}; of the calibration line alone, without weighing, sampling and the purity of the reference material."
    return Quantity(
        substance=substance,
        percent=percent,
        expanded_uncertainty=expanded,
        basis=basis,
        text=text[0].upper() + text[1:],
        # More than the whole of it as a salt: then it is not all that salt, and the figure would be none.
        other_bases=tuple(
            (other, percent * factor, expanded * factor) for other, factor in _factors(substance, basis) if percent * factor <= 100
        ),
    )


def _factors(substance: str, basis: str) -> tuple[tuple[str, float], ...]:
    """What an amount of one form is multiplied by to be one of another."""
    masses = {row["basis"]: float(row["molar_mass"]) for row in _molar_masses() if row["substance"] == substance}
    return tuple((other, mass / masses[basis]) for other, mass in masses.items() if other != basis) if basis in masses else ()


@lru_cache(maxsize=1)
def _molar_masses() -> tuple[dict[str, str], ...]:
    with (resources.files("nps_ident.confidence") / "molar_masses.tsv").open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines, delimiter="\t"))


def _points(rows: Sequence[tuple[str, float, float | None]], kind: str) -> list[tuple[float, float]]:
    points = [(amount, response) for found, amount, response in rows if found == kind]
    if any(response is None for _, response in points):
        raise InputError(f"a row '{kind}' has no response; expected one.")
    return [(amount, response) for amount, response in points if response is not None]


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [amount for amount, _ in points], [response for _, response in points]


def _rows(table: str) -> list[tuple[str, float, float | None]]:
    first = table.partition("\n")[0]
    reader = csv.reader(io.StringIO(table, newline=""), delimiter=max("\t;,", key=first.count), strict=True)
    found: list[tuple[str, float, float | None]] = []
    try:
        if [cell.strip().casefold() for cell in next(reader, [])] != ["kind", "amount", "response"]:
            raise InputError("line 1: the columns are others; expected kind, amount, response.")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != 3 or cells[0].strip() not in {"standard", "sample", "added"} or len(found) >= _MOST_ROWS:
                raise InputError(f"line {reader.line_num}: no row of 'standard', 'sample' or 'added' with amount and response.")
            response = _number(cells[2], reader.line_num) if cells[2].strip() else None
            found.append((cells[0].strip(), _number(cells[1], reader.line_num), response))
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: a damaged table ({error}); expected CSV.") from None
    return found


def _number(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e15:
        raise InputError(f"line {line}: {text.strip()[:40]!a} is no amount or response; expected a number from 0 on.")
    return value
