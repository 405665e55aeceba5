"""Reading MSP, beside matchms load_from_msp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.speed.measuring import Comparison, interleaved
from nps_ident.io import read_spectra

if TYPE_CHECKING:
    from benchmarks.speed.data import Data


def measure(data: Data) -> list[Comparison]:
    from matchms.importing import load_from_msp

    path = data.folder / "msms" / "reference.msp"
    counts = len(read_spectra(path)), len(list(load_from_msp(str(path))))
    found = []
    for harmonised, goal in ((True, 5.0), (False, None)):
        ours_s, peer_s = interleaved(
            lambda _: read_spectra(path),
            lambda _, harmonised=harmonised: list(load_from_msp(str(path), metadata_harmonization=harmonised)),
            rounds=3,
        )
        found.append(
            Comparison(
                name="MSP reading" if harmonised else "MSP reading, the peer without harmonising field names",
                peer=f"matchms load_from_msp{'' if harmonised else '(metadata_harmonization=False)'}",
                work=f"{path.name}, {path.stat().st_size / 1e6:.1f} MB; spectra read: ours {counts[0]:,}, peer {counts[1]:,}",
                goal=goal,
                ours_s=ours_s,
                peer_s=peer_s,
            )
        )
    return found
