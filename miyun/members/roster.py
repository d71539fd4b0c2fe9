"""The rows that one fusion sends: row handle ↔ member id, and the values of each identifier type in upload order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.contract.model import Consent, IdentifierTerms
from miyun.members.config import MembersConfig
from miyun.members.report import MembersReport

CHUNK_POINTS = 8192
"""Points per chunk, as the fusion protocol has it."""

Progress = Callable[[int, int | None], None]
"""Told the rows done and, where it is known, the total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChunk:
    """The row handle and the value at each position; None is a padding point."""

    handles: npt.NDArray[np.uint32]
    values: list[bytes | None]


class Roster:
    """One file per contract and epoch, mode 0600."""

    @classmethod
    def build(
        cls,
        path: Path,
        config: MembersConfig,
        *,
        identifiers: Sequence[IdentifierTerms],
        consent: Consent,
        bucket: int,
        on_progress: Progress | None = None,
    ) -> Self:
        """Read the source and draw handles and upload orders; an older file at ``path`` is replaced.

        Raises:
            ConfigError: the configuration lacks an identifier type, has another profile for it, or lacks consent.
            SourceError: the source can't be read, or no row may be sent.
        """
        raise NotImplementedError

    @classmethod
    def open(cls, path: Path, *, memory_mib: int = 160) -> Self:
        """Raises: NotFoundError, StateError."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def universe(self) -> int:
        """Row handles, padding included: 0 … universe - 1."""
        raise NotImplementedError

    @property
    def report(self) -> MembersReport:
        raise NotImplementedError

    def points(self, type_: str) -> int:
        """Points of an identifier type, padding included."""
        raise NotImplementedError

    def chunk(self, type_: str, index: int) -> RosterChunk:
        raise NotImplementedError

    def forget_values(self) -> None:
        """Drop the identifiers; member ids, handles and what padding copies remain."""
        raise NotImplementedError

    def member_ids(self, handles: BitMap) -> Iterator[list[str]]:
        """Member ids by ascending handle, in batches; padding is skipped."""
        raise NotImplementedError

    def rows_where(self, config: MembersConfig, sql: str, parameters: Sequence[Any]) -> BitMap:
        """Handles of the rows whose attributes of today satisfy a DuckDB predicate."""
        raise NotImplementedError

    def suppressed(self, config: MembersConfig) -> BitMap:
        """Handles of the rows that must not be reached today."""
        raise NotImplementedError
