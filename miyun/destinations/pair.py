"""PAIR ids of an audience, for bid requests: a file that says for each of a publisher's users which ids buyers know.

::

    [destinations.pair-buyers]             # a channel of the contract that names the third party pair-buyers
    kind = "pair"
    keys = "news"                          # PAIR keys of this home: miyun pair keys create news
    address = { identifier = "email" }
    inserter = "news.example.com"          # the site, or the app's developer
    matcher = "example.com"                # OWNERDOMAIN of ads.txt

It runs at the publisher, whose keys make the ids. The file is the publisher's own: it says whose the ids are. The ids
in it are made to be seen by others: every exchange and buyer that gets the bid requests can follow them, and a buyer
knows that who has one is on the advertiser's list. So that is disclosure to a third party, and the contract names it.
"""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationInfo, field_validator, model_validator

from miyun.contract.model import PAIR_BUYERS
from miyun.destinations.batches import Batch, BatchOutcome, Preview
from miyun.destinations.fields import FieldSource, HashName
from miyun.destinations.file import FolderConfig
from miyun.destinations.parts import PartedFile
from miyun.destinations.plugin import Context, Destination, DestinationConfig
from miyun.errors import ConfigError, DestinationError
from miyun.pair.domains import fault_of
from miyun.pair.eids import user_eids
from miyun.pair.ids import PublisherIds
from miyun.pair.lint import lint
from miyun.pair.rules import Severity
from miyun.pair.store import PairKeys, PublisherGeneration, Use

ADDRESS = "address"
PROFILES = ("pair", "e164", "e164-cn")
COLUMNS = ("publisher_id", "until", "earlier_id", "earlier_until", "user")


class PairFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"
    JSON_LINES = "jsonl"


class PairConfig(FolderConfig):
    """``address`` is hashed to a match key before it is queued; emails are spelled by the profile ``pair``.

    ``own_ids`` puts the party's own ids beside PAIR's, which attaching them to bid requests needs; without them the
    file is the list for a buyer, and tells nobody whose the ids are.
    """

    kind: str = "pair"
    keys: str
    address: FieldSource
    inserter: str
    matcher: str
    format: PairFormat = PairFormat.JSON_LINES
    own_ids: bool = True

    @model_validator(mode="before")
    @classmethod
    def _address_alone(cls, table: Any) -> Any:
        if not isinstance(table, dict) or not isinstance(given := table.get(ADDRESS), dict):
            return table
        if table.get("fields"):
            raise ValueError("a file of PAIR ids has no other fields")
        address = {"profile": "pair"} | given | {"hash": HashName.SHA256, "required": True}
        return table | {ADDRESS: address, "fields": {ADDRESS: address}}

    @field_validator(ADDRESS)
    @classmethod
    def _spelled_for_pair(cls, address: FieldSource) -> FieldSource:
        if len(address.profiles) != 1 or address.profiles[0] not in PROFILES:
            raise ValueError(f"PAIR has addresses of profile {', '.join(PROFILES)}")
        return address

    @field_validator("inserter", "matcher")
    @classmethod
    def _domains(cls, value: str, info: ValidationInfo) -> str:
        if fault := fault_of(value):
            raise ValueError(f"{info.field_name} {fault}; write it like shop.example.com")
        return value


class PairDestination(Destination[PairConfig]):
    kind: ClassVar[str] = "pair"
    Config: ClassVar[type[DestinationConfig]] = PairConfig
    third_party: ClassVar[str] = PAIR_BUYERS
    local: ClassVar[bool] = True

    def __init__(self, config: PairConfig, context: Context) -> None:
        super().__init__(config, context)
        names = (context.id_name, *COLUMNS) if config.own_ids else COLUMNS
        path = context.folder / f"{context.order.name}.{config.format}"
        self._file = PartedFile(path, context.work, names)
        self._keys = PairKeys(context.home)

    def validate(self) -> None:
        """Raises: NotFoundError, InputError, StateError: there are no such keys, or none of a publisher in force."""
        if self.config.own_ids and self.context.id_name in COLUMNS:
            raise ConfigError(
                f"the id and a column of PAIR's are both called {self.context.id_name!r}",
                hint="Name the id differently with id_name.",
            )
        self._generations()

    def dry_run(self, batch: Batch) -> Preview:
        return Preview(target=str(self._file.path), text=self._file.text(self._rows(batch)))

    def deliver(self, batch: Batch) -> BatchOutcome:
        self._file.put(batch.index, self._rows(batch))
        return BatchOutcome()

    def finish(self, batches: int) -> Path | None:
        return self._file.join(batches)

    def _generations(self) -> tuple[PublisherGeneration, ...]:
        """Those whose ids are given out today, the newest first: two in an overlap."""
        return self._keys.publisher(self.config.keys, Use.EMIT, self.context.now().date())

    def _rows(self, batch: Batch) -> Iterator[list[Any]]:
        generations = self._generations()
        match_keys = [key or "" for key in batch.columns[ADDRESS]]
        issued = [one.ids(match_keys) for one in generations]
        days = [one.until.isoformat() for one in generations]
        for place, (member, *singles) in enumerate(zip(batch.ids, *issued, strict=True)):
            ids = PublisherIds.join(singles)
            request = user_eids(ids, inserter=self.config.inserter, matcher=self.config.matcher)
            if place == 0:
                _require_sound(request)
            user = request["user"] if self.config.format is PairFormat.JSON_LINES else json.dumps(request["user"])
            dated = [cell for pair in zip(ids.encode(), days, strict=True) for cell in pair]
            row = [*dated, *[None] * (4 - len(dated)), user]
            yield [member, *row] if self.config.own_ids else row


def _require_sound(request: dict[str, Any]) -> None:
    """Pass where the rules for anybody's bid requests find nothing; those of a batch differ in their ids only."""
    faults = [finding for finding in lint(request) if finding.severity is Severity.ERROR]
    if faults:
        raise DestinationError(f"a bid request would be refused: {faults[0].rule}", hint="Report this.")
