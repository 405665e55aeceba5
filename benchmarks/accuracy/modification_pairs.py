"""Which modifications tell the substances of the catalogue apart, and how often: the counts of ``modifications.tsv``.

    python -m benchmarks.accuracy.modification_pairs

Every substance is cut at one single bond outside rings (the hydrogens count as groups too), or at two; two substances with an equal remainder
are a pair that differs by the groups cut off (matched molecular pairs, Hussain and Rea 2010, doi:10.1021/ci900450m).  Of each pair the smallest
exchange counts as its reason; an exchange that is the reason of two pairs or more becomes a row, and all pairs it connects are counted.

Changes inside rings, of position and of bond order are no exchange of groups: they are written by hand (``general_modifications.tsv``),
applied to every substance, and counted where the product is another substance.

The pairs are kept by substance, so that the table can be made again as if one substance had never been known (:func:`without`).
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.modifications import COLUMNS, TABLE, Modification, applicable, group_mass, kind_of, modified, name_of, pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nps_ident.model import Substance

GENERAL = TABLE.parent / "general_modifications.tsv"
HYDROGEN = "*[H]"
MOST_IN_GROUP = 11
"""Heavy atoms of a group: adamantylmethyl has 11."""
MOST_EXCHANGED = 20
"""Heavy atoms of both groups together: naphthyl for adamantyl."""
LEAST_KEPT = 6
"""Heavy atoms that both substances must share: the phenyl ring of the smallest drugs."""
FEWEST_PAIRS = 2
"""One pair is an accident, two are a habit."""

# Where a group hangs, as SMARTS of the atom that keeps it; the first that fits is taken.  ``{D}`` is its number of bonds to heavy atoms.
CONTEXTS = (
    "c;r6",
    "c;r5",
    "n",
    "N;R",
    "N;!R;$(NC=[O,S])",
    "N;!R",
    "O",
    "S",
    "C;$(C=O)",
    "C;X4;R",
    "C;X4;!R;$(C[#7])",
    "C;X4;!R;$(C[c])",
    "C;X4;!R;$(C[#8,#16])",
    "C;X4;!R;D{D}",
    "*",
)


@dataclass(frozen=True)
class Exchange:
    """A group for another, and what kind of atom it hangs on; two ``contexts`` are empty where the group joins two ends."""

    context: str
    before: str
    after: str


@dataclass
class Pairs:
    """The pairs of substances (first InChIKey blocks) that every exchange connects, and the places where each group was met."""

    minimal: dict[Exchange, set[frozenset[str]]] = field(default_factory=lambda: defaultdict(set))
    all_pairs: dict[Exchange, set[frozenset[str]]] = field(default_factory=lambda: defaultdict(set))
    sites: dict[tuple[str, str], dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    general: list[General] = field(default_factory=list)


@dataclass
class General:
    """A change written by hand, with the pairs it connects and the products it has, by substance."""

    modification: Modification
    pairs: set[frozenset[str]] = field(default_factory=set)
    products: dict[str, int] = field(default_factory=dict)


def _context(core: Any, atom: Any) -> str:
    for smarts in CONTEXTS:
        filled = smarts.format(D=atom.GetDegree())
        pattern = _pattern(filled)
        if core.HasSubstructMatch(pattern) and (atom.GetIdx(),) in core.GetSubstructMatches(pattern):
            # A hydrogen is no bond in SMARTS: the place has one bond fewer before the group came.
            return filled
    raise AssertionError(f"no context for {atom.GetSymbol()}")


_PATTERNS: dict[str, Any] = {}


def _pattern(smarts: str) -> Any:
    if smarts not in _PATTERNS:
        _PATTERNS[smarts] = Chem.MolFromSmarts(f"[{smarts}]")
    return _PATTERNS[smarts]


def _side(mol: Any, near: int, far: int, label: int = 0) -> tuple[frozenset[int], str]:
    """The atoms beyond a bond, and their SMILES with a dummy where they hung."""
    seen, waiting = {near, far}, [far]
    while waiting:
        for neighbour in mol.GetAtomWithIdx(waiting.pop()).GetNeighbors():
            if neighbour.GetIdx() not in seen:
                seen.add(neighbour.GetIdx())
                waiting.append(neighbour.GetIdx())
    atoms = frozenset(seen - {near})
    return atoms, _written(mol, atoms, {near: label})


def _written(mol: Any, atoms: frozenset[int], dummies: Mapping[int, int]) -> str:
    part = Chem.RWMol(mol)
    for place, label in dummies.items():
        dummy = Chem.Atom(0)
        dummy.SetAtomMapNum(label)
        part.ReplaceAtom(place, dummy)
    part.BeginBatchEdit()
    for atom in range(mol.GetNumAtoms()):
        if atom not in atoms and atom not in dummies:
            part.RemoveAtom(atom)
    part.CommitBatchEdit()
    return str(Chem.MolToSmiles(part))


def _n_heavy(smiles: str) -> int:
    return sum(atom.GetAtomicNum() > 1 for atom in Chem.MolFromSmiles(smiles.replace(HYDROGEN, "*")).GetAtoms())


def single_cuts(mol: Any) -> dict[tuple[str, str, str], int]:
    """Remainder, context and group of every single cut, with the number of places equal by symmetry counted once."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    done: set[tuple[int, int]] = set()
    for atom in mol.GetAtoms():
        if not atom.GetTotalNumHs() or (ranks[atom.GetIdx()], -1) in done:
            continue
        done.add((ranks[atom.GetIdx()], -1))
        core = Chem.RWMol(mol)
        core.AddBond(atom.GetIdx(), core.AddAtom(Chem.Atom(0)), Chem.BondType.SINGLE)
        place = core.GetAtomWithIdx(atom.GetIdx())
        place.SetNumExplicitHs(max(0, place.GetNumExplicitHs() - 1))
        Chem.SanitizeMol(core)
        found[Chem.MolToSmiles(core), _context(core, place), HYDROGEN] += 1
    for bond in mol.GetBonds():
        if bond.IsInRing() or bond.GetBondType() != Chem.BondType.SINGLE:
            continue
        ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        for near, far in (ends, ends[::-1]):
            key = (ranks[near], ranks[far])
            group, smiles = _side(mol, near, far)
            rest, core_smiles = _side(mol, far, near)
            if key in done or len(group) > MOST_IN_GROUP or len(rest) < LEAST_KEPT:
                continue
            done.add(key)
            core = Chem.RWMol(mol)
            core.ReplaceAtom(far, Chem.Atom(0))
            core.BeginBatchEdit()
            for index in group - {far}:
                core.RemoveAtom(index)
            core.CommitBatchEdit()
            Chem.SanitizeMol(core)
            place = next(a for a in core.GetAtoms() if a.GetAtomicNum() == 0).GetNeighbors()[0]
            found[core_smiles, _context(core, place), smiles] += 1
    return dict(found)


