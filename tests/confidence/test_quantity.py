"""Mass fractions from a calibration line, against figures that others computed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nps_ident.confidence.quantity import disagreements, fit_line, quantity
from nps_ident.errors import InputError

# EURACHEM/CITAC Guide CG 4, 3rd ed. (2012), Example A5, Table A5.2: cadmium, mg/l and absorbance.
AMOUNTS = [0.1] * 3 + [0.3] * 3 + [0.5] * 3 + [0.7] * 3 + [0.9] * 3
RESPONSES = [0.028, 0.029, 0.029, 0.084, 0.083, 0.081, 0.135, 0.131, 0.133, 0.180, 0.181, 0.183, 0.215, 0.230, 0.216]


# The example is curved by Mandel's test (F = 15.3 with 1 and 12 degrees of freedom): invented points about its line, with its scatter, are not.
SCATTER = [-0.006, 0.004, 0.003, 0.005, -0.006, 0.002, 0.004, 0.003, -0.008, -0.003, 0.006, -0.002, 0.002, -0.007, 0.003]
STRAIGHT = [0.0087 + 0.2410 * amount + one for amount, one in zip(AMOUNTS, SCATTER, strict=True)]


def _table(rows: list[tuple[str, float, float | str]]) -> str:
    return "kind,amount,response\n" + "".join(f"{kind},{amount},{response}\n" for kind, amount, response in rows)


def _external(samples: list[float], powder: float = 5.0) -> str:
    standards = [("standard", amount, response) for amount, response in zip(AMOUNTS, STRAIGHT, strict=True)]
    return _table([*standards, *(("sample", powder, response) for response in samples)])


def test_line_and_uncertainty_are_those_of_the_eurachem_example() -> None:
    """The guide prints slope 0.2410, intercept 0.0087, s 0.005486, and u(0.26 mg/l) = 0.018 mg/l for two readings."""
    line = fit_line(AMOUNTS, RESPONSES)
    assert (round(line.slope, 4), round(line.intercept, 4), round(line.residual_sd, 6)) == (0.2410, 0.0087, 0.005486)
    found, uncertainty = line.amount([line.intercept + line.slope * 0.26] * 2)
    assert found == pytest.approx(0.26)
    assert round(uncertainty, 3) == 0.018


def test_the_line_is_that_of_scipy() -> None:
    expected = stats.linregress(AMOUNTS, RESPONSES)
    line = fit_line(AMOUNTS, RESPONSES)
    assert line.slope == pytest.approx(expected.slope)
    assert line.intercept == pytest.approx(expected.intercept)
    assert line.residual_sd / np.sqrt(line.spread) == pytest.approx(expected.stderr)


def test_purity_has_its_expanded_uncertainty_and_both_bases() -> None:
    found = quantity(_external([0.0714, 0.0714]), substance="Heroin", basis="base")
    expected = stats.linregress(AMOUNTS, STRAIGHT)
    amount = (0.0714 - expected.intercept) / expected.slope
    assert found.percent == pytest.approx(100 * amount / 5.0)
    spread = np.var(AMOUNTS) * len(AMOUNTS)
    terms = 1 / 2 + 1 / 15 + (amount - 0.5) ** 2 / spread
    assert found.expanded_uncertainty == pytest.approx(2 * 100 * expected.stderr * np.sqrt(spread * terms) / expected.slope / 5.0)
    other = {basis: percent for basis, percent, _ in found.other_bases}
    assert round(10 * other["hydrochloride"] / found.percent, 2) == 10.99, "10 % as base is 10.99 % as hydrochloride"
    assert "alone" in found.text


def test_standard_addition_finds_what_was_there_with_the_uncertainty_of_a_simulation() -> None:
    rng = np.random.default_rng(5)
    added = np.repeat([0.0, 0.5, 1.0, 1.5, 2.0], 2)
    true, slope, sd = 0.8, 3.0, 0.05
    found, stated = [], []
    for _ in range(2000):
        line = fit_line(added, slope * (true + added) + rng.normal(0, sd, len(added)))
        amount, uncertainty = line.amount_by_addition()
        found.append(amount)
        stated.append(uncertainty**2)
    assert np.mean(found) == pytest.approx(true, abs=0.005)
    assert np.sqrt(np.mean(stated)) == pytest.approx(np.std(found), rel=0.08)
    rows = [("added", x, slope * (true + x) + 0.01 * (-1) ** i) for i, x in enumerate(added)] + [("sample", 16.0, "")]
    assert quantity(_table(rows), substance="Heroin", basis="hydrochloride").percent == pytest.approx(5.0)


def test_replicates_that_scatter_more_widen_the_uncertainty_and_too_much_is_refused() -> None:
    """One in a hundred by chance, as scipy has the F distribution."""
    line = fit_line(AMOUNTS, STRAIGHT)
    close = quantity(_external([0.0714, 0.0715, 0.0716]), substance="Heroin", basis="base").expanded_uncertainty
    limit = np.sqrt(stats.f.ppf(0.99, 2, line.n - 2)) * line.residual_sd
    wide = quantity(_external([0.0715 - 0.98 * limit, 0.0715, 0.0715 + 0.98 * limit]), substance="Heroin", basis="base").expanded_uncertainty
    assert wide > 1.5 * close
    with pytest.raises(InputError, match="do not agree"):
        quantity(_external([0.0715 - 1.02 * limit, 0.0715, 0.0715 + 1.02 * limit]), substance="Heroin", basis="base")


def test_straight_lines_are_seldom_called_curved_and_curves_often() -> None:
    rng = np.random.default_rng(7)

    def refused(bend: float) -> float:
        n = 0
        for _ in range(300):
            y = [x + bend * x * x + rng.normal(0, 0.01) for x in AMOUNTS]
            table = _table([*(("standard", x, one) for x, one in zip(AMOUNTS, y, strict=True)), ("sample", 10.0, 0.5 + bend / 4)])
            try:
                quantity(table, substance="Heroin", basis="base")
            except InputError as error:
                n += "curved" in str(error)
        return n / 300

    assert refused(0.0) < 0.05
    assert refused(0.5) > 0.95


def test_two_quantities_that_cannot_both_be_true_are_said() -> None:
    one, other = (quantity(_external([0.0714], powder=powder), substance="Heroin", basis="base") for powder in (5.0, 0.5))
    [said] = disagreements([one, other])
    assert "contradict each other" in said
    assert disagreements([one, one]) == ()
    salt = quantity(_external([0.0714], powder=0.5), substance="Heroin", basis="hydrochloride")
    assert len(disagreements([one, salt])) == 1, "on a basis that both have"


def test_no_basis_has_more_than_the_whole() -> None:
    found = quantity(_external([0.0714], powder=0.27), substance="Heroin", basis="base")
    assert found.percent > 95
    assert "hydrochloride" not in {basis for basis, *_ in found.other_bases}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "columns"),
        ("a,b,c\n", "columns"),
        (_external([0.5]), "outside the calibrated range"),
        (_external([0.01]), "outside the calibrated range"),
        (_external([0.2], powder=0.05), "at most 100"),
        (_external([0.0714], powder=0.25), "at most 100"),
        (_external([50.2, 95, 21]), "do not agree"),
        (_table([("standard", i, float(i)) for i in range(1, 6)] + [("sample", 9, 4.0)]), "without any scatter"),
        (_table([("standard", i, 2.0) for i in range(1, 6)] + [("sample", 9, 2.0)]), "slope"),
        (_table([("standard", i, float(i * i)) for i in (1, 2, 3, 4, 5, 10)] + [("sample", 100, 16.0)]), "curved"),
        (_table([("added", i, 10.0 * i + (-1) ** i * 0.1) for i in range(1, 6)] + [("sample", 20, "")]), "amount 0"),
        (_table([("added", i, 10.0 + 10 * i) for i in range(5)] + [("sample", 20, "")]), "without any scatter"),
        (_external([]), "0 concentrations"),
        (_external([0.1]) + "sample,7,0.1\n", "2 concentrations"),
        (_external([0.1]) + "added,1,0.1\n", "one of the two"),
        (_external([0.1]) + "standard,1,\n", "no response"),
        (_external([0.1]) + "sample,5,\n", "no response"),
        (_external([0.1]) + "blank,1,1\n", "no row of"),
        (_external([0.1]) + "sample,x,1\n", "is no amount"),
        (_external([0.1]) + "sample,nan,1\n", "is no amount"),
        (_external([0.1]) + '"', "damaged table"),
        (_table([("standard", 1.0, 1.0)] * 5 + [("sample", 5.0, 1.0)]), "1 levels"),
        (_table([("standard", float(i), 9.0 - i) for i in range(6)] + [("sample", 5.0, 1.0)]), "slope"),
        (_table([("added", float(i), 3.0 * i + (-1) ** i * 2 + 2.5) for i in range(6)] + [("sample", 5.0, "")]), "above its uncertainty"),
    ],
)
def test_no_percentage_where_the_table_does_not_bear_one(table: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        quantity(table, substance="Heroin", basis="base")
