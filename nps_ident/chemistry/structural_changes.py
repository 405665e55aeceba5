"""The difference between two structures in words: "4-bromo on the aniline ring of fentanyl".

Both molecules are cut at single bonds (and at terminal double bonds) into a core and one or two named groups; where the cores are
equal, the groups are the difference (matched molecular pairs, Hussain and Rea 2010, doi:10.1021/ci900450m).  Places are named, and numbered,
in the substance of the catalogue.  Every sentence is verified by acting on it: the groups, put on that substance at the places named in
place of its own, must give the query.  What cannot be said so is told as a difference of formulae, never guessed.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.formula import exact_mass, parse_formula
from nps_ident.chemistry.sites import Place, places_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Difference", "formula_difference", "structural_difference"]

_LARGEST_GROUP = 16
"""Heavy atoms of a group: the largest of ``substituents.tsv`` has 14."""

_MOST_CUTS = 16
"""Named cuts of one molecule that are combined in pairs; fentanyls and cannabinoids have up to 12."""

# Groups removed from the query and from the other molecule, by number of changes.
_STEPS = {1: ((1, 0), (0, 1), (1, 1)), 2: ((2, 0), (0, 2), (2, 1), (1, 2), (2, 2))}

_MOST_OVERLAYS = 256
"""Ways to lay two equal cores over each other; a core with several symmetric rings has under 100."""

_CHAIN_PENALTY = 3
"""Atoms by which an exchange on a chain must be smaller than one on a ring or nitrogen to be said instead: benzyl for 2-phenylethyl on the
piperidine of fentanyl reads better than phenyl for benzyl beside its nitrogen."""

_DOUBLE_ENDS = frozenset({8, 16})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a query has instead of a substance of the catalogue.

    Parameters
    ----------
    text : str
        One clause, without a full stop.
    named : bool
        Whether place and groups are named and verified; else the text gives the difference of the formulae.
    n_changes : int
        Groups added, removed or exchanged; 0 where not named.
    kind : int
        0 all groups added, 1 some exchanged, 2 some only removed, 3 not named: the order in which a chemist would prefer the sentences.
    placed : bool
        Whether the sentence says where; false where the name of the exchanged group alone says it.
    """

    text: str
    named: bool
    n_changes: int
    kind: int
    placed: bool = True


@dataclass(frozen=True, slots=True)
class _Cut:
    """A group and where it hangs."""

    site: int
    atoms: frozenset[int]
    smiles: str
    name: str


@dataclass(frozen=True, slots=True)
class _Dissected:
    """A molecule with its named cuts, and the cores they leave: core SMILES to the cuts."""

    mol: Any
    cuts: tuple[_Cut, ...]
    places: dict[int, Place]
    cores: tuple[dict[str, list[tuple[_Cut, ...]]], ...]


@lru_cache(maxsize=1)
def _group_names() -> dict[str, str]:
    with (resources.files("nps_ident.chemistry") / "substituents.tsv").open(encoding="utf-8") as lines:
        return {Chem.MolToSmiles(Chem.MolFromSmiles(row["smiles"])): row["name"] for row in csv.DictReader(lines, delimiter="\t")}


def _beyond(mol: Any, site: int, first: int) -> frozenset[int]:
    """Collect the atoms on the far side of the bond from ``site`` to ``first``; the bond is in no ring."""
    seen, waiting = {site, first}, [first]
    while waiting:
        for neighbour in mol.GetAtomWithIdx(waiting.pop()).GetNeighbors():
            if neighbour.GetIdx() not in seen:
                seen.add(neighbour.GetIdx())
                waiting.append(neighbour.GetIdx())
    return frozenset(seen - {site})


def _group_smiles(mol: Any, site: int, atoms: frozenset[int]) -> str:
    """Write a group with ``*`` where it hangs."""
    part = Chem.RWMol(mol)
    part.ReplaceAtom(site, Chem.Atom(0))
    part.BeginBatchEdit()
    for atom in range(mol.GetNumAtoms()):
        if atom != site and atom not in atoms:
            part.RemoveAtom(atom)
    part.CommitBatchEdit()
    return str(Chem.MolToSmiles(part))