def double_cuts(mol: Any) -> set[tuple[tuple[str, str], str]]:
    """Both ends (in alphabetical order) and the middle of every pair of cuts."""
    bonds = [b for b in mol.GetBonds() if not b.IsInRing() and b.GetBondType() == Chem.BondType.SINGLE]
    sides = {}
    for bond in bonds:
        ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        for near, far in (ends, ends[::-1]):
            sides[near, far] = _side(mol, near, far)
    found = set()
    whole = frozenset(range(mol.GetNumAtoms()))
    directed = sorted(sides)
    for number, (near, far) in enumerate(directed):
        for other_near, other_far in directed[number + 1 :]:
            (first, first_smiles), (second, second_smiles) = sides[near, far], sides[other_near, other_far]
            middle = whole - first - second
            if first & second or near not in middle or other_near not in middle or not 0 < len(middle) <= MOST_IN_GROUP:
                continue
            if len(first) + len(second) < LEAST_KEPT:
                continue
            for labels in ((1, 2), (2, 1)):
                smiles = _written(mol, middle, {far: labels[0], other_far: labels[1]})
                ends_smiles = (first_smiles, second_smiles) if labels == (1, 2) else (second_smiles, first_smiles)
                if ends_smiles[0] <= ends_smiles[1]:
                    found.add((ends_smiles, smiles))
    return found


