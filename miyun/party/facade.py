"""The Python API of a party."""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from miyun.audit.statements import AuditEntry
from miyun.audit.verify import AuditFindings
from miyun.contract.jobs import Job
from miyun.errors import InputError
from miyun.keys.fingerprint import key_fingerprint
from miyun.keys.home import Home, Role, read_info
from miyun.keys.identity import Identity
from miyun.keys.vault import Unlock
from miyun.party.activations import ActivationsClient
from miyun.party.agent import Agent
from miyun.party.answers import AnswersClient
from miyun.party.audiences import AudiencesClient
from miyun.party.audits import audit_verify
from miyun.party.background import BackgroundAgent
from miyun.party.budgets import BudgetView, budget_view
from miyun.party.contracts import ContractsClient
from miyun.party.destinations import DeliveriesClient, DestinationsClient
from miyun.party.estimates import EstimatesClient, SizeEstimate
from miyun.party.fusions import FusionsClient
from miyun.party.insights import InsightClient
from miyun.party.intersections import IntersectionsClient
from miyun.party.jobs import JobsClient
from miyun.party.lookalikes import LookalikeClient
from miyun.party.members import MembersClient
from miyun.party.pair import PairClient
from miyun.party.progress import OnEvent, ignore
from miyun.party.refreshes import Agree, Refresh, Refreshes, undoubted
from miyun.party.scheduling import SchedulesClient
from miyun.party.schemas import SchemasClient
from miyun.party.segments import SegmentsClient, UniverseWord
from miyun.party.session import Session
from miyun.party.sizes import SizesClient
from miyun.privacy.quotes import SizeQuote
from miyun.privacy.statements import SizeBand
from miyun.psi.statements import FusionReport
from miyun.segments.expression import Expression
from miyun.segments.near import NO_PLACES, Places
from miyun.transport.enrol import enrol
from miyun.transport.join_code import JoinCode


