"""A party's lookalikes: those that it released, stored before they are sent, and those that it was given."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.aggregates.lookalikes import LookalikeReceived, LookalikeRelease
from miyun.party.release_marks import ReleaseMarks
from miyun.party.schema import received_lookalikes, released_lookalikes
from miyun.storage.database import reading

LOOKALIKE = "lookalike"
"""The purpose of the charges for releases, and the kind of their jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedLookalike:
    """``sealed`` is what is sent, ``scoring`` the same in the clear, with the own noise in it."""

    statement: LookalikeRelease
    signature: bytes
    sealed: bytes
    scoring: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedLookalike:
    """``statement`` is this party's own word that it has the ``weights``, by id of tag, and the ``edges``."""

    release: LookalikeRelease
    statement: LookalikeReceived
    signature: bytes
    weights: dict[str, int]
    edges: tuple[int, ...]


class LookalikeStore:
    """``scoring`` is held by whoever computes scores, so that they are computed once."""

    def __init__(self, engine: Engine, marks: Path) -> None:
        """``marks`` is a folder for what is known of releases beside the database."""
        self._engine = engine
        self.marks = ReleaseMarks(engine, marks, released_lookalikes, suffix=".lookalikes")
        self.scoring = threading.Lock()

    def released(self, contract: str, name: str) -> ReleasedLookalike | None:
        """What was released by this name."""
        table = released_lookalikes.c
        with reading(self._engine) as connection:
            row = connection.execute(
                select(released_lookalikes).where(table.contract == contract, table.name == name)
            ).first()
        if row is None:
            return None
        return ReleasedLookalike(
            statement=LookalikeRelease.from_canonical(row.statement),
            signature=row.signature,
            sealed=row.sealed,
            scoring=row.scoring,
        )

    def put_released(self, released: ReleasedLookalike) -> None:
        """Store a release, durably, before it is sent; nothing happens where its name stands for one already."""
        statement = released.statement
        with self._engine.begin() as connection:
            connection.execute(
                upsert(released_lookalikes)
                .values(
                    contract=statement.contract,
                    name=statement.name,
                    statement=statement.canonical_bytes(),
                    signature=released.signature,
                    sealed=released.sealed,
                    scoring=released.scoring,
                )
                .on_conflict_do_nothing()
            )

    def received(self, contract: str, name: str) -> ReceivedLookalike | None:
        """What was given by this name."""
        table = received_lookalikes.c
        with reading(self._engine) as connection:
            row = connection.execute(
                select(received_lookalikes).where(table.contract == contract, table.name == name)
            ).first()
        if row is None:
            return None
        scoring = json.loads(row.scoring)
        return ReceivedLookalike(
            release=LookalikeRelease.from_canonical(row.release),
            statement=LookalikeReceived.from_canonical(row.statement),
            signature=row.signature,
            weights=scoring["weights"],
            edges=tuple(scoring["edges"]),
        )

    def put_received(self, received: ReceivedLookalike) -> None:
        """Store what was given, durably, before anybody is told."""
        scoring = {"weights": received.weights, "edges": received.edges}
        with self._engine.begin() as connection:
            connection.execute(
                upsert(received_lookalikes)
                .values(
                    contract=received.release.contract,
                    name=received.release.name,
                    release=received.release.canonical_bytes(),
                    statement=received.statement.canonical_bytes(),
                    signature=received.signature,
                    scoring=json.dumps(scoring, ensure_ascii=False, separators=(",", ":")).encode(),
                )
                .on_conflict_do_nothing()
            )