def count_pairs(substances: Iterable[Substance]) -> Pairs:
    """Find all pairs among substances that differ by one exchange; one substance a skeleton, isotopes and salts left out."""
    singles: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    doubles: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    pairs, seen = Pairs(), set()
    molecules: dict[str, Any] = {}
    with rdBase.BlockLogs():
        for substance in sorted(substances, key=lambda s: s.inchikey or ""):
            if not substance.inchikey or not substance.smiles or substance.isotope_labelled or substance.inchikey[:14] in seen:
                continue
            compound, mol = substance.inchikey[:14], flattened(Chem.MolFromSmiles(substance.smiles))
            seen.add(compound)
            for (core, context, group), number in single_cuts(mol).items():
                singles[core].append((compound, context, group))
                pairs.sites[context, group][compound] = pairs.sites[context, group].get(compound, 0) + number
            for ends, middle in double_cuts(mol):
                doubles[ends].append((compound, middle))
                pairs.sites["", middle][compound] = pairs.sites["", middle].get(compound, 0) + 1
            molecules[compound] = mol
        _connect(pairs, singles, doubles)
        pairs.general = [_counted(row, molecules) for row in _general_rows()]
    return pairs


def _general_rows() -> list[Modification]:
    with GENERAL.open(encoding="utf-8", newline="") as lines:
        return [
            Modification(pattern=row["pattern"], name=row["name"], kind=row["kind"], mass_shift_da=0.0, n_pairs=0, n_sites=0)
            for row in csv.DictReader(lines, delimiter="\t")
        ]


def _counted(row: Modification, molecules: Mapping[str, Any]) -> General:
    compound_of = {Chem.MolToSmiles(mol): compound for compound, mol in molecules.items()}
    found = General(row)
    for compound, mol in molecules.items():
        products = list(modified(mol, row)) if applicable(mol, row) else []
        if not products:
            continue
        shift = rdMolDescriptors.CalcExactMolWt(products[0]) - rdMolDescriptors.CalcExactMolWt(mol)
        found.modification = replace(row, mass_shift_da=round(shift, 5) + 0.0)
        found.products[compound] = len(products)
        others = (compound_of.get(Chem.MolToSmiles(product)) for product in products)
        found.pairs |= {frozenset((compound, other)) for other in others if other not in {None, compound}}
    return found


def _connect(pairs: Pairs, singles: Mapping[str, list[tuple[str, str, str]]], doubles: Mapping[tuple[str, str], list[tuple[str, str]]]) -> None:
    smallest: dict[frozenset[str], tuple[float, set[Exchange]]] = {}
    size: dict[str, int] = {}

    def heavy(smiles: str) -> int:
        if smiles not in size:
            size[smiles] = _n_heavy(smiles)
        return size[smiles]

    def note(first: str, second: str, exchange: Exchange, kept: int) -> None:
        pair = frozenset((first, second))
        here, there = heavy(exchange.before), heavy(exchange.after)
        exchanged = here + there + (0.5 if not exchange.context else 0.0)  # one cut is said more simply than two
        if exchanged > MOST_EXCHANGED or max(here, there) > kept:
            return
        back = Exchange(exchange.context, exchange.after, exchange.before)
        for way in (exchange, back):
            pairs.all_pairs[way].add(pair)
        best = smallest.get(pair, (float("inf"), set()))
        if exchanged < best[0]:
            smallest[pair] = (exchanged, {exchange, back})
        elif exchanged == best[0]:
            best[1].update((exchange, back))

    for core, members in sorted(singles.items()):
        for number, (first, context, before) in enumerate(members):
            for second, _, after in members[number + 1 :]:
                if first != second and before != after:
                    note(first, second, Exchange(context, before, after), heavy(core))
    for ends, middles in sorted(doubles.items()):
        for number, (first, one) in enumerate(middles):
            for second, two in middles[number + 1 :]:
                if first != second and one != two:
                    note(first, second, Exchange("", one, two), heavy(ends[0]) + heavy(ends[1]))
    for pair, (_, ways) in smallest.items():
        for way in ways:
            pairs.minimal[way].add(pair)


