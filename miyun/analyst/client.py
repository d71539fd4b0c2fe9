"""The Python API of an analyst: sizes of segments, as bands computed from noised values, and nothing else."""

from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from miyun.errors import KeyAccessError, MalformedError, ReplayError
from miyun.keys.home import Home, Role
from miyun.keys.vault import Unlock
from miyun.privacy.quotes import SizeQuote
from miyun.privacy.statements import SizeBand, SizeRequest
from miyun.records import utc_now
from miyun.transport.channel import connect
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.enrol import enrol
from miyun.transport.join_code import JoinCode
from miyun.wire.v1 import size_pb2
from miyun.wire.v1.size_pb2_grpc import SizeServiceStub


class Analyst:
    """One analyst, by its home.

    >>> with Analyst.open(Path("lab"), KeyFile(Path("lab.key"))) as analyst:  # doctest: +SKIP
    ...     band = analyst.size("spring", "sleepers")
    ...     print(band.at_least, band.below)
    """

    def __init__(self, home: Home) -> None:
        self.home = home

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> Self:
        """Open an analyst's home.

        Raises:
            KeyAccessError: there is none, it can't be opened, or it is not an analyst's.
        """
        home = Home.open(path, unlock)
        if home.info.role is not Role.ANALYST:
            raise KeyAccessError(
                f"{path} is a home for the role {home.info.role}, not for an analyst",
                hint="Name an analyst's home, or create one: miyun init",
            )
        return cls(home)

    def join(self, code: JoinCode) -> None:
        """Join the zone that issued ``code``."""
        enrol(self.home, code)

    def size(self, contract: str, segment: str, version: int = 0) -> SizeBand:
        """The band that a segment's size lies in; ``version`` 0 is the newest. Charged once per definition and version.

        Raises:
            NotPermittedError: no party has delegated this, or there is no such segment: which, is not said.
            BudgetExceededError: the owners' privacy budget is used up.
            WaitingError: an owner's agent has to grant more of it first.
            SignatureError: the answer is not signed by the zone that this home has joined.
        """
        request = SizeRequest(
            contract=contract,
            segment=segment,
            version=version,
            asker=self.home.info.name,
            at=utc_now(),
        )
        answer = SizeServiceStub(self._channel).AskSize(
            size_pb2.AskSizeRequest(
                statement=to_wire(request, size_pb2.SizeRequest), signature=self.home.signing_key.sign(request)
            )
        )
        band = from_wire(answer.statement, SizeBand)
        self.home.zone_link().verify_key().verify(band, answer.signature)
        _check_answer(band, request)
        return band

    def quote(self, contract: str, segment: str) -> SizeQuote:
        """What asking for a segment's newest size would cost; costs nothing itself."""
        answer = SizeServiceStub(self._channel).QuoteSize(size_pb2.QuoteSizeRequest(contract=contract, segment=segment))
        return from_wire(answer, SizeQuote)

    def close(self) -> None:
        """Close the connection to the zone, if there is one."""
        if "_channel" in self.__dict__:
            self._channel.close()
            del self.__dict__["_channel"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _channel(self) -> grpc.Channel:
        return connect(self.home)


def _check_answer(band: SizeBand, request: SizeRequest) -> None:
    asked = (request.contract, request.segment, request.version or band.version)
    if (band.contract, band.segment, band.version) != asked:
        raise ReplayError("the zone answered with the size of another segment", hint="Ask the zone's operator.")
    if band.version < 1 or band.at_least < 0 or (band.below is not None and band.below <= band.at_least):
        raise MalformedError("the zone answered with a band that is none", hint="Ask the zone's operator.")
