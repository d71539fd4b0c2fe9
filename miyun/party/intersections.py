"""Intersections with the other party, without the zone seeing any of it: asked for, and read."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from miyun.aggregates.statements import NumberRange
from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import Contract
from miyun.contract.permissions import require_party
from miyun.errors import InputError, NotFoundError, StateError
from miyun.insight.intersection import Intersection
from miyun.insight.origin import Origin
from miyun.insight.totals import NumberTotals
from miyun.members.config import load_members_config
from miyun.members.numbers import require_numbers
from miyun.members.reading import consent_columns, contract_profiles
from miyun.names import job_id, new_key
from miyun.paillier.private.key import DEFAULT_BITS
from miyun.party.background import BackgroundAgent
from miyun.party.catalogues import own_catalogue
from miyun.party.patience import patiently
from miyun.party.progress import OnEvent, ignore
from miyun.party.session import Session
from miyun.psi.intersection_sum.checks import check_request
from miyun.psi.intersection_sum.statements import IntersectionRequest, SummedColumn
from miyun.psi.intersection_sum.totals import ColumnTotal, TotalsPlan
from miyun.segments.checking import check_types
from miyun.segments.own_rows import cut_by, read_predicate
from miyun.segments.parser import parse
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import two_party_pb2 as wire
from miyun.wire.v1.two_party_pb2_grpc import IntersectionServiceStub

INTERSECT = "intersect"


class IntersectionsClient:
    """One party holds rows, and numbers to sum if any are asked for; the other one is the matcher.

    The matcher learns how many rows they share, the holder the sums over its own columns, both with noise. A request is
    a run of its own, over today's rows, and is charged; what came of it can be read for as long as this home exists.
    """

    def __init__(self, session: Session, background_agent: Callable[[OnEvent], BackgroundAgent]) -> None:
        self._session = session
        self._background_agent = background_agent

    def prepare(
        self,
        contract: str,
        *,
        sums: Sequence[NumberRange] = (),
        type: str = "",
        holder: str = "",
        rows: str = "",
        their_rows: str = "",
        totals_rho_micro: int = 0,
        size_rho_micro: int | None = None,
        exact: Sequence[str] = (),
        key: str = "",
    ) -> IntersectionRequest:
        """A request that can be permitted and computed as far as this party knows; nothing is asked.

        ``sums`` are the holder's own columns. ``holder`` is this party where there are any, else the other one; the
        identifier type is the contract's first. ``rows`` and ``their_rows`` are predicates over either party's own
        columns. The totals are charged to the matcher, the size to the holder: what the contract says for one size, if
        left out. ``exact`` are parties that learn the exact number, outside differential privacy. The same ``key``
        gives the same job.

        Raises:
            NotPermittedError: a grant is missing; the clause is in the error.
            ContractError, ExpressionError, InputError: it can't be computed; the message says why.
            ConfigError: this party's tables lack what it needs.
        """
        session = self._session
        terms = session.accepted.active(contract, session.now())
        me, other = session.name, terms.counterparty(session.name).name
        holding = require_party(terms, holder or (me if sums else other)).name
        matching = terms.counterparty(holding).name
        texts = {me: _canonical(rows), other: _canonical(their_rows)}
        if size_rho_micro is None:
            size_rho_micro = 0 if matching in exact else terms.budget.size_rho_micro
        if sums and not totals_rho_micro:
            raise InputError(
                "sums have to be charged with something", hint="Say what they may cost, in millionths: --rho 50000"
            )
        request = IntersectionRequest(
            contract=contract,
            contract_digest=terms.digest(),
            job=job_id(contract, me, INTERSECT, key or new_key()),
            requester=me,
            holder=holding,
            type=type or terms.identifiers[0].type,
            holder_rows=texts[holding],
            matcher_rows=texts[matching],
            columns=tuple(_column(terms, holding, number) for number in sums),
            totals_rho_micro=totals_rho_micro,
            size_rho_micro=size_rho_micro,
            exact_for=tuple(sorted(set(exact))),
            at=session.now(),
        )
        check_request(terms, request, subjects=cut_by(terms, texts))
        self._check_own(terms, request, texts[me])
        return request

    def request(self, request: IntersectionRequest, on_event: OnEvent = ignore) -> Job:
        """Ask for what was prepared; does not wait for its end.

        Raises:
            StateError: its key stood for another request before.
            BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
        """
        session = self._session
        terms = session.accepted.active(request.contract, session.now())
        request = self._held(request) or request
        signature = session.sign(request)
        session.requests.keep(request, signature, subject=request.type)
        message = wire.RequestIntersectionRequest(
            statement=to_wire(request, wire.IntersectionRequest), signature=signature
        )
        with self._background_agent(on_event) as agent:
            answer = patiently(
                session, agent, lambda: session.stub(IntersectionServiceStub).RequestIntersection(message)
            )
        session.receipts.keep(answer.receipt, request, terms)
        facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.TYPE: request.type}
        session.audit_log.note(terms.id, Event.INTERSECTION_REQUESTED, session.name, request, facts)
        return from_wire(answer.job, Job)

    def list(self, contract: str) -> tuple[IntersectionRequest, ...]:
        """The requests by which this party has learned something, oldest first."""
        held = self._session.intersections.learned(contract)
        requests = [self._request(contract, one.job) for one in held if one.learned and one.learned.anything]
        return tuple(sorted(requests, key=lambda request: request.at))

    def result(self, contract: str, job: str) -> Intersection:
        """What this party learned; free, however often it is read.

        Raises:
            NotFoundError: nothing: the job is not done yet, has failed, or tells the other party alone.
        """
        held = self._session.intersections.get(contract, job)
        if held is None or held.learned is None or not held.learned.anything:
            raise NotFoundError(
                f"this party has learned nothing by job {job}",
                hint="Wait for the job; without columns to sum the holder learns nothing by it.",
            )
        request, learned = self._request(contract, job), held.learned
        size = learned.size
        return Intersection(
            type=request.type,
            cut=tuple(text for text in (request.holder_rows, request.matcher_rows) if text),
            size=None if size is None else size.size,
            scale=0.0 if size is None else size.scale,
            sums=tuple(_totals(column, total) for column, total in zip(request.columns, learned.totals, strict=False)),
            origin=Origin(
                contract=contract,
                question=request.digest().hex(),
                at=request.at,
                audiences={},
                asked=_asked(request),
                job=job,
            ),
        )

    def _check_own(self, terms: Contract, request: IntersectionRequest, rows: str) -> None:
        """Before anything is charged: this party's own tables have what is asked of them."""
        config = load_members_config(self._session.config_path)
        contract_profiles(config, (terms.identifier(request.type),))
        consent_columns(config, terms.consent)
        predicate = read_predicate(terms, self._session.name, rows)
        if predicate is not None:
            namespace = terms.party(self._session.name).kind.namespace
            check_types(predicate, {namespace: config.column_types})
        if request.columns:
            TotalsPlan.of(request, rows=terms.identifier(request.type).evaluation_cap, key_bits=DEFAULT_BITS)
        if request.holder == self._session.name:
            catalogue = None if config.tags is None else own_catalogue(config)
            require_numbers(config, request.columns, catalogue=catalogue)

    def _held(self, request: IntersectionRequest) -> IntersectionRequest | None:
        signed = self._session.requests.intersection(request.contract, request.job)
        if signed is None:
            return None
        held, _ = signed
        if replace(held, at=request.at) != request:
            raise StateError("this key stood for another intersection before", hint="Give another key.")
        return held

    def _request(self, contract: str, job: str) -> IntersectionRequest:
        signed = self._session.requests.intersection(contract, job)
        assert signed is not None  # noqa: S101
        return signed[0]


