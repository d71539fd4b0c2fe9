"""The contract of destination plug-ins.

A plug-in is a class under the entry-point group ``miyun.destinations``, named after its kind::

    [project.entry-points."miyun.destinations"]
    pigeon = "pigeon_post:Pigeons"

It is made anew for each delivery. Whatever it raises from the tree of :mod:`miyun.errors` is understood:
``UnavailableError`` sends the same batch again later, any other ``MiyunError`` stops the delivery until a person says
`miyun delivery retry`. A row that the receiver will not take is no error but part of the outcome.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from miyun.destinations.batches import Batch, BatchOutcome, Order, Preview
from miyun.destinations.fields import FieldSource
from miyun.keys.home import Home
from miyun.keys.secret import Secret


class Part(BaseModel):
    """A table of settings; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Retry(Part):
    """When a batch is sent again: after ``first_seconds``, twice as long each time, up to ``longest_seconds``.

    The delivery stops for a person after ``attempts`` in a row. After ``circuit_after`` failures in a row the receiver
    is left alone for ``circuit_seconds``, then tried with one batch.
    """

    first_seconds: float = Field(default=1, gt=0)
    longest_seconds: float = Field(default=900, gt=0)
    attempts: int = Field(default=20, ge=1)
    circuit_after: int = Field(default=5, ge=1)
    circuit_seconds: float = Field(default=300, ge=0)


class FrequencyCap(Part):
    """At most so many deliveries to a member through the channel in so many days."""

    deliveries: int = Field(ge=1)
    days: int = Field(ge=1, le=366)


class DestinationConfig(Part):
    """What ``[destinations.<channel>]`` says of every kind; each kind adds its own settings.

    ``CREDENTIALS`` lists the settings that hold the name of a secret: `miyun secret set NAME` puts its value into the
    home's vault, and the configuration never holds it.
    """

    CREDENTIALS: ClassVar[tuple[str, ...]] = ()

    kind: str
    fields: dict[str, FieldSource] = {}
    id_name: str = ""
    batch_rows: int = Field(default=1000, ge=1, le=100_000)
    batches_per_second: float = Field(default=10, gt=0, le=1000)
    retry: Retry = Retry()
    frequency_cap: FrequencyCap | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if self.id_name in self.fields:
            raise ValueError(f"the id and a field are both called {self.id_name!r}")
        return self

    def credentials(self) -> tuple[str, ...]:
        """The names of the secrets that it needs."""
        return tuple(name for setting in self.CREDENTIALS if (name := getattr(self, setting)))


class Credential(Secret):
    """The value of a secret, which shows nothing of itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The value, for the receiver and for nobody else."""
        return self._text


class Secrets(Protocol):
    """Where a plug-in finds the values of its credentials."""

    def get(self, name: str) -> Credential:
        """Raises: ConfigError: there is no secret of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a plug-in gets from its party.

    ``home`` is for kinds that use keys or stores of the party's own; credentials come from ``secrets``. ``id_name`` is
    what the party calls its ids; ``folder`` is where files go that a person picks up, ``work`` a folder of this
    delivery's own that goes when it is settled.
    """

    order: Order
    home: Home
    id_name: str
    folder: Path
    work: Path
    secrets: Secrets
    now: Callable[[], datetime]


C = TypeVar("C", bound=DestinationConfig)


class Destination(ABC, Generic[C]):
    """One receiver, for one delivery.

    ``third_party`` names who else receives identifiers through it; empty where the receiver is the party's own.
    ``local``: it is done at once and asks nobody outside, so that the job waits for it. ``keeps_keys``: a batch that
    is sent again with the same key is not taken twice. ``takes_fewer``: it may then lack rows that it
    had, of people who object by now; what had arrived stays as it was.
    """

    kind: ClassVar[str]
    Config: ClassVar[type[DestinationConfig]]
    third_party: ClassVar[str] = ""
    local: ClassVar[bool] = False
    takes_fewer: ClassVar[bool] = False

    def __init__(self, config: C, context: Context) -> None:
        self.config = config
        self.context = context

    @classmethod
    def discloses_to(cls, config: C) -> str:
        """The ``third_party`` of a configuration, for kinds where that depends on it."""
        return cls.third_party

    @property
    def keeps_keys(self) -> bool:
        return True

    def validate(self) -> None:
        """Look at the configuration; nothing is asked outside. The engine has looked up every credential before.

        Raises:
            ConfigError: a setting that can't work.
        """

    def probe(self) -> str:
        """Ask the receiver whether it is there and knows the credentials, without any row; gives words for people.

        Raises:
            UnavailableError: it can't be reached.
            DestinationError: it refuses.
        """
        return "this kind of receiver can't be asked without sending rows"

    @abstractmethod
    def dry_run(self, batch: Batch) -> Preview:
        """What would be sent for a batch of made-up rows. A receiver is asked only where it keeps nothing of it."""

    @abstractmethod
    def deliver(self, batch: Batch) -> BatchOutcome:
        """Send a batch. It may have been sent before, whole or in part, with the same key.

        Raises:
            UnavailableError: send it again later.
            DestinationError: sending it again won't help before a person has changed something.
        """

    def poll(self, batch: Batch, handle: str) -> BatchOutcome:
        """What became of a batch whose outcome had this handle; the same handle again where the receiver needs longer.

        Raises:
            UnavailableError, DestinationError: as in :meth:`deliver`.
        """
        raise NotImplementedError

    def finish(self, batches: int) -> Path | None:
        """Every one of so many batches has its outcome; gives the file that was made, if any. May be called twice."""
        return None

    def close(self) -> None:
        """Let go of connections."""
