"""The merchant's own privacy ledger at the end, against what its questions were to cost."""

import time

from demo.processes import Actor
from demo.results import LedgerResult, Results
from demo.scenario import CONTRACT

MICRO = 1_000_000
SECONDS = 30.0
PAUSE_SECONDS = 0.5
FIELDS = ("spent_micro", "limit_micro", "epsilon", "delta_exponent")


def read_ledger(party: Actor, results: Results) -> LedgerResult:
    """The party's ledger, as soon as its agent has heard of all charges, or after half a minute."""
    expected = sum(charge.rho_micro for charge in results.charges)
    deadline = time.monotonic() + SECONDS
    ledger = party.run("budget", CONTRACT)
    while ledger["spent_micro"] < expected and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        ledger = party.run("budget", CONTRACT)
    return LedgerResult(expected_micro=expected, **{field: ledger[field] for field in FIELDS})


def in_rho(micro: int) -> str:
    """A charge as people read it: ``ρ = 0.02``."""
    return f"ρ = {micro / MICRO:g}"
