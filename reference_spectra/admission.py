"""Which substances enter the catalogue, under which name, and on whose word.

A structure enters on two independent sources, or on one and a check by the mass or the precursor that a spectrum record states.  Sources
under a non-commercial licence do not count; what only they say does not enter.  Rows of ``curated.tsv`` were checked by hand: they add
substances that the public lists lack, correct names and CAS numbers, and keep isomers apart that the lists confuse.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from rdkit import Chem

from nps_ident.chemistry.formula import nominal_mass
from nps_ident.chemistry.structures import parent_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nps_ident.model import MassSpectrum

# Public lists by the name the structure table gives them: the independent source they are, and its licence; None: they do not count.
SOURCES: dict[str, tuple[str, str] | None] = {
    "SWGDRUG-MS-3.3": ("SWGDRUG MS library", "public"),
    "SWGDRUG-MS-3.4": ("SWGDRUG MS library", "public"),
    "MassBank (SMARTS class)": ("MassBank", "CC BY / CC0 / DL-DE-BY"),
    "China controlled-substances schedule (Structural-formula)": ("China controlled-substances schedules", "legal text"),
    "psymol": ("psymol", "facts only"),
    "PsyModTraining": ("PsyModTraining", "facts only"),
    "Global-Chem/pihkal": ("Global-Chem pihkal", "MPL-2.0"),
    "Fentanyl-Hunter/HighResNPS": ("Fentanyl-Hunter", "facts only"),
    "Fentanyl-Hunter/std": ("Fentanyl-Hunter", "facts only"),
    "Fentanyl-Hunter/MONA": ("Fentanyl-Hunter", "facts only"),
    "hanbinoh-lab/fentanyl-rt": ("fentanyl-rt", "MIT"),
    "skinnider/nps-screening": ("nps-screening", "MIT"),
    "NIST DART-MS-DBB": ("NIST DART-MS-DBB", "public domain"),
    "Benzyl-titanium/designdrugs": None,  # CC BY-NC-SA 4.0
    "Global-Chem/black_market": None,  # a list of products, not of substances
    **{f"Global-Chem/schedule_{n}": ("US schedules (Global-Chem)", "MPL-2.0") for n in ("one", "two", "three", "four", "five")},
}
# Derivatives, by-products of an analysis and labelled standards are not substances of a seizure.
_NO_SUBSTANCE = re.compile(
    r"\b(di|tri|bis|mono|[1-9])?-?(TMS|TBDMS|TFA|TPC|PFP|HFB|MOX|BSTFA)\b|derivat|by-product|breakdown|adduct|artifact|\bacetylated\b|"
    r"^N-Acetyl-\d-Fluoro|unknown|impurity|-[dD]\d+\b|\bd\d+-",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A parent structure and what it is computed to be."""

    smiles: str
    inchikey: str
    formula: str
    exact_mass: float

    @property
    def skeleton(self) -> str:
        """The first block of the InChIKey: the molecule without stereochemistry."""
        return self.inchikey[:14]


@dataclass(slots=True, kw_only=True)
class Entry:
    """A substance on its way into the table."""

    structure: Structure
    names: list[str] = field(default_factory=list)
    cas: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    checks: list[str] = field(default_factory=list)
    hints: set[str] = field(default_factory=set)
    group: str = ""