def without(pairs: Pairs, excluded: frozenset[str] = frozenset()) -> tuple[Modification, ...]:
    """The rows of the table as if the excluded substances had never been known; the most frequent first."""
    rows = []
    for exchange, reasons in pairs.minimal.items():
        if sum(not pair & excluded for pair in reasons) < FEWEST_PAIRS:
            continue
        n_pairs = sum(not pair & excluded for pair in pairs.all_pairs[exchange])
        places = pairs.sites[exchange.context, exchange.before]
        n_sites = sum(number for compound, number in places.items() if compound not in excluded)
        pattern = pattern_of(exchange.context, exchange.before, exchange.after)
        rows.append(
            Modification(
                pattern=pattern,
                name=name_of(exchange.context, exchange.before, exchange.after),
                kind=kind_of(exchange.before, exchange.after),
                mass_shift_da=round(group_mass(exchange.after) - group_mass(exchange.before), 5) + 0.0,
                n_pairs=n_pairs,
                n_sites=n_sites,
            )
        )
    for general in pairs.general:
        n_pairs = sum(not pair & excluded for pair in general.pairs)
        if n_pairs >= FEWEST_PAIRS:
            n_sites = sum(number for compound, number in general.products.items() if compound not in excluded)
            rows.append(replace(general.modification, n_pairs=n_pairs, n_sites=n_sites))
    return tuple(sorted(rows, key=lambda row: (-row.n_pairs, row.pattern)))


def saved_pairs(substances: Iterable[Substance], path: Path) -> Pairs:
    """The pairs, counted once: as JSON, exchanges that are the reason of too few pairs left out."""
    if not path.is_file():
        counted = count_pairs(substances)
        kept = {exchange: reasons for exchange, reasons in counted.minimal.items() if len(reasons) >= FEWEST_PAIRS}
        fields = {
            "exchanges": [
                [*(e.context, e.before, e.after), _listed(reasons), _listed(counted.all_pairs[e])] for e, reasons in kept.items()
            ],
            "sites": [[*place, counted.sites[place]] for place in sorted({(e.context, e.before) for e in kept})],
            "general": [[asdict(g.modification), _listed(g.pairs), g.products] for g in counted.general],
        }
        path.write_text(json.dumps(fields), encoding="utf-8")
    fields = json.loads(path.read_text(encoding="utf-8"))
    pairs = Pairs()
    for context, before, after, reasons, every in fields["exchanges"]:
        exchange = Exchange(context, before, after)
        pairs.minimal[exchange] = {frozenset(pair) for pair in reasons}
        pairs.all_pairs[exchange] = {frozenset(pair) for pair in every}
    for context, before, places in fields["sites"]:
        pairs.sites[context, before] = places
    pairs.general = [General(Modification(**row), {frozenset(pair) for pair in listed}, products) for row, listed, products in fields["general"]]
    return pairs


def _listed(pairs: Iterable[frozenset[str]]) -> list[list[str]]:
    return sorted(sorted(pair) for pair in pairs)


def write(rows: Iterable[Modification], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([row.pattern, row.name, row.kind, f"{row.mass_shift_da:.5f}", row.n_pairs, row.n_sites])


def main() -> None:
    rows = without(count_pairs(open_catalogue().substances))
    write(rows, TABLE)
    print(f"{len(rows)} modifications that connect {FEWEST_PAIRS} pairs of catalogue substances or more: {TABLE.name}")


if __name__ == "__main__":
    main()
