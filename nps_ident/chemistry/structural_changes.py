"""The difference between two structures in words: "4-bromo on the aniline ring of fentanyl".

Both molecules are cut at single bonds (and at terminal double bonds) into a core and one or two named groups; where the cores are
equal, the groups are the difference (matched molecular pairs, Hussain and Rea 2010, doi:10.1021/ci900450m).  Places are named, and numbered,
in the substance of the catalogue.  Every sentence is verified by acting on it: the groups, put on that substance at the places named in
place of its own, must give the query.  What cannot be said so is told as a difference of formulae, never guessed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from nps_ident.chemistry.dissection import Cut, Dissected, attached, core_smiles, cores, dissected, stripped
from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.formula import exact_mass, parse_formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nps_ident.chemistry.sites import Place

__all__ = ["Difference", "formula_difference", "structural_difference"]

# Groups removed from the query and from the other molecule, by number of changes.
_STEPS = {1: ((1, 0), (0, 1), (1, 1)), 2: ((2, 0), (0, 2), (2, 1), (1, 2), (2, 2))}

_MOST_OVERLAYS = 256
"""Ways to lay two equal cores over each other; a core with several symmetric rings has under 100."""

_CHAIN_PENALTY = 3
"""Atoms by which an exchange on a chain must be smaller than one on a ring or nitrogen to be said instead: benzyl for 2-phenylethyl on the
piperidine of fentanyl reads better than phenyl for benzyl beside its nitrogen."""


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


def _is_only_one(whole: Dissected, cut: Cut) -> bool:
    """Whether the molecule has just one group of that name, up to symmetry, so that its name alone says which is meant."""
    same = {core_smiles(whole.mol, (other,), marked=True) for other in whole.cuts if other.name == cut.name}
    return len(same) == 1


def _n_equal(whole: Dissected, cut: Cut) -> int:
    """Count the groups that are equal to this one by symmetry, itself included: the two ethyl groups of a diethylamine."""
    marked = core_smiles(whole.mol, (cut,), marked=True)
    return sum(other.name == cut.name and core_smiles(whole.mol, (other,), marked=True) == marked for other in whole.cuts)


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


def _placements(here: Dissected, mine: tuple[Cut, ...], there: Dissected, theirs: tuple[Cut, ...]) -> Iterator[tuple[int, ...]]:
    """Find the atoms of the other molecule on which the query's groups hang, for every way of laying the equal cores over each other.

    Each way is verified: the groups, put on those atoms of the other molecule in place of its own, must give the query.
    """
    own, other = stripped(here.mol, mine), stripped(there.mol, theirs)
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
        if attached(other, [(site, cut.smiles) for site, cut in zip(sites, mine, strict=True)]) == target:
            yield tuple(origin[site] for site in sites)


def _names_the_place(cut: Cut, place: Place) -> bool:
    """Whether a place is named after the very ring or carbonyl group that goes."""
    named_after = place.label in {"alpha-", "beta-"} or place.name.startswith("anil")
    return named_after and cut.smiles.startswith(("*c", "*C(=O)c") if place.label != "N-" else "*c")


def _changes(mine: tuple[Cut, ...], sites: tuple[int, ...], there: Dissected, theirs: tuple[Cut, ...]) -> tuple[_Change, ...] | None:
    """Pair groups on one atom into exchanges, the others stand alone; None where a place has no name, or the name two meanings."""
    used = [*sites, *(cut.site for cut in theirs)]
    if any(site not in there.places for site in used):
        return None
    if any(_names_the_place(cut, there.places[cut.site]) for cut in theirs):
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


def _worded(query: str, mine: tuple[Cut, ...], other: str, theirs: tuple[Cut, ...]) -> _Worded | None:
    """Put one difference into words; None where a place has no name or the words would not lead to the query."""
    here, there = dissected(query), dissected(other)
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
    lost: dict[tuple[str, str], list[_Change]] = defaultdict(list)
    for change in changes:
        if change.new is None and change.old is not None:
            lost[change.place.name, change.old].append(change)
    for (place, name), group in lost.items():
        article = "one" if len(group) == 1 and group[0].of_several else "the"
        labels = [change.place.label for change in sorted(group, key=lambda change: change.locant)]
        phrases.append(f"without {article} {_prefixed(labels, name)} on the {place}")
    return " and ".join(phrases)


def _remoteness(mol: Any, site: int) -> int:
    """Rank a place without a name: heteroatoms, rings and branches first, then carbonyl carbons, then the middle of a chain."""
    atom = mol.GetAtomWithIdx(site)
    if any(bond.GetBondType() == Chem.BondType.DOUBLE for bond in atom.GetBonds()):
        return 2
    return 1 if atom.GetAtomicNum() != 6 or atom.IsInRing() or atom.GetDegree() > 2 else 3


def _worded_without_place(here: Dissected, mine: tuple[Cut, ...], there: Dissected, theirs: tuple[Cut, ...]) -> _Worded | None:
    """Word the loss or exchange of one group at a place without a name, where the group is the only one of its name."""
    if len(mine) > 1 or len(theirs) != 1 or not _is_only_one(there, theirs[0]):
        return None
    [old] = theirs
    far = 1 if mine and old.smiles.startswith("*c") else _remoteness(there.mol, old.site)
    if far > 2:
        return None  # "without the methyl group" says nothing of a chain that is one carbon shorter
    which = f"the {old.name} group" if _n_equal(there, old) == 1 else f"one of the {old.name} groups"
    if not mine:
        return _Worded(2, far, len(old.atoms), f"without {which}")
    [new] = mine
    if new.name == old.name or core_smiles(here.mol, mine, marked=True) != core_smiles(there.mol, theirs, marked=True):
        return None
    roundabout = new.name.endswith("amino") and old.name.endswith("amino")
    return _Worded(1, far, len(new.atoms) + len(old.atoms), f"{new.name} instead of {which}", roundabout)


def _aza_exchange(query: str, other: str) -> str | None:
    """Word the exchange of one aromatic N for CH where both ring systems have names: indole instead of indazole."""
    for first, second, turned in ((query, other, False), (other, query, True)):
        here, there = dissected(first), dissected(second)
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
    ours, others = cores(query, n_mine), cores(other, n_theirs)
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
