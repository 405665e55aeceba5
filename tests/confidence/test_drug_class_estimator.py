"""The class estimator keeps scikit-learn's contract, and looks at what a spectrum is, not at how strong it was."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from nps_ident.confidence.drug_class_estimator import DrugClassClassifier, near_duplicate_groups
from nps_ident.confidence.drug_class_spectra import class_rows, peak_and_loss_features
from nps_ident.confidence.drug_class_training import ion_model_of
from nps_ident.errors import InputError
from nps_ident.model import MassSpectrum, Technique


@pytest.mark.filterwarnings("default")
def test_scikit_learn_accepts_it() -> None:
    """Every check of scikit-learn's own suite; the array API is checked only where an environment variable asks for it."""
    for check in check_estimator(DrugClassClassifier(), on_fail=None, on_skip=None):
        assert check["status"] in {"passed", "skipped"}, f"{check['check_name']}: {check['exception']!r}"
        assert check["status"] == "passed" or check["check_name"] == "check_array_api_input"


def _made_up(n_each: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes by ions at 91 and 105, a third by its loss of 18 from a highest mass that varies."""
    rng = np.random.default_rng(seed)
    rows, classes = [], []
    for _ in range(n_each):
        for name, ion in (("benzyl", 91), ("benzoyl", 105)):
            row = np.where(rng.random(300) < 0.05, rng.random(300) * 80, 0.0)
            row[ion] = 999.0
            rows.append(row)
            classes.append(name)
        row = np.where(rng.random(300) < 0.05, rng.random(300) * 80, 0.0)
        top = int(rng.integers(200, 290))
        row[top + 1 :] = 0.0
        row[top], row[top - 18] = 300.0, 999.0
        rows.append(row)
        classes.append("alcohol")
    return np.array(rows), np.array(classes)


def test_it_learns_ions_and_losses() -> None:
    rows, classes = _made_up()
    scores = cross_val_score(DrugClassClassifier(), rows, classes, cv=3)
    assert scores.min() > 0.9


def test_labels_without_meaning_are_not_learnt() -> None:
    rows, classes = _made_up()
    shuffled = np.random.default_rng(1).permutation(classes)
    model = DrugClassClassifier().fit(rows[:60], shuffled[:60])
    assert model.predict_proba(rows[60:]).max(axis=1).mean() < 0.6, "the temperature must have flattened what does not generalise"


def test_the_strength_of_a_signal_is_of_no_matter() -> None:
    rows, classes = _made_up()
    model = DrugClassClassifier().fit(rows, classes)
    np.testing.assert_allclose(model.predict_proba(rows), model.predict_proba(rows * 37.0), atol=1e-12)


def test_its_coefficients_alone_give_its_probabilities() -> None:
    """What identification computes with numpy is what the estimator says, up to the rounding of the file."""
    rows, classes = _made_up()
    model = DrugClassClassifier().fit(rows, classes)
    ions = ion_model_of(model)
    mz = np.flatnonzero(rows[0]).astype(np.float64)
    spectrum = MassSpectrum(name="s", technique=Technique.EI_MS, mz=mz, intensity=rows[0][mz.astype(int)])
    logs = ions.log_probabilities(spectrum)
    expected = dict(zip(model.classes_.tolist(), np.log(model.predict_proba(rows[:1])[0]).tolist(), strict=True))
    assert logs.keys() == expected.keys()
    for name, value in expected.items():
        assert logs[str(name)] == pytest.approx(max(value, -8.0), abs=0.1)


def test_near_duplicates_and_what_links_them_are_one_group() -> None:
    one = np.zeros(50)
    one[[10, 20]] = [10.0, 1.0]
    nearly, far = one.copy(), np.zeros(50)
    nearly[30] = 2.0  # cos² with one: 101 / 105 = 0.96
    far[40] = 5.0
    assert near_duplicate_groups(np.array([one, nearly, far])).tolist() == [0, 0, 1]
    other = np.zeros(50)
    other[45] = 1.0
    assert near_duplicate_groups(np.array([one, nearly, far, other]), groups=["a", "b", "c", "c"]).tolist() == [0, 0, 1, 1]


def test_losses_count_from_the_highest_mass_above_one_percent() -> None:
    row = np.zeros((1, 120))
    row[0, [91, 100, 110]] = [999.0, 200.0, 5.0]  # 110 is half a percent: noise, not the highest mass
    features = peak_and_loss_features(row)
    assert features.shape == (1, 240)
    losses = features[0, 120:]
    assert np.flatnonzero(losses).tolist() == [0, 9]
    assert np.linalg.norm(features[0, :120]) == pytest.approx(1.0)


def test_rows_put_peaks_on_unit_masses() -> None:
    spectrum = MassSpectrum(name="s", technique=Technique.EI_MS, mz=np.array([43.02, 58.1, 700.0]), intensity=np.array([1.0, 2.0, 1.0]))
    rows = class_rows([spectrum])
    assert rows.shape == (1, 601)
    assert np.flatnonzero(rows[0]).tolist() == [43, 58]
    assert rows[0, 58] == pytest.approx(999.0)
    assert class_rows([]).shape == (0, 601)


def test_negative_intensities_are_refused() -> None:
    with pytest.raises(InputError, match="Negative values in data"):
        peak_and_loss_features(np.array([[1.0, -1.0]]))
    with pytest.raises(ValueError, match="Negative values in data"):
        DrugClassClassifier().fit(np.array([[1.0, -1.0], [1.0, 2.0]]), ["a", "b"])


def test_one_class_alone_cannot_be_learnt() -> None:
    with pytest.raises(ValueError, match="only one class"):
        DrugClassClassifier().fit(np.ones((4, 3)), ["a"] * 4)
