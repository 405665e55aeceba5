"""The journey of a street product: registered, gathered, left open, determined."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from made_up import ei_references, measured, msp
from shipped_ions import shipped_ions

from nps_ident.cli import main
from nps_ident.library.build import build_library

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from nps_ident.library.compiled import Library


def test_a_product_is_registered_gathered_and_determined(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q.msp").write_text(msp([measured(ei_references()[5], name="q")]), encoding="utf-8")
    (tmp_path / "e.yaml").write_text(
        "exhibit: X-1\nclaim: Героин, 5%\nmeasurements: [{technique: EI-MS, file: q.msp}]\n", encoding="utf-8"
    )
    exhibit = ["exhibit", str(tmp_path / "e.yaml"), "--no-starter", "--library", str(ei_library.folder)]
    assert main(["register", "product", "add", "5% heroin", "--synonym", "героин 5 %", "--why", "a label"]) == 0
    assert main(exhibit) == 0
    assert "composition undetermined, exhibits: 1" in capsys.readouterr().err
    assert main(exhibit) == 0, "again: the same exhibit counts once"
    capsys.readouterr()
    assert main(["register", "product", "show", "5% heroin", "--format", "json"]) == 0
    [shown] = json.loads(capsys.readouterr().out)
    assert [one["exhibit"] for one in shown["exhibits"]] == ["X-1", "X-1"]
    assert shown["exhibits"][0]["substances"] == ["Substance 5"]
    determine = ["register", "product", "determine", "S-000001", "--state", "determined", "--substance", "Heroin", "--why", "IR"]
    nonsense = [*determine[:-3], "nonsense", *determine[-2:]]
    assert main(nonsense) == 1
    assert "'nonsense' is no substance that is known" in capsys.readouterr().err
    assert main(determine) == 0
    assert main(exhibit) == 0
    assert "composition determined (Heroin), exhibits: 1" in capsys.readouterr().err
    assert main(["register", "product", "list", "--format", "csv"]) == 0
    assert "S-000001,5% heroin,determined" in capsys.readouterr().out


def test_whoever_holds_an_open_item_on_the_product_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JWH-073, by a library that does not hold it: an unknown variant."""
    [unknown] = [reference for reference in shipped_ions() if reference.name == "JWH-073"]
    build_library((one for one in shipped_ions() if one.name != "JWH-073"), tmp_path / "library", name="own")
    (tmp_path / "q.msp").write_text(msp([measured(unknown, noise=0.03, name="q")]), encoding="utf-8")
    (tmp_path / "e.yaml").write_text("exhibit: X-7\nclaim: 5% heroin\nmeasurements: [{technique: EI-MS, file: q.msp}]\n", encoding="utf-8")
    how = ["--no-starter", "--library", str(tmp_path / "library"), "--format", "jsonl", "--no-proposals"]
    assert main(["register", "product", "add", "5% heroin"]) == 0
    capsys.readouterr()
    assert main(["exhibit", str(tmp_path / "e.yaml"), *how]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["conclusion"] == "undetermined"
    [question] = answer["open_questions"]
    assert question["item"].startswith("U-")
    assert main(["register", "product", "determine", "5% heroin", "--state", "partly", "--substance", "JWH-073", "--why", "NMR"]) == 0
    assert f"{question['item']} is open on exhibit X-7" in capsys.readouterr().err
    assert main(["unknown", "show", question["item"]]) == 0
    assert "composition partly (JWH-073)" in capsys.readouterr().err


def test_a_product_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["register", "product", "show", "nothing"]) == 1
    assert "no product is called 'nothing'" in capsys.readouterr().err
    assert main(["register", "product", "list", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
