"""Two parties with tags at the platform under a contract, and a real zone over TLS between them."""

import csv
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.model import Budget, Grant, IdentifierTerms
from miyun.keys.create import create_home
from miyun.keys.home import HomeInfo, Role
from miyun.keys.vault import KeyFile
from miyun.party.facade import Party
from miyun.records import utc_now
from miyun.zone.config import ZoneConfig, write_config
from miyun.zone.facade import Zone
from tests.paillier.keys import private_key
from tests.party.insight_world import MUCH, TAGS
from tests.party.world import MERCHANT, PLATFORM, ZONE, write_members

CONTRACT = "spring"
EXPIRES = utc_now() + timedelta(days=30)
SETTINGS = TAGS.replace("patience_seconds = 0", "patience_seconds = 30")
PLENTY = replace(
    DEFAULT_BUDGET,
    rho_micro=100 * MUCH,
    size_rho_micro=MUCH // 10,
    match_report_rho_micro=MUCH // 10,
    lease_rho_micro=5 * MUCH,
    suppress_below=1,
)

Rows = list[dict[str, str]]
Pairs = Sequence[tuple[str, str, str]]


@dataclass
class Stage:
    """``folder`` has the homes."""

    folder: Path
    merchant: Party
    platform: Party
    contract: str = CONTRACT

    @property
    def catalogue(self) -> Path:
        return self.folder / PLATFORM / "catalogue.csv"

    def restart(self) -> None:
        """The merchant's process anew, with nothing but what is on its disk."""
        self.merchant.close()
        self.merchant = opened(self.folder, MERCHANT)


def opened(folder: Path, name: str) -> Party:
    return Party.open(folder / name, KeyFile(folder / f"{name}.key"))


def write_tags(folder: Path, catalogue: str, pairs: Pairs) -> None:
    (folder / PLATFORM / "catalogue.csv").write_text(catalogue, encoding="utf-8")
    with (folder / PLATFORM / "tags.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("user", "tag", "value"), *pairs])


@contextmanager
def staged(
    folder: Path,
    *,
    members: Rows,
    users: Rows,
    catalogue: str,
    pairs: Pairs,
    grants: Sequence[Grant],
    attributes: str = "",
    budget: Budget = PLENTY,
    **choices: Any,
) -> Iterator[Stage]:
    """The contract is in force, and nothing is fused.

    ``attributes`` are more of the merchant's, ``choices`` of the draft.
    """
    homes = ((ZONE, Role.ZONE, None), (MERCHANT, Role.PARTY, "merchant"), (PLATFORM, Role.PARTY, "platform"))
    for name, role, kind in homes:
        info = HomeInfo(name=name, role=role, kind=kind, organisation=name.title(), created=EXPIRES)
        create_home(folder / name, info, KeyFile(folder / f"{name}.key"))
    write_config(folder / ZONE, ZoneConfig(address="127.0.0.1:0", enrolment_address="127.0.0.1:0"))
    write_members(folder / MERCHANT, members, extra=attributes + SETTINGS[SETTINGS.index("[agent]") :])
    write_members(folder / PLATFORM, users, extra=SETTINGS)
    write_tags(folder, catalogue, pairs)
    with Zone.open(folder / ZONE, KeyFile(folder / f"{ZONE}.key")) as zone:
        zone.start()
        stage = Stage(folder, opened(folder, MERCHANT), opened(folder, PLATFORM))
        try:
            for party in (stage.merchant, stage.platform):
                party.join(zone.invite(Role.PARTY, party.name).encode())
            _agree(stage, grants, budget=budget, **choices)
            stage.merchant._session.home.vault.put(f"paillier/{CONTRACT}", private_key().to_bytes())
            yield stage
        finally:
            stage.merchant.close()
            stage.platform.close()


@contextmanager
def at_work(party: Party) -> Iterator[None]:
    """With its agent at work."""
    stop = threading.Event()
    agent = threading.Thread(target=party.agent().run, kwargs={"stop": stop})
    agent.start()
    try:
        yield
    finally:
        stop.set()
        agent.join(30)
    assert not agent.is_alive()


def _agree(stage: Stage, grants: Sequence[Grant], **choices: Any) -> None:
    drafted = stage.merchant.contracts.draft(
        PLATFORM,
        id=CONTRACT,
        identifiers=(IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=10_000),),
        expires=EXPIRES,
        consent_required=False,
        padding_bucket=16,
        **choices,
    )
    contract = replace(drafted, grants=(*drafted.grants, *grants))
    stage.merchant.contracts.propose(contract)
    stage.merchant.contracts.sign(contract)
    stage.platform.contracts.sign(stage.platform.contracts.get(CONTRACT).contract)
    stage.merchant.contracts.activate(CONTRACT)
