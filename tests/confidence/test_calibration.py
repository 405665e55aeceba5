"""Calibrations: the files say what they are, the arithmetic is the published one, and the bounds hold."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from made_up import ei_references, measured, msms_references

from nps_ident.confidence.calibration import calibration_from, read_calibration, shipped_calibration
from nps_ident.confidence.coefficients import SHIPPED, content_hash
from nps_ident.confidence.features import CANDIDATE_FEATURES, SIGN, candidate_features, list_features
from nps_ident.errors import CalibrationError
from nps_ident.library.hits import HitList
from nps_ident.library.search import search
from nps_ident.model import Technique
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library

FILES = sorted(path for path in SHIPPED.glob("*.json") if path.stem.startswith(("ei-", "msms-")))


def _fields(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _hits(technique: Technique, library: Library) -> tuple[HitList, int]:
    reference = (ei_references if technique is Technique.EI_MS else msms_references)()[12]
    query = prepare(measured(reference, noise=0.3))
    return search(query, [library], most=25), query.n_peaks


def test_those_that_ship_are_intact_and_named_for_what_they_hold() -> None:
    assert {path.stem for path in FILES} == {"ei-full", "ei-principal-ions", "msms-full", "msms-principal-ions"}
    for path in FILES:
        calibration = read_calibration(path)
        found = shipped_calibration(calibration.technique, calibration.kind)
        assert found is not None
        assert found.sha256 == calibration.sha256
        assert re.fullmatch(r".+-\d{4}-\d{2}-\d{2}@[0-9a-f]{12}", calibration.stamp)
        assert 0.5 < calibration.set_cut <= calibration.match_cut < 1


def test_there_is_none_for_dart() -> None:
    assert shipped_calibration(Technique.DART_MS, "full") is None
    assert shipped_calibration(Technique.EI_MS, "no") is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_one_changed_digit_anywhere_is_found(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    places = [match.start() for match in re.finditer(r"[0-9]", text)]
    for place in places[:: max(1, len(places) // 40)]:
        digit = "7" if text[place] != "7" else "3"
        damaged = tmp_path / "damaged.json"
        damaged.write_text(text[:place] + digit + text[place + 1 :], encoding="utf-8")
        with pytest.raises(CalibrationError) as caught:
            read_calibration(damaged)
        assert str(damaged) in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"text"', "{}", '{"technique": "IR"}', "NaN"])
def test_what_is_no_calibration_is_refused_in_one_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content, encoding="utf-8")
    with pytest.raises(CalibrationError, match="is no calibration"):
        read_calibration(tmp_path / "bad.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="nowhere"):
        read_calibration(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "nps-ident/calibration/2"}, "schema"),
        ({"features": ["match_factor"]}, "other features"),
        ({"list_features": []}, "other features"),
    ],
)
def test_one_made_for_another_version_is_refused_though_its_hash_is_right(change: dict[str, Any], said: str) -> None:
    fields = _fields(FILES[0]) | change
    fields["sha256"] = content_hash(fields)
    with pytest.raises(CalibrationError, match=said):
        calibration_from(fields, where="other.json")


def test_the_hash_does_not_depend_on_the_order_of_the_keys() -> None:
    fields = _fields(FILES[0])
    assert content_hash(dict(reversed(fields.items()))) == fields["sha256"]


@pytest.mark.parametrize("technique", [Technique.EI_MS, Technique.MSMS])
@pytest.mark.parametrize("kind", ["full", "principal_ions"])
def test_the_probability_is_that_of_the_coefficients(technique: Technique, kind: str, ei_library: Library, msms_library: Library) -> None:
    hits, n_peaks = _hits(technique, ei_library if technique is Technique.EI_MS else msms_library)
    calibration = shipped_calibration(technique, kind)
    assert calibration is not None
    path = SHIPPED / f"{'ei' if technique is Technique.EI_MS else 'msms'}-{kind.replace('_', '-')}.json"
    stored = _fields(path)
    features = candidate_features(hits).tolist()
    utilities = [sum(c * x for c, x in zip(stored["utility"], row, strict=True)) for row in features]
    highest = max(utilities)
    shares = [math.exp(u - highest) for u in utilities]
    shares = [share / sum(shares) for share in shares]
    first = utilities.index(highest)
    of_first = dict(zip(stored["features"], features[first], strict=True))
    row = [of_first[name] for name in stored["list_features"] if name in of_first]
    row += [math.log(1 + n_peaks), 0.0, 1.0]  # made-up substances: no structure, so nothing is known of isomers
    if technique is Technique.MSMS:
        others = [u for i, u in enumerate(utilities) if i != first]
        lead = highest - math.log(sum(math.exp(u) for u in others)) if others else 10.0
        row.append(min(max(lead, -10.0), 10.0))
    model = stored["in_library"]
    z = sum(w * (x - m) / s for w, x, m, s in zip(model["weight"], row, model["mean"], model["scale"], strict=True)) + model["intercept"]
    edge = 1 / (stored["n_known"] + 2)
    in_library = min(max(1 / (1 + math.exp(-z)), edge), 1 - edge)
    found = calibration.probabilities(hits, n_peaks).tolist()
    assert found == pytest.approx([share * in_library for share in shares], rel=1e-9)
    assert sum(found) == pytest.approx(in_library)
    assert edge <= 1 - sum(found) <= 1 - edge + 1e-12, "'none of these' is never impossible and never certain"


def test_without_candidates_there_are_no_probabilities() -> None:
    calibration = shipped_calibration(Technique.EI_MS, "full")
    assert calibration is not None
    none = HitList(technique=Technique.EI_MS, kind="full", hits=(), n_substances=240, n_compared=9)
    assert calibration.probabilities(none, 9).tolist() == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_likelihood_ratio_is_bounded_by_the_examples_behind_it(path: Path) -> None:
    calibration = replace(read_calibration(path), log10_lr_bounds=None)
    n_substances = 1000
    prior = calibration.prior_in_library / n_substances
    prior_odds = prior / (1 - prior)
    assert calibration.log10_lr(prior, n_substances) == pytest.approx(0.0, abs=1e-9)
    assert calibration.log10_lr(0.5, n_substances) == pytest.approx(-math.log10(prior_odds))
    most = math.log10((calibration.n_known + 1) / prior_odds)
    assert calibration.log10_lr(1.0, n_substances) == calibration.log10_lr(1 - 1e-12, n_substances) == pytest.approx(most)
    least = calibration.log10_lr(0.0, n_substances)
    assert math.isfinite(least)
    assert least == pytest.approx(-math.log10(calibration.n_known + 2), abs=0.01)
    values = [calibration.log10_lr(p / 100, n_substances) for p in range(101)]
    assert values == sorted(values)


def test_the_likelihood_ratio_is_bounded_by_what_held_out_answers_bore_out() -> None:
    calibration = replace(read_calibration(FILES[0]), log10_lr_bounds={"low": -1.5, "high": 3.0, "n_substances": 1000.0})
    assert calibration.log10_lr(1.0, 1000) == 3.0
    assert calibration.log10_lr(1.0, 10_000) == pytest.approx(4.0), "the same posterior odds against ten times lower prior odds"
    assert calibration.log10_lr(0.0, 1000) == -1.5
    assert calibration.greatest_log10_lr(100) == pytest.approx(2.0)
    inside = calibration.prior_in_library / 1000
    assert calibration.log10_lr(inside, 1000) == pytest.approx(0.0, abs=1e-9)


def test_a_lone_candidate_has_the_greatest_lead(msms_library: Library) -> None:
    hits, n_peaks = _hits(Technique.MSMS, msms_library)
    alone = HitList(technique=hits.technique, kind="full", hits=hits.hits[:1], n_substances=240, n_compared=hits.n_compared)
    features = candidate_features(alone)
    row = list_features(features, features[:, 0], technique=Technique.MSMS, n_query_peaks=n_peaks, isomers_open=1)
    assert row.tolist() == [*features[0].tolist(), math.log1p(n_peaks), 1.0, 0.0, 10.0]


def test_the_mass_of_the_molecule_speaks_for_candidates_of_that_mass(ei_library: Library) -> None:
    hits, _ = _hits(Technique.EI_MS, ei_library)
    features = candidate_features(hits)[:, CANDIDATE_FEATURES[Technique.EI_MS].index("log_mass_odds")]
    assert (features <= 0.0).all()
    assert features.std() > 0.1
    unkept = candidate_features(replace(hits, unit_masses=None))[:, -1]
    assert not unkept.any(), "without the query's peaks nothing is said of any"


def test_the_references_of_a_withheld_compound_do_not_speak_for_its_mass(ei_library: Library) -> None:
    hits, _ = _hits(Technique.EI_MS, ei_library)
    own = (hits.hits[0].substance.inchikey or "")[:14]
    with_own, without = candidate_features(hits), candidate_features(hits, left_out=frozenset([own]))
    assert (without[:, :-1] == with_own[:, :-1]).all()
    assert without[0, -1] < with_own[0, -1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_better_fit_never_lowers_the_probability(path: Path) -> None:
    stored = _fields(path)
    weights = dict(zip(stored["list_features"], stored["in_library"]["weight"], strict=True))
    assert all(weight * SIGN.get(name, 0) >= 0.0 for name, weight in weights.items())
    assert any(weight * SIGN.get(name, 0) > 0.0 for name, weight in weights.items())


def test_a_calibration_made_with_another_mass_model_is_refused() -> None:
    fields = _fields(SHIPPED / "ei-full.json") | {"mass_model": "another@000000000000"}
    fields["sha256"] = content_hash(fields)
    with pytest.raises(CalibrationError, match="mass model"):
        calibration_from(fields, where="it")
