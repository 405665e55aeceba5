"""Mass tolerances that carry their unit."""

from __future__ import annotations

from dataclasses import dataclass

from nps_ident.errors import UnitError

__all__ = ["Tolerance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """A symmetric mass window: absolute, relative, or the wider of the two.

    Build it with :meth:`da`, :meth:`ppm` or :meth:`wider`; a bare number has no unit and is refused everywhere.
    """

    absolute_da: float = 0.0
    relative_ppm: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.absolute_da < float("inf") and 0 <= self.relative_ppm < float("inf")):
            raise UnitError(f"A tolerance must be finite and not negative. Got {self.absolute_da} Da, {self.relative_ppm} ppm.")

    @classmethod
    def da(cls, value: float) -> Tolerance:
        """A window of ± ``value`` dalton."""
        return cls(absolute_da=value)

    @classmethod
    def ppm(cls, value: float) -> Tolerance:
        """A window of ± ``value`` parts per million of the mass it is asked about."""
        return cls(relative_ppm=value)

    @classmethod
    def wider(cls, *, da: float, ppm: float) -> Tolerance:
        """At each mass the wider of an absolute and a relative window."""
        return cls(absolute_da=da, relative_ppm=ppm)

    def at(self, mass: float) -> float:
        """Half width of the window at ``mass``, in dalton."""
        return max(self.absolute_da, self.relative_ppm * 1e-6 * abs(mass))

    def __str__(self) -> str:
        parts = [f"{self.absolute_da:g} Da"] if self.absolute_da else []
        parts += [f"{self.relative_ppm:g} ppm"] if self.relative_ppm else []
        return " or ".join(parts) or "0 Da"
