"""Where this party's audiences go, and how far each delivery is."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from miyun.contract.jobs import JobKind, JobState
from miyun.destinations.batches import Preview
from miyun.destinations.plugin import FrequencyCap
from miyun.destinations.samples import sample_batch
from miyun.destinations.secrets import SecretStore
from miyun.errors import ConfigError, MiyunError, NotFoundError, StateError
from miyun.members.config import load_members_config
from miyun.party.background import BackgroundAgent
from miyun.party.channels import ChannelPlan, example_order, open_rehearsal, plan_of, report_path
from miyun.party.deliveries import ENDED, DeliveryRecord, DeliveryState, Receiver
from miyun.party.jobs import JobsClient, failure
from miyun.party.progress import OnEvent, ignore
from miyun.party.session import Session

_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationView:
    """``contracts`` have the channel with this party as its recipient; ``third_party`` gets identifiers by it.

    ``problem`` is empty where it can be used.
    """

    channel: str
    kind: str
    third_party: str
    contracts: tuple[str, ...]
    fields: tuple[str, ...]
    credentials: tuple[str, ...]
    frequency_cap: FrequencyCap | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """Counts are of people and stay here. ``open`` and ``unclear`` are batches."""

    contract: str
    job: str
    segment: str
    version: int
    channel: str
    kind: str
    state: DeliveryState
    queued: int
    accepted: int
    refused: dict[str, int]
    left_out: dict[str, int]
    open: int
    unclear: int
    problem: str
    hint: str
    file: Path | None
    refused_file: Path | None


class Unclear(StrEnum):
    """What a person found out about batches that may have arrived."""

    AGAIN = "again"
    ARRIVED = "arrived"


class DestinationsClient:
    """``secrets`` holds the credentials, by name."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.secrets = SecretStore(session.home.vault)

    def list(self) -> tuple[DestinationView, ...]:
        """Every channel that this party delivers through: those of its contracts, and those of party.toml."""
        channels: dict[str, list[str]] = {channel: [] for channel in self._session.config.destinations}
        for contract in sorted(self._session.accepted.ids()):
            for channel in self._session.accepted.get(contract).contract.channels:
                if channel.recipient == self._session.name:
                    channels.setdefault(channel.name, []).append(contract)
        return tuple(self._view(channel, tuple(contracts)) for channel, contracts in sorted(channels.items()))

    def check(self, channel: str) -> str:
        """Look at the configuration, then ask the receiver whether it is there, without any row; gives its words.

        Raises:
            ConfigError, NotPermittedError: a setting or a credential that can't work.
            UnavailableError, DestinationError: the receiver can't be reached, or refuses.
        """
        _, destination = open_rehearsal(self._session, channel)
        with closing(destination):
            return destination.probe()

    def dry_run(self, channel: str) -> Preview:
        """What would be sent for made-up rows, credentials left out; no row of anybody is read.

        Raises:
            ConfigError, NotPermittedError: a setting or a credential that can't work.
        """
        plan, destination = open_rehearsal(self._session, channel)
        with closing(destination):
            members = load_members_config(self._session.config_path)
            return destination.dry_run(sample_batch(example_order("example", channel), plan.config, members))

    def _view(self, channel: str, contracts: tuple[str, ...]) -> DestinationView:
        problem = ""
        try:
            open_rehearsal(self._session, channel)[1].close()
        except MiyunError as error:
            problem = error.message
        try:
            plan: ChannelPlan | None = plan_of(self._session, channel)
        except ConfigError:
            plan = None
        return DestinationView(
            channel=channel,
            kind=plan.plugin.kind if plan else "",
            third_party=plan.plugin.discloses_to(plan.config) if plan else "",
            contracts=contracts,
            fields=tuple(plan.config.fields) if plan else (),
            credentials=plan.config.credentials() if plan else (),
            frequency_cap=plan.config.frequency_cap if plan else None,
            problem=problem,
        )


