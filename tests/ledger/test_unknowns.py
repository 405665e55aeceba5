"""Promises of the open questions: what opens, merges, is searched again and is closed, and above all what is not merged."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_up import ei_references, measured, msms_references
from unknown_variants import record_unknown, unknown

import nps_ident.identify as identify_package
from nps_ident.catalogue.store import SUBSTANCE_COLUMNS
from nps_ident.confidence.replicates import read_variability
from nps_ident.errors import CatalogueError, InputError, LedgerError
from nps_ident.identify.replaying import rerun
from nps_ident.ledger import open_ledger, record, verify
from nps_ident.ledger.next_measurements import TABLE, next_measurements, read_measurements
from nps_ident.ledger.replaying import replay
from nps_ident.ledger.researching import changed_since, close_item, open_today, research, settings_for
from nps_ident.ledger.unknowns import UnknownItem, find_item, maybe_the_same, read_unknowns
from nps_ident.library.build import build_library
from nps_ident.model import MassSpectrum, Source, Technique, Verdict
from nps_ident.reports.unknown_items import findings_of, item_dict

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unknowns.sqlite"


def _items(path: Path) -> tuple[UnknownItem, ...]:
    with open_ledger(path, read_only=True) as ledger:
        return read_unknowns(ledger)


def _recorded(path: Path, *spectra: MassSpectrum, **options: Any) -> tuple[UnknownItem, ...]:
    with open_ledger(path) as ledger, ledger.batch():
        for spectrum in spectra:
            record_unknown(ledger, spectrum, **options)
    return _items(path)


def _codes(item: UnknownItem) -> list[str]:
    return [finding.code for finding in findings_of(item, ())]


def _isomer(spectrum: MassSpectrum, *, share: float) -> MassSpectrum:
    """Another substance of the same mass: a share of its peaks stands elsewhere."""
    rng = np.random.default_rng(8)
    moved = rng.choice(spectrum.n_peaks, round(share * spectrum.n_peaks), replace=False)
    mz = spectrum.mz.copy()
    mz[moved] += 0.5 if spectrum.technique is Technique.MSMS else 331
    return replace(spectrum, name="isomer", mz=mz)


def test_an_unknown_variant_opens_an_item_with_its_spectrum_and_hypotheses(path: Path) -> None:
    spectrum = measured(ei_references()[5], name="exhibit 17")
    [item] = _recorded(path, spectrum, mass=350.2358)
    assert (item.id, item.state, item.technique) == ("U-00000001", "open", "EI-MS")
    assert item.observations[0].spectrum is not None
    assert np.array_equal(item.observations[0].spectrum.mz, spectrum.mz)
    assert item.variant["drug_class"] == "fentanyl"
    assert item.variant["predicted_mass_da"] == 350.2358
    assert item_dict(item, (), {})["hypotheses"]["nearest"] == [{"inchikey": "PJMPHNIQZUBGLI-UHFFFAOYSA-N", "name": "fentanyl"}]


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.UNKNOWN_VARIANT])
def test_no_other_verdict_opens_one(path: Path, verdict: Verdict) -> None:
    with open_ledger(path) as ledger:
        record(replace(unknown(measured(ei_references()[5])), verdict=verdict), ledger)
    assert _items(path) == ()


def test_a_spectrum_from_a_file_is_kept_in_the_record_because_files_go(path: Path) -> None:
    answer = unknown(replace(measured(ei_references()[5]), source=Source(file="gone.msp", index=3, sha256="a" * 64)))
    with open_ledger(path) as ledger:
        record(answer, ledger)
    [item] = _items(path)
    assert item.observations[0].spectrum == replace(answer.spectrum, source=None)
    assert item.observations[0].result["query"]["file"] == "gone.msp"


def test_a_record_of_a_version_that_kept_no_spectrum_is_read_from_its_file_if_that_is_the_same(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("m/z,intensity\n58,999\n91,200\n134,100\n", encoding="utf-8")
    import nps_ident as nps

    [spectrum] = nps.read_spectra(file, technique=Technique.EI_MS)
    with open_ledger(path) as ledger:
        for _ in range(2):
            entry = ledger.get(str(record(unknown(spectrum), ledger).record))
            ledger.append({key: value for key, value in entry.content.items() if key not in {"spectrum", "known"}})
        file.write_text("m/z,intensity\n58,999\n91,201\n134,100\n", encoding="utf-8")
    first = _items(path)[0]
    assert [o.missing is None for o in first.observations] == [True, True], "the records that keep their spectrum need no file"
    old = [item for item in _items(path) if item.observations[0].missing]
    assert len(old) == 2, "what cannot be compared is not merged"
    assert "has changed" in str(old[0].observations[0].missing)
    assert "UNK-003" in _codes(old[0])


@pytest.mark.parametrize("references", [ei_references, msms_references])
def test_two_exhibits_with_the_same_spectrum_merge_and_the_item_says_that_isomers_cannot_be_excluded(path: Path, references: Any) -> None:
    one, other = (measured(references()[5], seed=seed, name=f"exhibit {seed}") for seed in (1, 2))
    [item] = _recorded(path, one, other)
    assert [o.result["query"]["id"] for o in item.observations] == ["exhibit 1", "exhibit 2"]
    assert (item.observations[1].agreement or 0) >= read_variability().thresholds[one.technique]  # type: ignore[index]
    assert not item.observations[1].recorded
    assert _codes(item) == ["UNK-001", "UNK-002"]


@pytest.mark.parametrize("references", [ei_references, msms_references])
def test_isomers_of_equal_mass_do_not_merge_unless_their_spectra_agree(path: Path, references: Any) -> None:
    spectrum = measured(references()[5])
    apart = _recorded(path, spectrum, _isomer(spectrum, share=0.8), mass=350.2358)
    assert [len(item.observations) for item in apart] == [1, 1]
    together = _recorded(path, _isomer(spectrum, share=0.0), mass=350.2358)
    assert [len(item.observations) for item in together] == [2, 1]
    assert "UNK-002" in _codes(together[0])


def test_the_same_fragments_of_another_precursor_do_not_merge(path: Path) -> None:
    spectrum = measured(msms_references()[5])
    homologue = replace(spectrum, precursor_mz=(spectrum.precursor_mz or 0) + 14.0157)
    nameless = replace(spectrum, precursor_mz=None, precursor_decimals=None)
    assert len(_recorded(path, spectrum, homologue, nameless)) == 3


def test_ei_spectra_that_agree_but_were_predicted_other_masses_do_not_merge(path: Path) -> None:
    """Homologues with one dominant fragment have nearly the same EI spectrum."""
    with open_ledger(path) as ledger:
        for mass in (231.1623, 245.1780):
            record_unknown(ledger, measured(ei_references()[5]), mass=mass)
    assert len(_items(path)) == 2


def test_what_may_be_the_same_without_being_merged_is_named(path: Path) -> None:
    spectrum = measured(msms_references()[5])
    with open_ledger(path) as ledger:
        for query, mass in (
            (spectrum, 350.2358),
            (_isomer(spectrum, share=0.8), 350.2358),
            (measured(ei_references()[5]), 350.0),
            (measured(ei_references()[6]), 364.0),
            (measured(ei_references()[7]), None),
        ):
            record_unknown(ledger, query, mass=mass)
    items = _items(path)
    assert maybe_the_same(items[0], items) == (("U-00000002", "precursor"), ("U-00000003", "class and predicted mass"))
    assert [other for other, _ in maybe_the_same(items[2], items)] == ["U-00000001", "U-00000002"], "two EI spectra were compared and differ"
    assert maybe_the_same(items[3], items) == maybe_the_same(items[4], items) == ()
    assert "UNK-007" in str(item_dict(items[0], (), {}, items=items)["findings"])


def test_another_technique_does_not_merge(path: Path) -> None:
    assert len(_recorded(path, measured(ei_references()[5]), measured(msms_references()[5]))) == 2


def test_likenesses_do_not_chain(path: Path) -> None:
    """A ~ B and B ~ C do not make A and C one unknown: what joins is compared with the first spectrum alone."""
    first = measured(ei_references()[5], noise=0.0)
    mixed = [replace(first, intensity=first.intensity + share * first.intensity[::-1]) for share in (0.3, 0.9)]
    items = _recorded(path, first, *mixed)
    assert [len(item.observations) for item in items] == [2, 1]


def _grown(path: Path, tmp_path: Path, *, number: int = 5) -> tuple[UnknownItem, Library]:
    """An item that was opened when its substance had no reference, and the library that has one now."""
    references = ei_references()
    without = build_library(references[:number] + references[number + 1 :], tmp_path / "without", name="without")
    [item] = _recorded(path, measured(references[number]), library=[str(without.folder)])
    return item, build_library(references, tmp_path / "whole", name="whole")


def test_a_library_that_grew_makes_it_due_and_the_search_records_before_and_after(path: Path, tmp_path: Path) -> None:
    item, whole = _grown(path, tmp_path)
    same = open_today(settings_for(item))
    today = open_today(settings_for(item, library=[str(whole.folder)]))
    assert "without" in changed_since(item, same)[0], "the record was made by hand with another library's stamp"
    with open_ledger(path) as ledger:
        event = research(item, ledger, today, analyst="B. Chemist")
        answers = [ledger.get(answer["record"]) for answer in event["after"]]
        assert verify(ledger).holds
    assert [answer["verdict"] for answer in event["before"]] == ["unknown_variant"]
    assert [answer["verdict"] for answer in event["after"]] == ["match"]
    assert event["after"][0]["named"] == [{"inchikey": ei_references()[5].label.inchikey, "name": "Substance 5"}]
    assert event["changed"] is True
    [after] = _items(path)
    assert (after.state, after.researches[0]["analyst"]) == ("named", "B. Chemist")
    assert "UNK-006" in _codes(after)
    assert changed_since(after, today) == ()
    assert settings_for(after)["library"] == [str(whole.folder)], "the next search is like the last one"
    assert replay(answers[0], rerun).same
    assert answers[0].settings["research_of"] == item.id


def test_a_search_that_finds_nothing_new_says_so_and_opens_no_second_item(path: Path, tmp_path: Path) -> None:
    item, _ = _grown(path, tmp_path)
    today = open_today(settings_for(item))
    with open_ledger(path) as ledger:
        first = research(item, ledger, today)
        [again] = read_unknowns(ledger)
        second = research(again, ledger, today)
    assert second["changed"] is False
    assert second["before"] == first["after"]
    [after] = _items(path)
    assert (after.state, len(after.researches)) == ("open", 2)


def test_an_event_itself_is_no_identification_to_replay(path: Path, tmp_path: Path) -> None:
    item, _ = _grown(path, tmp_path)
    with open_ledger(path) as ledger:
        event = research(item, ledger, open_today(settings_for(item)))
        report = replay(ledger.get(event["record"]), rerun)
    assert not report.same
    assert "not an identification" in report.summary


def test_a_substance_new_in_the_catalogue_with_the_predicted_mass_and_class_is_told(path: Path, tmp_path: Path) -> None:
    table = tmp_path / "substances.tsv"

    def write(*rows: tuple[str, str, str, str]) -> None:
        cells = ["\t".join((key, name, "", "", "", mass, "", drug_class, "nps", "made up", "CC0")) for key, name, mass, drug_class in rows]
        table.write_text("\n".join(["\t".join(SUBSTANCE_COLUMNS), *cells]) + "\n", encoding="utf-8")

    old = ("AAAAAAAAAAAAAA-UHFFFAOYSA-N", "of that mass already", "350.2358", "fentanyl")
    write(old)
    library = build_library(ei_references(), tmp_path / "library", name="library")
    spectrum = _isomer(measured(ei_references()[5]), share=1.0)
    [item] = _recorded(path, spectrum, mass=350.2358, library=[str(library.folder)], catalogue=str(table))
    with open_ledger(path) as ledger:
        first = research(item, ledger, open_today(settings_for(item)))
        assert [row["name"] for row in first["listed"]] == ["of that mass already"]
        assert first["newly_listed"] == []
        of_another_class = ("CCCCCCCCCCCCCC-UHFFFAOYSA-N", "other", "350.2358", "cathinone")
        write(old, ("BBBBBBBBBBBBBB-UHFFFAOYSA-N", "new", "350.2358", "fentanyl"), of_another_class)
        [again] = read_unknowns(ledger)
        today = open_today(settings_for(again))
        assert changed_since(again, today) == ("the catalogue",)
        second = research(again, ledger, today)
    assert second["newly_listed"] == [{"inchikey": "BBBBBBBBBBBBBB-UHFFFAOYSA-N", "name": "new", "by": "mass and class"}]
    assert second["changed"] is True


def test_the_search_writes_down_who_joined_and_that_holds_whatever_the_rule_says_later(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, _ = _grown(path, tmp_path)
    _recorded(path, measured(ei_references()[5], seed=9), library=item.observations[0].settings["library"])
    [joined] = _items(path)
    with open_ledger(path) as ledger:
        research(joined, ledger, open_today(settings_for(joined)))
        merges = [entry.content["result"] for entry in ledger.entries() if entry.content["result"].get("event") == "merged"]
    assert [merge["joined"] for merge in merges] == [[joined.observations[1].record]]
    assert merges[0]["threshold"] == read_variability().thresholds[Technique.EI_MS]
    stricter = replace(read_variability(), thresholds=dict.fromkeys(Technique, 1.1))
    monkeypatch.setattr("nps_ident.ledger.unknowns.read_variability", lambda: stricter)
    [still] = _items(path)
    assert [o.recorded for o in still.observations] == [True, True]


def test_an_interrupted_search_keeps_what_was_recorded_and_the_rest_is_still_due(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = ei_references()
    library = build_library(references, tmp_path / "library", name="library")
    items = _recorded(path, *(measured(references[n]) for n in (5, 6)), library=[str(library.folder)])
    today = open_today(settings_for(items[0]))
    genuine, asked = identify_package.identify, []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return genuine(*arguments, **options)

    monkeypatch.setattr(identify_package, "identify", interrupted)
    with open_ledger(path) as ledger:
        research(items[0], ledger, today)
        with pytest.raises(KeyboardInterrupt):
            research(items[1], ledger, today)
    done, left = _items(path)
    assert (changed_since(done, today), len(left.researches)) == ((), 0)
    assert changed_since(left, today)
    with open_ledger(path) as ledger:
        assert verify(ledger).holds


def test_closing_records_who_why_and_what_it_was_and_deletes_nothing(path: Path) -> None:
    [item] = _recorded(path, measured(ei_references()[5]))
    with open_ledger(path) as ledger:
        n_before = len(ledger)
        event = close_item(item, ledger, analyst="B. Chemist", why="NMR", outcome="identified", inchikey="QQQQQQQQQQQQQQ-UHFFFAOYSA-N")
        assert len(ledger) == n_before + 1
    [closed] = _items(path)
    assert closed.state == "closed"
    assert (closed.closings[0]["analyst"], closed.closings[0]["why"], closed.closings[0]["record"]) == ("B. Chemist", "NMR", event["record"])
    with open_ledger(path) as ledger:
        with pytest.raises(InputError, match="closed already"):
            close_item(closed, ledger, analyst="C", why="wrong", outcome="artefact")
        with pytest.raises(InputError, match="is closed"):
            research(closed, ledger, open_today(settings_for(closed, library=(), starter=True)))
        close_item(closed, ledger, analyst="C. Chemist", why="the NMR was of another exhibit", outcome="not_pursued", correct=True)
    [corrected] = _items(path)
    assert [closing["outcome"] for closing in corrected.closings] == ["identified", "not_pursued"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"outcome": "gone"}, "expected one of identified"),
        ({"why": "  "}, "neither may be empty"),
        ({"analyst": ""}, "neither may be empty"),
        ({"inchikey": "no key"}, "is no InChIKey"),
        ({"inchikey": None}, "expected its InChIKey or its name"),
    ],
)
def test_a_closing_without_its_grounds_is_refused_and_nothing_recorded(path: Path, wrong: dict[str, Any], said: str) -> None:
    [item] = _recorded(path, measured(ei_references()[5]))
    given = {"analyst": "B", "why": "NMR", "outcome": "identified", "inchikey": "QQQQQQQQQQQQQQ-UHFFFAOYSA-N"}
    with open_ledger(path) as ledger:
        with pytest.raises(InputError, match=said):
            close_item(item, ledger, **(given | wrong))
        assert len(ledger) == 1


def test_the_same_spectrum_after_closing_opens_an_item_of_its_own_that_names_the_closed_one(path: Path) -> None:
    [item] = _recorded(path, measured(ei_references()[5], seed=1))
    with open_ledger(path) as ledger:
        close_item(item, ledger, analyst="B", why="NMR", outcome="identified", name="something")
    closed, new = _recorded(path, measured(ei_references()[5], seed=2))
    assert (len(closed.observations), new.state) == (1, "open")
    assert [join.item for join in new.resembles] == [closed.id]
    assert "UNK-004" in _codes(new)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET record = replace(record, 'fentanyl', 'cathinone') WHERE sequence = 1",
        "DELETE FROM records WHERE sequence = 1",
        "DELETE FROM records WHERE sequence = 3",
        "UPDATE records SET sequence = 9 WHERE sequence = 2",
    ],
)
def test_from_a_ledger_that_was_tampered_with_nothing_is_concluded(path: Path, statement: str) -> None:
    _recorded(path, *(measured(ei_references()[n]) for n in (4, 5, 6)))
    with closing(sqlite3.connect(path)) as db, db:
        for trigger in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger[0]}")
        db.execute(statement)
    with pytest.raises(LedgerError, match="ledger verify"):
        _items(path)


def test_a_record_changed_together_with_its_hash_is_noticed_at_the_next_one(path: Path) -> None:
    import hashlib

    _recorded(path, *(measured(ei_references()[n]) for n in (4, 5)))
    with closing(sqlite3.connect(path)) as db, db:
        for trigger in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger[0]}")
        changed = db.execute("SELECT record FROM records WHERE sequence = 1").fetchone()[0].replace("fentanyl", "cathinone")
        db.execute("UPDATE records SET record = ?, hash = ? WHERE sequence = 1", (changed, hashlib.sha256(changed.encode()).hexdigest()))
    with pytest.raises(LedgerError, match="record 2 is missing, was changed or is out of place"):
        _items(path)


@pytest.mark.parametrize(
    "event", [{"event": "closed"}, {"event": "closed", "item": "U-00000007"}, {"item": "U-00000001", "members": [{"x": 1}]}, {"members": 7}]
)
def test_an_event_of_another_form_is_one_sentence(path: Path, event: dict[str, Any]) -> None:
    _recorded(path, measured(ei_references()[5]))
    with open_ledger(path) as ledger:
        ledger.append({"settings": {}, "result": {"schema": "nps-ident/unknown/1", **event}})
    with pytest.raises(LedgerError):
        _items(path)


def test_an_item_is_found_by_its_id_its_number_and_the_record_of_any_of_its_spectra(path: Path) -> None:
    items = _recorded(path, *(measured(ei_references()[5], seed=seed) for seed in (1, 2)), measured(ei_references()[6]))
    joined = items[0].observations[1].record
    for text in ("U-00000001", "u-1", "1", "2", joined):
        assert find_item(items, text).id == "U-00000001"
    for wrong in ("U-00000009", "", "U-", "x\x1b[2J", "R-x-y", "9" * 400):
        with pytest.raises(InputError, match="no such unknown"):
            find_item(items, wrong)


def test_what_to_measure_next_depends_on_what_is_known(path: Path) -> None:
    ei, accurate = _recorded(path, measured(ei_references()[5]), measured(msms_references()[5]))
    with_mass = _recorded(path.with_name("other.sqlite"), measured(ei_references()[5]), mass=350.2)[0]
    first = [next_measurements(item)[0] for item in (ei, with_mass, accurate)]
    assert [(row.settles, row.category) for row in first] == [
        ("molecular mass and formula", "A"),
        ("molecular formula", "A"),
        ("molecular formula", "A"),
    ]
    assert "isotope pattern" in first[2].technique
    advised = {row.technique for row in next_measurements(accurate)}
    assert any("EI mass spectrum" in technique for technique in advised)
    assert not any("product-ion" in technique for technique in advised)


def test_every_row_of_the_advice_has_a_category_a_condition_and_a_source(tmp_path: Path) -> None:
    rows = read_measurements()
    assert {row.category for row in rows} <= {"A", "B", "C"}
    assert all("doi:" in row.source or "swgdrug.org" in row.source for row in rows)
    table = TABLE.read_text(encoding="utf-8").splitlines()
    for number, (place, wrong) in enumerate([(1, "D"), (2, "whenever"), (5, "")]):
        cells = table[1].split("\t")
        cells[place] = wrong
        copy = tmp_path / f"{number}.tsv"
        copy.write_text("\n".join([table[0], "\t".join(cells)]) + "\n", encoding="utf-8")
        with pytest.raises(CatalogueError, match=f"{number}.tsv:2: "):
            read_measurements(copy)


def test_reading_the_items_twice_gives_the_same(path: Path) -> None:
    _recorded(path, *(measured(ei_references()[n % 3], seed=n) for n in range(9)))
    once, again = (json.dumps([item_dict(item, (), {}) for item in _items(path)], sort_keys=True) for _ in range(2))
    assert once == again
