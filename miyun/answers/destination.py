"""The answer service's store as a destination: a delivered audience becomes a set that is answered from.

::

    [destinations.feed]                    # a channel of the contract
    kind = "answers"
    fields = { oaid = { column = "oaid" }, idfa = { column = "idfa" } }    # what they are asked about by, beside the id

Each batch becomes a file of digests; when all are there, the set is written beside the one that is answered from and
takes its place in one step. Until then, and if anything fails, answers come from the set before. A set ends with its
segment, and at the latest with the contract.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from miyun.answers.ids import AnswerId, Kind, read_id
from miyun.answers.key import DIGEST_BYTES
from miyun.answers.sets import SetBuilder
from miyun.answers.store import AnswerStore, Origin, writing
from miyun.destinations.batches import Batch, BatchOutcome, Preview, Refused
from miyun.destinations.plugin import Context, Destination, DestinationConfig
from miyun.errors import ConfigError
from miyun.keys.files import make_private_folder, replacing
from miyun.members.reasons import Rejected

NEWER: str = "newer-version"
_PIECE_DIGESTS = 1 << 16


class StoreConfig(DestinationConfig):
    """``fields`` are called by kinds of ids (:class:`miyun.answers.ids.Kind`).

    An audience is called like its segment, after ``prefix``. ``own_ids``: it can be asked about by the party's own ids
    too. ``third_party`` is who asks, if that is anybody but the party itself; the contract's channel has to name it.
    ``days`` ends sets sooner than segments.
    """

    kind: str = "answers"
    prefix: str = Field(default="", pattern=r"^([a-z][a-z0-9-]{0,30})?$")
    own_ids: bool = True
    third_party: str = ""
    days: int | None = Field(default=None, ge=1, le=3_650)
    batch_rows: int = Field(default=65_536, ge=1, le=1 << 20)

    @model_validator(mode="after")
    def _has_ids(self) -> Self:
        unknown = [name for name in self.fields if name not in set(Kind)]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no kind of id; fields are called {', '.join(Kind)}")
        if not self.fields and not self.own_ids:
            raise ValueError("without own_ids and fields there is nothing to ask by")
        return self


class StoreDestination(Destination[StoreConfig]):
    kind: ClassVar[str] = "answers"
    Config: ClassVar[type[DestinationConfig]] = StoreConfig
    local: ClassVar[bool] = True

    def __init__(self, config: StoreConfig, context: Context) -> None:
        super().__init__(config, context)
        order = context.order
        self._store = AnswerStore(context.home)
        self._name = f"{config.prefix}{order.segment}"
        self._origin = Origin(
            contract=order.contract,
            segment=order.segment,
            version=order.version,
            job=order.job,
            third_party=config.third_party,
        )

    @classmethod
    def discloses_to(cls, config: StoreConfig) -> str:
        return config.third_party

    def validate(self) -> None:
        self._store.require_free(self._name, self._origin)

    def probe(self) -> str:
        return f"{len(self._store.listed().audiences)} audiences are in the store"

    def dry_run(self, batch: Batch) -> Preview:
        kinds = [*([Kind.USER.value] if self.config.own_ids else []), *self.config.fields]
        lines = [",".join(kinds)]
        for row in range(len(batch.ids)):
            ids = [one for one in self._ids(batch, row) if isinstance(one, AnswerId)]
            lines.append(",".join(f"{one.family} {one.value}" for one in ids))
        return Preview(target=f"audience {self._name}", text="\n".join(lines) + "\n")

    def deliver(self, batch: Batch) -> BatchOutcome:
        newer = self._store.has_newer(self._name, self._origin)
        refused, digests = list[Refused](), list[bytes]()
        for row in range(len(batch.ids)):
            ids = self._ids(batch, row)
            found = [one for one in ids if isinstance(one, AnswerId)]
            if newer:
                refused.append(Refused(row=row, code=NEWER, words="a later version of the segment is there already"))
            elif not found:
                refused.append(_refused(row, ids))
            else:
                digests += [self._store.key.digest(one) for one in found]
        with writing(self.context.work), replacing(self._part(batch.index)) as file:
            file.write(b"".join(digests))
        return BatchOutcome(refused=tuple(refused))

    def finish(self, batches: int) -> Path | None:
        if self._store.has(self._origin) or self._store.has_newer(self._name, self._origin):
            return None
        now, end = self.context.now(), self.context.order.ends
        if self.config.days is not None:
            end = min(end, now + timedelta(days=self.config.days))
        with self._store.building(self._name) as builder:
            for index in range(batches):
                self._add(builder, index)
            self._store.put(self._name, builder, now=now, expires=end, origin=self._origin)
        return None

    def _ids(self, batch: Batch, row: int) -> list[AnswerId | Rejected]:
        given = [(Kind.USER, batch.ids[row])] if self.config.own_ids else []
        given += [(Kind(name), value) for name, column in batch.columns.items() if (value := column[row])]
        return [read_id(kind, value) for kind, value in given]

    def _add(self, builder: SetBuilder, index: int) -> None:
        try:
            with self._part(index).open("rb") as part:
                while piece := part.read(_PIECE_DIGESTS * DIGEST_BYTES):
                    builder.add([piece])
        except FileNotFoundError:
            raise ConfigError(
                f"what was prepared of the audience {self._name} is gone", hint="Ask for the activation anew."
            ) from None

    def _part(self, index: int) -> Path:
        make_private_folder(self.context.work)
        return self.context.work / f"{index}.part"


def _refused(row: int, ids: Sequence[AnswerId | Rejected]) -> Refused:
    for one in ids:
        if isinstance(one, Rejected):
            return Refused(row=row, code=f"id-{one.reason}", words=f"id: {one.words}")
    return Refused(row=row, code="no-id", words="no id of a kind that can be asked about")
