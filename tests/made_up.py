"""Libraries and queries made up for the tests: random spectra of substances that do not exist, the same each time."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np

from nps_ident.chemistry.formula import exact_mass, ion_mz
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique

if TYPE_CHECKING:
    from collections.abc import Iterable

N_SUBSTANCES = 240
"""More than the 200 below which no calibration holds."""
FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))

_SCHEMA = json.loads((resources.files("nps_ident") / "schemas" / "identification-1.schema.json").read_text(encoding="utf-8"))
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)


def holds_the_contract(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer itself, after every check that a result must pass."""
    _VALIDATOR.validate(answer)
    probabilities = [match["probability"] for match in answer["matches"]]
    known = [p for p in probabilities if p is not None]
    assert len(known) in {0, len(probabilities)}
    assert sum(known) <= 1.0 + 1e-3, "the rest to 1 is 'none of these', so that more than 1 cannot be"
    assert known == sorted(known, reverse=True)
    assert [match["rank"] for match in answer["matches"]] == list(range(1, len(probabilities) + 1))
    if answer["verdict"] in {"match", "isomer_set"}:
        assert known
    assert any(finding["code"] == "IDENT-001" for finding in answer["findings"]), "every verdict has its reason in words"
    return answer


def made_up_key(rng: np.random.Generator, *, flat: bool = True) -> str:
    first = "".join(rng.choice(_LETTERS, 14))
    second = "UHFFFAOY" if flat else "".join(rng.choice(_LETTERS, 8))
    return f"{first}-{second}SA-N"


def label(number: int, rng: np.random.Generator) -> SubstanceLabel:
    formula = f"C{12 + number % 14}H{15 + 2 * (number % 9)}N{1 + number % 3}O{1 + number // 80}"
    return SubstanceLabel(name=f"Substance {number}", inchikey=made_up_key(rng), formula=formula, exact_mass=exact_mass(formula))


def _base(rng: np.random.Generator, candidates: np.ndarray, n_peaks: int) -> tuple[np.ndarray, np.ndarray]:
    mz = np.sort(rng.choice(candidates, n_peaks, replace=False))
    intensity = np.round(999 * rng.random(n_peaks) ** 3 + 12)
    intensity[rng.integers(n_peaks)] = 1500
    return mz, intensity


def ei_references(n_substances: int = N_SUBSTANCES, seed: int = 1) -> list[MassSpectrum]:
    """One EI spectrum each, of 25 unit masses."""
    rng = np.random.default_rng(seed)
    spectra = []
    for number in range(n_substances):
        named = label(number, rng)
        mz, intensity = _base(rng, np.arange(40.0, 330.0), 25)
        spectra.append(
            MassSpectrum(name=f"{named.name}", technique=Technique.EI_MS, mz=mz, intensity=intensity, label=named, accession=f"EI-{number:04d}")
        )
    return spectra


def msms_references(n_substances: int = N_SUBSTANCES, seed: int = 2) -> list[MassSpectrum]:
    """One MS/MS spectrum each, of 12 accurate fragments, positive, with the adduct [M+H]+."""
    rng = np.random.default_rng(seed)
    spectra = []
    for number in range(n_substances):
        named = label(number, rng)
        precursor = ion_mz(exact_mass(named.formula or ""), "[M+H]+")
        mz, intensity = _base(rng, np.round(np.arange(45.05, precursor - 3, 0.731), 4), 12)
        spectra.append(
            MassSpectrum(
                name=f"{named.name}",
                technique=Technique.MSMS,
                mz=mz,
                intensity=intensity,
                label=named,
                precursor_mz=round(precursor, 4),
                precursor_decimals=4,
                adduct="[M+H]+",
                polarity=Polarity.POSITIVE,
                instrument_type="LC-ESI-QTOF",
                accession=f"MS-{number:04d}",
            )
        )
    return spectra


def measured(reference: MassSpectrum, *, seed: int = 3, noise: float = 0.1, name: str = "query", **fields: Any) -> MassSpectrum:
    """The spectrum as another laboratory might measure it: intensities off by a tenth, and without a label."""
    rng = np.random.default_rng(seed)
    given: dict[str, Any] = {
        "name": name,
        "technique": reference.technique,
        "mz": reference.mz,
        "intensity": reference.intensity * rng.normal(1.0, noise, reference.n_peaks).clip(0.5, 1.5),
        "precursor_mz": reference.precursor_mz,
        "precursor_decimals": reference.precursor_decimals,
        "adduct": reference.adduct,
        "polarity": reference.polarity,
        "instrument_type": reference.instrument_type,
    }
    return MassSpectrum(**(given | fields))


def msp(spectra: Iterable[MassSpectrum]) -> str:
    """The spectra as MSP text."""
    records = []
    for spectrum in spectra:
        lines = [f"Name: {spectrum.name}"]
        lines += [f"{key}: {value}" for key, value in _fields(spectrum).items() if value is not None]
        lines.append(f"Num Peaks: {spectrum.n_peaks}")
        lines += [f"{mz:.10g} {height:.10g}" for mz, height in zip(spectrum.mz.tolist(), spectrum.intensity.tolist(), strict=True)]
        records.append("\n".join(lines) + "\n\n")
    return "".join(records)


def _fields(spectrum: MassSpectrum) -> dict[str, str | float | None]:
    decimals = 4 if spectrum.precursor_decimals is None else spectrum.precursor_decimals
    return {
        "InChIKey": spectrum.label.inchikey,
        "SMILES": spectrum.label.smiles,
        "Formula": spectrum.label.formula,
        "DB#": spectrum.accession,
        "Instrument_type": spectrum.instrument_type or {Technique.EI_MS: "EI-B", Technique.MSMS: "LC-ESI-QTOF"}.get(spectrum.technique),  # type: ignore[arg-type]
        "PrecursorMZ": None if spectrum.precursor_mz is None else f"{spectrum.precursor_mz:.{decimals}f}",
        "Precursor_type": spectrum.adduct,
        "Ion_mode": spectrum.polarity.value if spectrum.polarity else None,
    }