class Party:
    """One party, by its home.

    >>> with Party.open(Path("merchant"), KeyFile(Path("merchant.key"))) as party:  # doctest: +SKIP
    ...     report = party.fuse("spring")
    ...     party.segments.create("spring", "sleepers", "members.spend_90d > 1000 and not members.active")

    ``contracts``, ``members``, ``schemas``, ``segments``, ``audiences``, ``insight``, ``lookalike``, ``intersections``,
    ``answers``, ``destinations``, ``deliveries``, ``pair``, ``refreshes``, ``schedules`` and ``jobs`` hold the calls of
    their subject. A job needs this party's agent. Calls that wait for a job run one in the background, unless a daemon
    of this home is at it already. Calls may come from several threads.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.contracts = ContractsClient(session)
        self.members = MembersClient(session)
        self.destinations = DestinationsClient(session)
        self.pair = PairClient(session)
        self.answers = AnswersClient(session)
        self.schemas = SchemasClient(session)
        self.segments = SegmentsClient(session)
        self.audiences = AudiencesClient(session)
        self.jobs = JobsClient(session, self._background_agent)
        self.deliveries = DeliveriesClient(session, self.jobs, self._background_agent)
        self.insight = InsightClient(session, self.jobs, self._background_agent)
        self.intersections = IntersectionsClient(session, self._background_agent)
        self.lookalike = LookalikeClient(session, self.jobs, self._background_agent)
        self.refreshes = Refreshes(session)
        self.schedules = SchedulesClient(session)
        self._fusions = FusionsClient(session)
        self._activations = ActivationsClient(session)
        self._sizes = SizesClient(session)
        self._estimates = EstimatesClient(session, self.segments, self.jobs, self._sizes, self._background_agent)

    @classmethod
    def open(cls, home: Path, unlock: Unlock) -> Self:
        """Open a party's home.

        Raises:
            KeyAccessError: there is no home, or the passphrase or key file is not the right one.
            InputError: it is the home of a zone or an analyst.
            ConfigError: ``party.toml`` can't be read.
        """
        role = read_info(home).role
        if role is not Role.PARTY:
            raise InputError(f"{home} is a home for the role {role}, not for a party", hint="Give a party's home.")
        return cls(Session(Home.open(home, unlock)))

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def name(self) -> str:
        return self._session.name

    @property
    def path(self) -> Path:
        return self._session.home.path

    def identity(self) -> Identity:
        """Who this party is, with its public keys."""
        return self._session.home.identity()[0]

    def fingerprint(self) -> str:
        """The party's keys in short, for comparing out of band."""
        identity = self.identity()
        return key_fingerprint(identity.signing_key, identity.sealing_key)

    def join(self, code: JoinCode | str) -> None:
        """Enrol with a zone, by the join code that its operator gave.

        Raises:
            InputError: the code is damaged, or for another name or role.
            TransportError: the zone can't be reached, or is not the one that the code names.
        """
        enrol(self._session.home, JoinCode.decode(code) if isinstance(code, str) else code)

    def fuse(self, contract: str, on_event: OnEvent = ignore) -> FusionReport:
        """Match anew: request the next epoch's fusion (or go on with one that is under way), and wait for its report.

        Raises:
            ContractError: the contract does not permit it, or is not in force.
            StateError: the fusion failed; the message says whose agent refused and why.
        """
        job = self._fusions.request(contract)
        self.jobs.wait(contract, job.id, on_event)
        return self._fusions.report(contract, int(job.subject))

    def change(
        self, contract: str, *, add: Path | None = None, remove: Path | None = None, on_event: OnEvent = ignore
    ) -> Job:
        """Change own rows within the epoch, and wait until they are bound.

        ``add`` has the columns of the member table: its rows come, or take the place of what a member had. ``remove``
        has its id column: these members go. Segments are evaluated again, as new versions.

        Raises:
            NotPermittedError: the contract has no deltas.
            InputError: no file, or more rows than one delta can change.
            StateError: nothing is fused, a fusion is under way, or the delta failed.
        """
        job = self.request_change(contract, add=add, remove=remove)
        return self.jobs.wait(contract, job.id, on_event)

    def request_change(self, contract: str, *, add: Path | None = None, remove: Path | None = None) -> Job:
        """The same without waiting."""
        return self._fusions.request_change(contract, add=add, remove=remove)

    def refresh(
        self, contract: str, on_event: OnEvent = ignore, *, wait: bool = True, agree: Agree = undoubted
    ) -> Refresh:
        """Read the source anew and bring to the zone what changed, by the least that says it; wait until it is there.

        Rows that came, changed or went are a delta; where what was said of rows that stay holds no longer, it is asked
        anew of them all. A new epoch begins where the contract has no deltas, where more changed than a delta is for,
        or where the epoch has no room for more answers. Nothing changed: nothing is done, and it costs nothing.

        ``agree`` is asked before anything is done; left out, it says no where so many members are lost that the source
        may have been cut short (the plan's ``doubt``).

        Raises:
            UnconfirmedError: it said no; everything stays as it is.
            WaitingError: a fusion is under way, and takes long.
            StateError: the job failed.
            SourceError: the source can't be read.
        """
        if not wait:
            return self.refreshes.begin(contract, on_event, agree)
        with self._background_agent(on_event) as agent:
            begun = self.refreshes.begin_soon(contract, agent.attend, on_event, agree)
        if begun.job is None:
            return begun
        return replace(begun, job=self.jobs.wait(contract, begun.job.id, on_event))

    def request_fusion(self, contract: str) -> Job:
        """Request the next epoch's fusion without waiting; gives the unfinished one where there is one."""
        return self._fusions.request(contract)

    def report(self, contract: str, epoch: int = 0) -> FusionReport:
        """The match report of an epoch (0: the newest), its signature checked."""
        return self._fusions.report(contract, epoch)

    def activate(
        self, contract: str, segment: str, *, recipient: str, channel: str, version: int = 0, key: str = ""
    ) -> Job:
        """Hand a segment to ``recipient`` (a party's name) through a channel of the contract; does not wait.

        ``version`` 0 is the newest one. The same ``key`` gives the same job, however often it is asked for; without
        one each call is an activation of its own. ``jobs.wait`` waits, ``delivery`` tells where the file is.

        Raises:
            NotPermittedError: the clause that forbids it is in the error.
        """
        return self._activations.request(
            contract, segment, recipient=recipient, channel=channel, version=version, key=key
        )

    def delivery(self, contract: str, job: str) -> Path:
        """The file that this party's agent wrote for an activation.

        Raises:
            NotFoundError: it has written none: it is not the recipient, or not done yet.
        """
        return self._activations.delivery(contract, job)

    def size(self, contract: str, segment: str, version: int = 0) -> SizeBand:
        """The size of a segment as a band, charged to the owners' budgets; the same answer again is free."""
        return self._sizes.size(contract, segment, version)

    def quote(self, contract: str, segment: str) -> SizeQuote:
        """What asking for the size would cost, and what is left."""
        return self._sizes.quote(contract, segment)

    def estimate(
        self,
        contract: str,
        definition: str | Expression,
        *,
        universe: UniverseWord = "matched",
        points: Places = NO_PLACES,
        on_event: OnEvent = ignore,
    ) -> SizeEstimate:
        """The size of a segment before it is created, as a band; charged like any size, and the same answer as ever.

        The owners evaluate the definition for a hidden segment, which is ended again; its predicates count against the
        contract's ``legs_per_epoch``. ``segments.explain`` says beforehand what it costs. A segment that is created
        by the same definition afterwards has the same size, for nothing.

        Raises:
            ExpressionError: the definition can't be read, mixes universes, or doesn't fit the columns of the parties.
            NotPermittedError: a grant of use or size is missing, or the epoch has its limit of predicates.
            BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
            StateError: nothing is fused yet, or an agent refused.
        """
        return self._estimates.estimate(contract, definition, universe, points, on_event)

    def budget(self, contract: str) -> BudgetView:
        """The party's own privacy ledger for a contract, and across all of them."""
        return budget_view(self._session, contract)

    def audit_entries(self, contract: str) -> tuple[AuditEntry, ...]:
        """The party's own chain of what happened under a contract, oldest first."""
        return self._session.audit_log.entries(contract)

    def audit_verify(self, contract: str) -> AuditFindings:
        """Check the zone's history against this party's own chain and receipts.

        Raises:
            AuditError: they disagree; the message names the entry.
        """
        return audit_verify(self._session, contract)

    def agent(self) -> Agent:
        """The agent of this home. Only one runs at a time: ``Agent.run`` holds a lock."""
        return Agent(self._session)

    def _background_agent(self, on_event: OnEvent) -> BackgroundAgent:
        return BackgroundAgent(self.agent(), on_event)