def _named_cuts(mol: Any) -> tuple[_Cut, ...]:
    names, cuts = _group_names(), []
    for bond in mol.GetBonds():
        terminal_double = bond.GetBondType() == Chem.BondType.DOUBLE and any(
            end.GetDegree() == 1 and end.GetAtomicNum() in _DOUBLE_ENDS for end in (bond.GetBeginAtom(), bond.GetEndAtom())
        )
        if bond.IsInRing() or not (bond.GetBondType() == Chem.BondType.SINGLE or terminal_double):
            continue
        for site, first in ((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()), (bond.GetEndAtomIdx(), bond.GetBeginAtomIdx())):
            atoms = _beyond(mol, site, first)
            small = len(atoms) <= min(_LARGEST_GROUP, 2 * mol.GetNumAtoms() // 3)
            if not small or mol.GetAtomWithIdx(site).GetFormalCharge():
                continue
            smiles = _group_smiles(mol, site, atoms)
            if smiles in names:
                cuts.append(_Cut(site, atoms, smiles, names[smiles]))
    return tuple(sorted(cuts, key=lambda cut: (len(cut.atoms), cut.smiles, cut.site)))


def _stripped(mol: Any, cuts: Sequence[_Cut], *, marked: bool = False) -> Any:
    """Take groups off, hydrogens in their place; None where that leaves no molecule.

    Every atom keeps its old index in the property ``origin``; ``marked`` numbers the places in the order given.
    """
    core = Chem.RWMol(mol)
    for atom in core.GetAtoms():
        atom.SetIntProp("origin", atom.GetIdx())
    for number, cut in enumerate(cuts, 1):
        site = core.GetAtomWithIdx(cut.site)
        order = sum(int(bond.GetBondTypeAsDouble()) for bond in site.GetBonds() if bond.GetOtherAtomIdx(cut.site) in cut.atoms)
        if site.GetIsAromatic() and site.GetAtomicNum() == 7:
            site.SetNumExplicitHs(site.GetNumExplicitHs() + order)
        if marked:
            site.SetAtomMapNum(number)
    core.BeginBatchEdit()
    for removed in sorted(removed for cut in cuts for removed in cut.atoms):
        core.RemoveAtom(removed)
    core.CommitBatchEdit()
    try:
        Chem.SanitizeMol(core)
    except (Chem.AtomValenceException, Chem.KekulizeException):
        return None
    return core


def _core(mol: Any, cuts: Sequence[_Cut], *, marked: bool = False) -> str | None:
    """Write what is left without some groups; None where nothing sensible is."""
    core = _stripped(mol, cuts, marked=marked)
    return None if core is None else str(Chem.MolToSmiles(core))


@lru_cache(maxsize=2048)
def _dissected(smiles: str) -> _Dissected:
    mol = Chem.MolFromSmiles(smiles)
    cuts = _named_cuts(mol)
    hanging: dict[int, list[str]] = defaultdict(list)
    for cut in cuts:
        hanging[cut.site].append(cut.name)
    singles: dict[str, list[tuple[_Cut, ...]]] = defaultdict(list)
    for cut in cuts:
        core = _core(mol, (cut,))
        if core:
            singles[core].append((cut,))
    return _Dissected(mol, cuts, places_in(mol, hanging), ({smiles: [()]}, dict(singles)))


@lru_cache(maxsize=512)
def _pairs(smiles: str) -> dict[str, list[tuple[_Cut, ...]]]:
    """Remove two groups at a time that do not touch, each at a named place."""
    dissected = _dissected(smiles)
    usable = [cut for cut in dissected.cuts if cut.site in dissected.places][:_MOST_CUTS]
    cores: dict[str, list[tuple[_Cut, ...]]] = defaultdict(list)
    for first, second in combinations(usable, 2):
        apart = not first.atoms & second.atoms and first.site not in second.atoms and second.site not in first.atoms
        core = _core(dissected.mol, (first, second)) if apart else None
        if core:
            cores[core].append((first, second))
    return dict(cores)


def _cores(smiles: str, n_cuts: int) -> dict[str, list[tuple[_Cut, ...]]]:
    return _pairs(smiles) if n_cuts == 2 else _dissected(smiles).cores[n_cuts]


def _attached(core: Any, additions: Sequence[tuple[int, str]]) -> str | None:
    """Put groups on atoms of a core; None where a valence forbids it."""
    mol = Chem.RWMol(core)
    for site, smiles in additions:
        group = Chem.MolFromSmiles(smiles)
        dummy = next(atom for atom in group.GetAtoms() if atom.GetAtomicNum() == 0)
        bond = dummy.GetBonds()[0]
        offset = mol.GetNumAtoms()
        mol.InsertMol(group)
        mol.AddBond(site, offset + bond.GetOtherAtomIdx(dummy.GetIdx()), bond.GetBondType())
        atom = mol.GetAtomWithIdx(site)
        atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - int(bond.GetBondTypeAsDouble())))
        mol.RemoveAtom(offset + dummy.GetIdx())
    try:
        Chem.SanitizeMol(mol)
    except (Chem.AtomValenceException, Chem.KekulizeException):
        return None
    return str(Chem.MolToSmiles(mol))


