"""Tanimoto similarity of one structure to the whole catalogue, beside RDKit's bulk function and FPSim2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from benchmarks.speed.measuring import Comparison, interleaved
from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.fingerprints import N_BITS, flattened, morgan_bits, tanimoto

if TYPE_CHECKING:
    from benchmarks.speed.data import Data

REPEATED = 50
ROUNDS = 25


def measure(data: Data) -> list[Comparison]:
    smiles = [s.smiles for s in open_catalogue().substances if s.smiles]
    mols = [flattened(Chem.MolFromSmiles(text)) for text in smiles]
    catalogue = np.stack([morgan_bits(mol) for mol in mols])
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=N_BITS, includeChirality=False)
    peer_catalogue = [generator.GetFingerprint(mol) for mol in mols]

    def asked(number: int) -> range:
        return range((number + 1) * REPEATED, (number + 2) * REPEATED)

    def ours(number: int) -> None:
        for i in asked(number):
            tanimoto(catalogue[i % len(mols)], catalogue)

    def bulk(number: int) -> None:
        for i in asked(number):
            np.array(DataStructs.BulkTanimotoSimilarity(peer_catalogue[i % len(mols)], peer_catalogue))

    same = max(
        float(np.abs(tanimoto(catalogue[i], catalogue) - DataStructs.BulkTanimotoSimilarity(peer_catalogue[i], peer_catalogue)).max())
        for i in range(0, len(mols), 50)
    )
    work = f"{REPEATED} structures, fingerprints at hand, against the catalogue's {len(mols):,} ({N_BITS} bits)"
    ours_s, peer_s = interleaved(ours, bulk, rounds=ROUNDS)
    extra = {"references": len(mols), "largest_difference": same}
    name, peer = "Tanimoto over the catalogue", "RDKit BulkTanimotoSimilarity"
    found = Comparison(name=name, peer=peer, work=work, goal=None, ours_s=ours_s, peer_s=peer_s, extra=extra)
    return [found, *_fpsim2(data, smiles, peer_catalogue, ours, asked, work)]


def _fpsim2(data: Data, smiles: list[str], queries: list, ours: object, asked: object, work: str) -> list[Comparison]:
    try:
        from FPSim2 import FPSim2Engine
        from FPSim2.io import create_db_file
    except ImportError as error:
        print(f"FPSim2 cannot be imported ({error}): not compared.")
        return []
    file = data.work / "catalogue.h5"
    file.unlink(missing_ok=True)
    rows = [[text, i] for i, text in enumerate(smiles)]
    create_db_file(rows, str(file), "smiles", "Morgan", {"radius": 2, "fpSize": N_BITS})
    engine = FPSim2Engine(str(file))

    def peer(number: int) -> None:
        for i in asked(number):  # type: ignore[operator]
            engine.similarity(queries[i % len(queries)], threshold=0.01, n_workers=1)

    ours_s, peer_s = interleaved(ours, peer, rounds=ROUNDS)  # type: ignore[arg-type]
    return [
        Comparison(
            name="Tanimoto over the catalogue",
            peer="FPSim2 similarity(threshold=0.01), in memory, one worker",
            work=work,
            goal=None,
            ours_s=ours_s,
            peer_s=peer_s,
            notes="FPSim2 sorts what it returns; it is made for millions of structures.",
        )
    ]