def _canonical(text: str) -> str:
    return parse(text).text() if text else ""


def _column(contract: Contract, holder: str, number: NumberRange) -> SummedColumn:
    """By the name that its holder has for it."""
    namespace, dot, name = number.name.partition(".")
    own = contract.party(holder).kind.namespace
    other = contract.counterparty(holder).kind.namespace
    if dot and namespace == other:
        raise InputError(
            f"{number.name} is not a column of {holder}",
            hint=f"Name {contract.counterparty(holder).name} as the holder: it alone learns sums over its columns.",
        )
    bare = name if dot and namespace == own else number.name
    return SummedColumn(name=bare, low=number.low, high=number.high, step=number.step)


def _asked(request: IntersectionRequest) -> dict[str, object]:
    """What was asked, and what each owner was charged for it, as JSON values."""
    kept = ("holder", "type", "holder_rows", "matcher_rows", "columns", "totals_rho_micro", "size_rho_micro")
    plain = request.to_plain()
    return {name: plain[name] for name in (*kept, "exact_for")}


def _totals(column: SummedColumn, total: ColumnTotal) -> NumberTotals:
    step = float(column.step)
    return NumberTotals(
        name=column.name,
        low=column.low * step,
        high=column.high * step,
        step=step,
        total=total.total,
        total_scale=total.total_scale,
        known=total.known,
        known_scale=total.known_scale,
    )