def _is_only_one(dissected: _Dissected, cut: _Cut) -> bool:
    """Whether the molecule has just one group of that name, up to symmetry, so that its name alone says which is meant."""
    same = {_core(dissected.mol, (other,), marked=True) for other in dissected.cuts if other.name == cut.name}
    return len(same) == 1


def _n_equal(dissected: _Dissected, cut: _Cut) -> int:
    """Count the groups that are equal to this one by symmetry, itself included: the two ethyl groups of a diethylamine."""
    marked = _core(dissected.mol, (cut,), marked=True)
    return sum(other.name == cut.name and _core(dissected.mol, (other,), marked=True) == marked for other in dissected.cuts)


@dataclass(frozen=True, slots=True)
class _Worded:
    """A verified wording and how it ranks: the lower, the better.

    ``roundabout`` marks what two changes may say better: diethylamino instead of amino is N,N-diethyl.
    """

    kind: int
    unplaced: int
    size: int
    text: str
    roundabout: bool = False

    @property
    def rank(self) -> tuple[bool, int, int, int, str]:
        return self.roundabout, self.unplaced, self.size, self.kind, self.text


@dataclass(frozen=True, slots=True)
class _Change:
    """One group more, less or exchanged, at a place of the substance of the catalogue; ``of_several`` equal ones there."""

    place: Place
    new: str | None = None
    old: str | None = None
    old_place: Place | None = None
    of_several: bool = False

    @property
    def locant(self) -> int:
        return int(self.place.label[:-1]) if self.place.in_ring else 0


def _placements(here: _Dissected, mine: tuple[_Cut, ...], there: _Dissected, theirs: tuple[_Cut, ...]) -> Iterator[tuple[int, ...]]:
    """Find the atoms of the other molecule on which the query's groups hang, for every way of laying the equal cores over each other.

    Each way is verified: the groups, put on those atoms of the other molecule in place of its own, must give the query.
    """
    own, other = _stripped(here.mol, mine), _stripped(there.mol, theirs)
    if own is None or other is None:
        return
    origin = [atom.GetIntProp("origin") for atom in other.GetAtoms()]
    index = {atom.GetIntProp("origin"): atom.GetIdx() for atom in own.GetAtoms()}
    target, seen = Chem.MolToSmiles(here.mol), set()
    for overlay in other.GetSubstructMatches(own, uniquify=False, maxMatches=_MOST_OVERLAYS):
        sites = tuple(overlay[index[cut.site]] for cut in mine)
        if sites in seen:
            continue
        seen.add(sites)
        if _attached(other, [(site, cut.smiles) for site, cut in zip(sites, mine, strict=True)]) == target:
            yield tuple(origin[site] for site in sites)


def _changes(mine: tuple[_Cut, ...], sites: tuple[int, ...], there: _Dissected, theirs: tuple[_Cut, ...]) -> tuple[_Change, ...] | None:
    """Pair groups on one atom into exchanges, the others stand alone; None where a place has no name, or the name two meanings."""
    used = [*sites, *(cut.site for cut in theirs)]
    if any(site not in there.places for site in used):
        return None
    twins = any(sum(place == there.places[site] for place in there.places.values()) > 1 for site in used)
    if twins and len(set(used)) > 1:
        return None  # "4-bromo and 2-bromo on the benzyl ring" of a dibenzylamine: on one ring or on two?
    rest, changes = list(theirs), []
    for cut, site in zip(mine, sites, strict=True):
        place = there.places[site]
        old = next((other for other in rest if other.site == site), None)
        if old is None and len(mine) == len(theirs) == 1 and place.name == there.places[theirs[0].site].name and place.name.endswith("ring"):
            old = theirs[0]  # moved on one ring: told as an exchange of locants
        if old is None:
            changes.append(_Change(place, new=cut.name))
            continue
        rest.remove(old)
        before = there.places[old.site]
        if old.name == cut.name and before == place:
            return None
        changes.append(_Change(place, new=cut.name, old=old.name, old_place=before, of_several=_n_equal(there, old) > 1))
    changes += [_Change(there.places[cut.site], old=cut.name, of_several=_n_equal(there, cut) > 1) for cut in rest]
    return tuple(changes)


