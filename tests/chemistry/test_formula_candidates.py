"""Formulae of a mass: every one and no other, the true one first where fragments say so, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nps_ident.chemistry.formula import exact_mass, hill_formula, ion_mz, parse_formula
from nps_ident.chemistry.formula_candidates import DEFAULT_LIMITS, ELEMENTS, formula_candidates, formula_counts, isotope_ratios
from nps_ident.errors import InputError
from nps_ident.model import Tolerance

SMALL = {"N": 3, "O": 3, "S": 1, "F": 2, "Cl": 1, "Br": 1}
PPM = Tolerance.ppm(5)


def _written(counts: np.ndarray) -> list[str]:
    return [hill_formula(dict(zip(ELEMENTS, row, strict=True))) for row in counts.tolist()]


def _brute_force(mass: float, half: float, limits: dict[str, int], least_rdbe: float) -> set[str]:
    """Every combination, one by one."""
    found = set()
    for numbers in product(*(range(most + 1) for most in limits.values())):
        hetero = dict(zip(limits, numbers, strict=True))
        rest = mass - sum(exact_mass(element) * n for element, n in hetero.items())
        for carbons in range(1, int(rest // 12 + 1) + 1):
            for hydrogens in range(int((rest - 12 * carbons) / 1.0078) - 1, int((rest - 12 * carbons) / 1.0078) + 3):
                halogens = sum(hetero.get(x, 0) for x in ("F", "Cl", "Br", "I"))
                rdbe = carbons + 1 + (hetero.get("N", 0) + hetero.get("P", 0) - hydrogens - halogens) / 2
                total = mass - rest + 12 * carbons + exact_mass("H") * hydrogens
                if hydrogens >= 0 and abs(total - mass) <= half and rdbe >= least_rdbe:
                    found.add(hill_formula({"C": carbons, "H": hydrogens, **hetero}))
    return found


@settings(max_examples=25, deadline=None)
@given(st.floats(60.0, 330.0), st.sampled_from([0.001, 0.005, 0.02]), st.sampled_from([0.0, -0.5]))
def test_every_formula_within_the_window_is_found_and_no_other(mass: float, half: float, least_rdbe: float) -> None:
    found = _written(formula_counts(mass, half, limits=SMALL, least_rdbe=least_rdbe))
    assert len(found) == len(set(found))
    assert set(found) == _brute_force(mass, half, SMALL, least_rdbe)


@pytest.mark.parametrize(
    "formula", ["C22H28N2O", "C24H28N4O3", "C20H21FN2O", "C17H12BrClN4", "C18H21NO2S", "C10H15N", "C14H10ClIN2O", "C9H5F7N2O", "C8H19O3P"]
)
def test_a_drug_is_among_the_formulae_of_its_mass(formula: str) -> None:
    found = [c.formula for c in formula_candidates(exact_mass(formula), tolerance=PPM, most=300)]
    assert formula in found


def test_every_candidate_is_a_molecule_within_the_window() -> None:
    mass = exact_mass("C24H28N4O3")
    for candidate in formula_candidates(mass, tolerance=PPM, most=300):
        assert abs(candidate.error_ppm) <= 5.001
        assert candidate.mass_da == pytest.approx(exact_mass(candidate.formula), abs=1e-6)
        assert candidate.rdbe >= 0
        assert candidate.rdbe == int(candidate.rdbe), "the nitrogen rule: a neutral molecule has no half ring"
        counts = parse_formula(candidate.formula)
        assert counts["H"] <= 3.1 * counts["C"]
        assert counts.get("O", 0) <= 1.2 * counts["C"]
        assert all(n <= DEFAULT_LIMITS[element] for element, n in counts.items() if element not in {"C", "H"})


def test_the_nitrogen_rule_sends_an_odd_valence_sum_away_unless_the_ion_is_permanent() -> None:
    mass = exact_mass("C16H25N2")  # the atoms of a quaternary ammonium
    assert "C16H25N2" not in [c.formula for c in formula_candidates(mass, tolerance=PPM, most=300)]
    assert "C16H25N2" in [c.formula for c in formula_candidates(mass, tolerance=PPM, most=300, permanent_ion=True)]


@pytest.mark.parametrize(("charge", "adduct"), [(1, "[M+H]+"), (-1, "[M-H]-")])
def test_fragments_decide_between_formulae_of_one_mass(charge: int, adduct: str) -> None:
    """C24H26FN3O3 is not the likeliest of its mass; fragments with fluorine and three nitrogens make it so."""
    truth = "C24H26FN3O3"
    fragments = ("C7H6F", "C8H4FN2O", "C14H10FN2O", "C18H17FN3O2", "C5H11N", "C6H12NO")
    mz = np.array([ion_mz(exact_mass(f), "[M]+" if charge > 0 else "[M]-") for f in fragments])
    intensity = np.array([100.0, 300.0, 999.0, 400.0, 50.0, 80.0])
    alone = formula_candidates(exact_mass(truth), tolerance=PPM)
    found = formula_candidates(exact_mass(truth), tolerance=PPM, fragments=(mz, intensity), fragment_tolerance=PPM, charge=charge)
    place = [c.formula for c in found].index(truth)
    assert found[place].explained == pytest.approx(1.0)
    assert found[place].share > next((c.share for c in alone if c.formula == truth), 0.0)
    assert all(c.explained is None for c in alone)


def test_a_peak_that_no_sub_formula_gives_explains_nothing() -> None:
    found = formula_candidates(
        exact_mass("C10H15N"), tolerance=PPM, fragments=(np.array([91.9]), np.array([1.0])), fragment_tolerance=PPM
    )
    assert [c.explained for c in found] == [0.0] * len(found)


def test_an_isotope_pattern_tells_bromine_from_none() -> None:
    mass = exact_mass("C8H10BrNO2")
    one, two = isotope_ratios("C8H10BrNO2")
    found = formula_candidates(mass, tolerance=Tolerance.ppm(30), isotopes=(one, two))
    assert found[0].formula == "C8H10BrNO2"
    without = formula_candidates(mass, tolerance=Tolerance.ppm(30), isotopes=(one, 0.01))
    assert "Br" not in without[0].formula


def test_isotope_ratios_are_those_of_the_elements() -> None:
    assert isotope_ratios("CHBr")[1] == pytest.approx(0.9728, abs=1e-3)
    assert isotope_ratios("C10")[0] == pytest.approx(0.10816)
    assert isotope_ratios("C10")[1] == pytest.approx(45 * 0.010816**2)  # ten atoms give 45 pairs
    # C6H4Cl2, the two chlorines of which give a (3 + 1)^2 pattern: M + 2 is 2 x 0.3196, and C2 pairs add 0.0018.
    assert isotope_ratios("C6H4Cl2")[1] == pytest.approx(0.6392 + 15 * 0.010816**2, abs=2e-4)


def test_shares_rank_and_add_up_to_one() -> None:
    found = formula_candidates(exact_mass("C22H28N2O"), tolerance=PPM, most=300)
    assert [c.share for c in found] == sorted((c.share for c in found), reverse=True)
    assert sum(c.share for c in found) == pytest.approx(1.0)
    assert found[0].formula == "C22H28N2O"


def test_leaving_a_substance_out_makes_its_formula_no_likelier() -> None:
    mass = exact_mass("C19H17ClN2O4")
    share = {c.formula: c.log_prior for c in formula_candidates(mass, tolerance=PPM, most=300)}["C19H17ClN2O4"]
    left_out = {c.formula: c.log_prior for c in formula_candidates(mass, tolerance=PPM, most=300, without="C19H17ClN2O4")}["C19H17ClN2O4"]
    assert left_out < share


@pytest.mark.parametrize("mass", [0.0, 11.9, 1000.1, float("nan")])
def test_a_mass_of_no_drug_is_refused(mass: float) -> None:
    with pytest.raises(InputError, match="between 12 and 1000"):
        formula_candidates(mass, tolerance=PPM)


def test_fragments_without_a_tolerance_are_refused() -> None:
    with pytest.raises(InputError, match="fragment_tolerance"):
        formula_candidates(300.0, tolerance=PPM, fragments=(np.array([91.0]), np.array([1.0])))


def test_a_mass_between_the_formulae_has_none() -> None:
    assert formula_candidates(100.5, tolerance=PPM) == ()
