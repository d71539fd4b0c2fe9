"""Where a result comes from: the question that it answers, about whom, and what the answer cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A version of a segment."""

    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What both owners were charged for the whole question, all its results together: as zCDP's ρ, and as (ε, δ)."""

    rho_micro: int
    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A question and its answer.

    ``audiences`` are by what each is in the result, as ``segment`` and ``base``. ``asked`` says what was asked about
    them, ``question`` is its digest in hex, and ``epoch`` the one that the answer holds for, where that was told.
    """

    contract: str
    question: str
    at: datetime
    audiences: Mapping[str, Audience | tuple[Audience, ...]]
    asked: Mapping[str, Any]
    epoch: int | None = None
    job: str | None = None
    charge: Charge | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            **{role: _plain(audience) for role, audience in self.audiences.items()},
            "contract": self.contract,
            "epoch": self.epoch,
            "at": f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "question": {"digest": self.question, "job": self.job, **self.asked},
            "charge": None if self.charge is None else _charge(self.charge),
        }


def _plain(audience: Audience | tuple[Audience, ...]) -> Any:
    if isinstance(audience, tuple):
        return [_plain(one) for one in audience]
    return {"name": audience.name, "version": audience.version}


def _charge(charge: Charge) -> dict[str, Any]:
    return {
        "rho": charge.rho_micro / 1_000_000,
        "rho_micro": charge.rho_micro,
        "epsilon": charge.epsilon,
        "delta": charge.delta,
    }