def _worded(query: str, mine: tuple[_Cut, ...], other: str, theirs: tuple[_Cut, ...]) -> _Worded | None:
    """Put one difference into words; None where a place has no name or the words would not lead to the query."""
    here, there = _dissected(query), _dissected(other)
    options = [
        changes for sites in _placements(here, mine, there, theirs) if (changes := _changes(mine, sites, there, theirs)) is not None
    ]
    if not options:
        return _worded_without_place(here, mine, there, theirs)

    def order(changes: tuple[_Change, ...]) -> tuple[int, list[int], list[tuple[str, int]]]:
        named = [(change.new, change.locant) for change in changes if change.new is not None]
        return len(changes), sorted(locant for _, locant in named), sorted(named)

    changes = min(options, key=order)
    kind = max(0 if change.old is None else 1 if change.new else 2 for change in changes)
    exchanges = [change for change in changes if change.new and change.old]
    size = sum(len(cut.atoms) for cut in (*mine, *theirs)) + _CHAIN_PENALTY * sum(not change.place.in_ring for change in exchanges)
    roundabout = any(f"{change.new}".endswith("amino") and f"{change.old}".endswith("amino") for change in exchanges)
    return _Worded(kind, 0, size, _sentence(changes), roundabout)


def _prefixed(labels: Sequence[str], name: str) -> str:
    """Join locants and name: 4-bromo, 1-(2-phenylethyl), 3,4-dichloro, 2,4-bis(methylthio)."""
    own = name.startswith("N") or any(character.isdigit() for character in name)
    locants = ",".join(label[:-1] for label in labels)
    if len(labels) > 1:
        return f"{locants}-bis({name})" if own or "(" in name or "thio" in name else f"{locants}-di{name}"
    return f"{locants}-({name})" if own else f"{locants}-{name}"


def _sentence(changes: Sequence[_Change]) -> str:
    """Word all changes: what is added where, what is exchanged, what is missing."""
    added: dict[str, dict[str, list[_Change]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        if change.new is not None and change.old is None:
            added[change.place.name][change.new].append(change)
    phrases = []
    for place, groups in sorted(added.items()):
        told = [(sorted(group, key=lambda change: change.locant), name) for name, group in groups.items()]
        told.sort(key=lambda item: (item[0][0].locant, item[1]))
        phrases.append(" and ".join(_prefixed([change.place.label for change in group], name) for group, name in told) + f" on the {place}")
    for change in changes:
        if change.new is not None and change.old is not None and change.old_place is not None:
            before = ("one " if change.of_several else "") + _prefixed([change.old_place.label], change.old)
            phrases.append(f"{_prefixed([change.place.label], change.new)} instead of {before} on the {change.place.name}")
    for change in changes:
        if change.new is None and change.old is not None:
            article = "one" if change.of_several else "the"
            phrases.append(f"without {article} {_prefixed([change.place.label], change.old)} on the {change.place.name}")
    return " and ".join(phrases)


def _remoteness(mol: Any, site: int) -> int:
    """Rank a place without a name: heteroatoms, rings and branches first, then carbonyl carbons, then the middle of a chain."""
    atom = mol.GetAtomWithIdx(site)
    if any(bond.GetBondType() == Chem.BondType.DOUBLE for bond in atom.GetBonds()):
        return 2
    return 1 if atom.GetAtomicNum() != 6 or atom.IsInRing() or atom.GetDegree() > 2 else 3


def _worded_without_place(here: _Dissected, mine: tuple[_Cut, ...], there: _Dissected, theirs: tuple[_Cut, ...]) -> _Worded | None:
    """Word the loss or exchange of one group at a place without a name, where the group is the only one of its name."""
    if len(mine) > 1 or len(theirs) != 1 or not _is_only_one(there, theirs[0]):
        return None
    [old] = theirs
    far = _remoteness(there.mol, old.site)
    if far > 2:
        return None  # "without the methyl group" says nothing of a chain that is one carbon shorter
    which = f"the {old.name} group" if _n_equal(there, old) == 1 else f"one of the {old.name} groups"
    if not mine:
        return _Worded(2, far, len(old.atoms), f"without {which}")
    [new] = mine
    if new.name == old.name or _core(here.mol, mine, marked=True) != _core(there.mol, theirs, marked=True):
        return None
    roundabout = new.name.endswith("amino") and old.name.endswith("amino")
    return _Worded(1, far, len(new.atoms) + len(old.atoms), f"{new.name} instead of {which}", roundabout)


def _aza_exchange(query: str, other: str) -> str | None:
    """Word the exchange of one aromatic N for CH where both ring systems have names: indole instead of indazole."""
    for first, second, turned in ((query, other, False), (other, query, True)):
        here, there = _dissected(first), _dissected(second)
        rings = {place.name for place in there.places.values() if place.in_ring}
        for atom in here.mol.GetAtoms():
            place = here.places.get(atom.GetIdx())
            if not (atom.GetIsAromatic() and atom.GetAtomicNum() == 7 and atom.GetDegree() == 2 and not atom.GetTotalNumHs() and place):
                continue
            changed = Chem.RWMol(here.mol)
            changed.GetAtomWithIdx(atom.GetIdx()).SetAtomicNum(6)
            gained = rings - {known.name for known in here.places.values()}
            if Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(changed))) == second and len(gained) == 1:
                [new] = gained
                return f"{place.name} instead of the {new}" if not turned else f"{new} instead of the {place.name}"
    return None


