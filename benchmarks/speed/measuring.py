"""Interleaved timing: ours, peer, ours, peer …, so that whatever else the machine does falls on both alike."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Comparison", "interleaved"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One piece of work, done by this program and by a peer.

    Parameters
    ----------
    goal : float or None
        What ``ratio`` should reach; None where nothing was promised.
    faster : bool
        Whether ``ratio`` is peer / ours and should be at least the goal; else it is ours / peer and should be at most that.
    ours_s, peer_s : sequence of float
        Seconds of each round; ``peer_s`` is empty where ``goal`` is a time in seconds.
    """

    name: str
    peer: str
    work: str
    goal: float | None
    faster: bool = True
    ours_s: Sequence[float] = ()
    peer_s: Sequence[float] = ()
    notes: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Median of the ratios of neighbouring rounds; without a peer, the median time."""
        if not self.peer_s:
            return statistics.median(self.ours_s)
        pairs = zip(self.ours_s, self.peer_s, strict=True)
        return statistics.median(peer / ours if self.faster else ours / peer for ours, peer in pairs)

    @property
    def reached(self) -> bool | None:
        if self.goal is None:
            return None
        return self.ratio >= self.goal if self.peer_s and self.faster else self.ratio <= self.goal

    def to_dict(self) -> dict[str, Any]:
        peer = statistics.median(self.peer_s) if self.peer_s else None
        return {
            "name": self.name,
            "work": self.work,
            "peer": self.peer or None,
            "ours_median_s": _rounded(statistics.median(self.ours_s)),
            "peer_median_s": None if peer is None else _rounded(peer),
            "ratio": _rounded(self.ratio),
            "ratio_is": "seconds" if not self.peer_s else "peer / ours" if self.faster else "ours / peer",
            "goal": None if self.goal is None else f"{'>=' if self.peer_s and self.faster else '<='} {self.goal:g}",
            "reached": self.reached,
            "rounds": len(self.ours_s),
            "ours_range_s": [_rounded(min(self.ours_s)), _rounded(max(self.ours_s))],
            **({"peer_range_s": [_rounded(min(self.peer_s)), _rounded(max(self.peer_s))]} if self.peer_s else {}),
            **({"notes": self.notes} if self.notes else {}),
            **self.extra,
        }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def interleaved(ours: Callable[[int], object], peer: Callable[[int], object], *, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round; each function is given the number of the round, and is called once before the clock runs (round -1)."""
    ours(-1)
    peer(-1)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for spent, work in zip(times, (ours, peer), strict=True):
            gc.collect()
            began = time.perf_counter()
            work(number)
            spent.append(time.perf_counter() - began)
    return times