class DeliveriesClient:
    """The audiences that this party delivers; nothing here is told to the zone."""

    def __init__(
        self, session: Session, jobs: JobsClient, background_agent: Callable[[OnEvent], BackgroundAgent]
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._background_agent = background_agent

    def show(self, contract: str, job: str) -> DeliveryView:
        """Raises: NotFoundError: this party delivers no such job."""
        return self._view(self._record(contract, job))

    def list(self, contract: str) -> tuple[DeliveryView, ...]:
        """The deliveries of a contract, those under way first."""
        return tuple(map(self._view, self._session.deliveries.of(contract)))

    def retry(self, contract: str, job: str, *, unclear: Unclear | None = None) -> DeliveryView:
        """Go on with a delivery that stopped; ``unclear`` says what became of batches that may have arrived.

        Raises:
            StateError: it has ended, or batches may have arrived and the receiver keeps no keys.
        """
        record = self._record(contract, job)
        if record.state in ENDED or record.state is DeliveryState.QUEUEING:
            raise StateError(f"this delivery is {record.state}", hint="Only one that is sending or stopped goes on.")
        queue = self._session.queue(record.order)
        match unclear:
            case Unclear.AGAIN:
                queue.send_unclear_again()
            case Unclear.ARRIVED:
                queue.take_unclear_as_arrived()
        queue.begin_anew()
        self._session.deliveries.note_receiver(record.order.channel, Receiver())
        self._session.deliveries.move(record.order, DeliveryState.SENDING)
        return self.show(contract, job)

    def wait(
        self, contract: str, job: str, on_event: OnEvent = ignore, *, timeout: float | None = None
    ) -> DeliveryView:
        """Wait until everything is sent, with this party's agent at work meanwhile. ``timeout`` is in seconds.

        Raises:
            NotFoundError: this party delivers no such job, nor will it.
            StateError: it stopped, or its activation failed, and the message says why; or time is up, and it goes on.
        """
        deadline, never = None if timeout is None else time.monotonic() + timeout, threading.Event()
        with self._background_agent(on_event) as agent:
            while (record := self._begun(contract, job)) is None or record.state not in ENDED:
                if record is not None and record.state is DeliveryState.STOPPED:
                    raise StateError(f"the delivery stopped: {record.problem}", hint=record.hint)
                if deadline is not None and time.monotonic() >= deadline:
                    raise StateError("the delivery is not done yet", hint="Wait again, or look at it later.")
                agent.attend()
                never.wait(_PAUSE_SECONDS)
        return self._view(record)

    def _begun(self, contract: str, job: str) -> DeliveryRecord | None:
        """The delivery; None while its audience isn't here yet.

        Raises:
            NotFoundError: there is no such activation, or its audience is another's.
            StateError: the activation failed.
        """
        record = self._session.deliveries.get(contract, job)
        if record is None and self._is_coming(contract, job):
            return None
        return record or self._record(contract, job)

    def _is_coming(self, contract: str, job: str) -> bool:
        asked = self._session.requests.activation(contract, job)
        is_others = asked is not None and asked.recipient != self._session.name
        if is_others or contract not in self._session.accepted.ids():
            return False
        found = self._jobs.get(contract, job)
        if found.state is JobState.FAILED:
            raise failure(found)
        return found.kind is JobKind.ACTIVATE and not found.state.ended

    def _record(self, contract: str, job: str) -> DeliveryRecord:
        record = self._session.deliveries.get(contract, job)
        if record is None:
            raise NotFoundError(
                f"this party delivers no job {job}", hint="Wait for the job; only its recipient delivers it."
            )
        return record

    def _view(self, record: DeliveryRecord) -> DeliveryView:
        queue, report = self._session.queue(record.order), report_path(self._session, record.order)
        return DeliveryView(
            contract=record.order.contract,
            job=record.order.job,
            segment=record.order.segment,
            version=record.order.version,
            channel=record.order.channel,
            kind=record.kind,
            state=record.state,
            queued=record.queued,
            accepted=record.accepted,
            refused=self._session.deliveries.refused(record.order),
            left_out=record.left_out,
            open=queue.open(),
            unclear=queue.unclear(),
            problem=record.problem,
            hint=record.hint,
            file=record.path,
            refused_file=report if report.exists() else None,
        )