def _wordings(query: str, other: str, n_mine: int, n_theirs: int) -> Iterator[_Worded]:
    ours, others = _cores(query, n_mine), _cores(other, n_theirs)
    for core in sorted(ours.keys() & others.keys()):
        for mine, theirs in product(ours[core], others[core]):
            if any(cut.name == old.name for cut in mine for old in theirs) and (n_mine, n_theirs) != (1, 1):
                continue  # the same group off and on again is a longer way round
            worded = _worded(query, mine, other, theirs)
            if worded:
                yield worded


def formula_difference(query: Any, other: Any) -> str:
    """Write what a molecule has more and less than another: ``+C2H4 (+28.0313 Da)``; ``an isomer`` where there is nothing.

    Parameters
    ----------
    query, other : rdkit.Chem.Mol

    Returns
    -------
    str
    """
    mine, theirs = (parse_formula(rdMolDescriptors.CalcMolFormula(mol)) for mol in (query, other))
    change = {symbol: mine.get(symbol, 0) - theirs.get(symbol, 0) for symbol in sorted(mine.keys() | theirs.keys())}
    more = "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in change.items() if count > 0)
    less = "".join(f"{symbol}{-count if count < -1 else ''}" for symbol, count in change.items() if count < 0)
    if not more and not less:
        return "an isomer"
    mass = sum(exact_mass(symbol) * count for symbol, count in change.items())
    return " ".join(filter(None, (more and f"+{more}", less and f"-{less}"))) + f" ({mass:+.4f} Da)"


def structural_difference(query: Any, other: Any, name: str, *, max_changes: int = 2) -> Difference:
    """Say in words how a query differs from a substance of the catalogue.

    Parameters
    ----------
    query, other : rdkit.Chem.Mol
        Parents.  Stereochemistry and isotopes are left out here; their relation is named elsewhere.
    name : str
        Of the substance, for the sentence.
    max_changes : {1, 2}
        Groups that may be removed from each of the two: 2 is thorough, 1 four times as fast.

    Returns
    -------
    Difference
        Where the change cannot be named for certain, ``named`` is false and the text gives the difference of the formulae.
    """
    with rdBase.BlockLogs():
        here, there = flattened(query), flattened(other)
        mine, theirs = Chem.MolToSmiles(here), Chem.MolToSmiles(there)
        if mine == theirs:
            return Difference(text=f"the same connections as {name}", named=True, n_changes=0, kind=0)
        ring = _aza_exchange(mine, theirs)
        if ring:
            return Difference(text=f"{ring} of {name}", named=True, n_changes=1, kind=1)
        found: list[tuple[_Worded, int]] = []
        for n_changes in range(1, max_changes + 1):
            found += [(wording, n_changes) for step in _STEPS[n_changes] for wording in _wordings(mine, theirs, *step)]
            if any(not wording.roundabout for wording, _ in found):
                break
        if found:
            best, n_changes = min(found, key=lambda item: item[0].rank)
            return Difference(text=f"{best.text} of {name}", named=True, n_changes=n_changes, kind=best.kind, placed=not best.unplaced)
        change = formula_difference(here, there)
        text = f"an isomer of {name} with other connections" if change == "an isomer" else f"differs from {name} by {change}"
        return Difference(text=text, named=False, n_changes=0, kind=3, placed=False)