@cache
def structure_of(smiles: str) -> Structure | None:
    """Find the parent of a structure; None where it cannot be read, carries no carbon, or is labelled with isotopes."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or any(atom.GetIsotope() for atom in mol.GetAtoms()) or all(atom.GetAtomicNum() != 6 for atom in mol.GetAtoms()):
        return None
    parent = parent_of(mol)
    return Structure(smiles=parent.smiles, inchikey=parent.inchikey, formula=parent.formula, exact_mass=parent.exact_mass)


def valid_cas(text: str) -> bool:
    """Whether a CAS number has the right check digit (CAS, "Check Digit Verification of CAS Registry Numbers")."""
    if not re.fullmatch(r"[0-9]{2,7}-[0-9]{2}-[0-9]", text):
        return False
    digits = text.replace("-", "")
    return sum(i * int(d) for i, d in enumerate(reversed(digits[:-1]), 1)) % 10 == int(digits[-1])


def stated_cas(text: str) -> str | None:
    """Read a CAS number from a field that may have lost its hyphens (``4521613`` is 4521-61-3)."""
    bare = text.strip().lstrip("0")
    if bare.isdigit() and 5 <= len(bare) <= 10:
        bare = f"{bare[:-3]}-{bare[-3:-1]}-{bare[-1]}"
    return bare if valid_cas(bare) else None


def entries_of_table(rows: Iterable[Mapping[str, str]]) -> list[Entry]:
    """Read the public structure table; rows that cannot be read, or whose InChIKey is not that of their structure, are left out."""
    entries = []
    for row in rows:
        structure = structure_of(row["smiles"])
        if structure is None or structure.skeleton != row["inchikey"][:14]:
            continue
        sources = dict(filter(None, (SOURCES[name] for name in row["sources"].split(" | "))))
        names = [row["name"], *row["synonyms"].split(" | ")]
        if not sources or _NO_SUBSTANCE.search(row["name"]):
            continue
        cas = [c for c in row["cas"].split(" | ") if valid_cas(c)]
        entries.append(Entry(structure=structure, names=names, cas=cas, sources=sources, hints=set(row["source_class"].split(" | "))))
    return entries


def entries_of_spectra(spectra: Iterable[MassSpectrum], structures: Mapping[str, str]) -> list[Entry]:
    """Collect the substances of admitted EI records, their structure from the record or, by InChIKey, from a MassBank record.

    Parameters
    ----------
    structures : mapping
        SMILES of MassBank records by InChIKey.
    """
    entries = []
    for spectrum in spectra:
        label = spectrum.label
        if not label.inchikey or label.isotope_labelled or _NO_SUBSTANCE.search(spectrum.name):
            continue
        known = structures.get(label.inchikey)
        structure = structure_of(label.smiles or known or "C")
        if structure is None or structure.skeleton != label.inchikey[:14]:
            continue
        sources = {"SWGDRUG MS library": "public"} | ({"MassBank": "CC BY / CC0 / DL-DE-BY"} if known else {})
        cas = stated_cas(dict(spectrum.metadata).get("CASNO", ""))
        entries.append(Entry(structure=structure, names=[spectrum.name], cas=[cas] if cas else [], sources=sources))
    return entries


def stated_mass_agrees(spectrum: MassSpectrum, structure: Structure) -> str | None:
    """State the check of a structure by the molecular weight that an EI record states; None where it states none or another."""
    stated = dict(spectrum.metadata).get("MW", "")
    if not stated.isdigit() or int(stated) != nominal_mass(structure.formula):
        return None
    return f"check: molecular weight {stated} stated by {spectrum.accession}"


def merge(entries: Iterable[Entry], apart: set[str]) -> list[Entry]:
    """Make one entry a molecule: stereoisomers are merged under the best-attested form, except the skeletons kept ``apart``."""
    by_molecule: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        key = entry.structure.inchikey if entry.structure.skeleton in apart else entry.structure.skeleton
        by_molecule[key].append(entry)
    merged = []
    for group in by_molecule.values():
        support: dict[str, set[str]] = defaultdict(set)
        for entry in group:
            support[entry.structure.inchikey] |= set(entry.sources)
        structures = {entry.structure.inchikey: entry.structure for entry in reversed(group)}
        # Two sources for a stereochemistry outweigh more for none: lists of names mostly leave it out.
        best = max(sorted(support), key=lambda key: (min(len(support[key]), 2), key[15:23] != "UHFFFAOY", len(support[key])))
        group.sort(key=lambda entry: entry.structure.inchikey != best)
        merged.append(
            Entry(
                structure=structures[best],
                # Names given to another stereoisomer are not names of this one.
                names=[name for entry in group if entry.structure.inchikey[15:23] in {best[15:23], "UHFFFAOY"} for name in entry.names],
                cas=[cas for entry in group for cas in entry.cas],
                sources={name: licence for entry in group for name, licence in entry.sources.items()},
                checks=[check for entry in group for check in entry.checks],
                hints={hint for entry in group for hint in entry.hints},
            )
        )
    return merged


_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "delta", "ψ": "psi", "Ψ": "psi", "ω": "omega"}
_REMARK = re.compile(r"\s*\((or breakdown[^)]*|not validated|compound|converts to[^)]*|drug|[^()]*isomer)\)", re.IGNORECASE)
_SHORT_IN_BRACKETS = re.compile(r"^(?P<long>[^()]{3,})\s?\((?P<short>[A-Za-z0-9,\- ]{2,24})\)$")
_NO_NAME = re.compile(r"[?_¦�\t|/]|^\d+$|^\W|[一-鿿]|\d{3}\.\d{4}|\([AB]\)$|isomer [12]$|\boxalate$|hydrochloride$")


def clean_names(names: Iterable[str]) -> list[str]:
    """Choose the names fit for the table, in order: no remarks, codes, damaged characters or long systematic names; each once."""
    found: dict[str, str] = {}
    for raw in names:
        text = raw.strip()
        for greek, word in _GREEK.items():
            text = text.replace(greek, word if not re.search(greek + "[A-Za-z]", text) or greek in "Δ" else word + "-")
        text = text.replace("beta-k-", "bk-").replace("′′", "''").replace("′", "'").replace("ʹ", "'").replace("`", "'").replace("’", "'")
        text = re.sub(r"\.(alpha|beta|gamma|delta)\.-?(?=[A-Za-z])", r"\1-", text)
        text = re.sub(r"\.(alpha|beta|gamma|delta)\.", r"\1", text)
        text = re.sub(r"\s+", " ", _REMARK.sub("", text)).strip(" ,;")
        parts = _SHORT_IN_BRACKETS.match(text)
        for name in [parts["long"].strip(), *(s.strip() for s in parts["short"].split(","))] if parts else [text]:
            shouted = name.isupper() and (" " in name or sum(map(str.isalpha, name)) > 14)
            if 2 <= len(name) <= 44 and not shouted and not _NO_NAME.search(name) and name.count("(") == name.count(")"):
                known = found.get(folded(name))
                if known is None or (known.islower() and not name.islower()) or (known.isupper() and len(known) > 8 and not name.isupper()):
                    found[folded(name)] = name
    plain = re.compile(rf"(?!{'|'.join(_PREFIXES)})[a-z]{{4,}}")
    return [name[0].upper() + name[1:] if plain.match(name) else name for name in found.values()]


_PREFIXES = ("alpha", "beta", "gamma", "delta", "para", "meta", "ortho", "sec-", "tert", "trans-", "threo")


def folded(name: str) -> str:
    """Fold a name for comparison: case, spaces and hyphens do not count."""
    return re.sub(r"[\s\-\u2010-\u2015\u2212]", "", name).casefold()


def settle_names(entries: Sequence[Entry], fixed: Mapping[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Settle name and synonyms of every entry: a name belongs to one structure, and to none where two claim it alike.

    Parameters
    ----------
    fixed : mapping
        Names settled by hand, by InChIKey.
    """
    names = {entry.structure.inchikey: clean_names(entry.names) for entry in entries}
    primary: dict[str, str] = {key: fixed[key] for key in names if key in fixed}
    taken = {folded(name) for name in primary.values()}
    claims = Counter(folded(name) for of_one in names.values() for name in of_one)
    for entry in sorted(entries, key=lambda e: (-len(e.sources), e.structure.inchikey)):
        key = entry.structure.inchikey
        if key in primary:
            continue
        free = [name for name in names[key] if folded(name) not in taken]
        if free:
            primary[key] = max(free, key=lambda name: (_plain(name), -free.index(name)))
            taken.add(folded(primary[key]))
    return {
        key: (
            name,
            tuple(sorted({n for n in names[key] if claims[folded(n)] == 1 and folded(n) not in taken}, key=lambda n: (n.casefold(), n))),
        )
        for key, name in primary.items()
    }


def _plain(name: str) -> bool:
    """Whether a name is one people use: not one or two letters, not a long systematic one, not shouted."""
    return 3 <= len(name) <= 32 and name.count(",") < 2 and not (name.isupper() and name.isalpha() and len(name) > 6)


def with_cas_settled(entries: Sequence[Entry], fixed: Mapping[str, str]) -> dict[str, str]:
    """Settle one CAS number an entry: the one most sources give; a number that two molecules claim counts for neither."""
    owners: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for cas in entry.cas:
            owners[cas].add(entry.structure.inchikey)
    for key, cas in fixed.items():
        owners[cas] = {key}
    settled = dict(fixed)
    for entry in entries:
        own = Counter(cas for cas in entry.cas if len(owners[cas]) == 1 and owners[cas] == {entry.structure.inchikey})
        if own and entry.structure.inchikey not in settled:
            settled[entry.structure.inchikey] = max(own, key=lambda cas: (own[cas], -entry.cas.index(cas)))
    return settled


