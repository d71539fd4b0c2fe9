"""Sizes of segments before they are created."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from miyun.contract.model import Contract, Universe
from miyun.contract.permissions import permit_leg_count, permit_segment, permit_size
from miyun.errors import BudgetExceededError, NotFoundError, StateError
from miyun.names import estimate_name
from miyun.party.background import BackgroundAgent
from miyun.party.jobs import JobsClient
from miyun.party.patience import patiently
from miyun.party.progress import OnEvent
from miyun.party.segments import SegmentsClient, UniverseWord
from miyun.party.session import Session
from miyun.party.sizes import SizesClient
from miyun.segments.explaining import Explanation
from miyun.segments.expression import Expression
from miyun.segments.near import Places
from miyun.segments.quotes import ToldSize

LONGEST_LIFE = timedelta(days=1)
"""How long an estimate may wait for the other party's agent: then the segment it is made by expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeEstimate:
    """The band that the size of a definition lies in, on the rows of an epoch. No ``below``: no upper end.

    ``rho_micro`` is what each owner that it derives from was charged for it now; 0: it was told before.
    """

    contract: str
    definition: str
    universe: Universe
    epoch: int
    at_least: int
    below: int | None
    at: datetime
    rho_micro: int


class EstimatesClient:
    """An estimate is a hidden segment that nobody can activate or build on, and that ends when its size is told.

    One that was interrupted goes on when the same is asked again, until it expires; who asks the same at the same time
    is told what the first was told.
    """

    def __init__(
        self,
        session: Session,
        segments: SegmentsClient,
        jobs: JobsClient,
        sizes: SizesClient,
        background_agent: Callable[[OnEvent], BackgroundAgent],
    ) -> None:
        self._session = session
        self._segments = segments
        self._jobs = jobs
        self._sizes = sizes
        self._background_agent = background_agent

    def estimate(
        self, contract: str, definition: str | Expression, universe: UniverseWord, points: Places, on_event: OnEvent
    ) -> SizeEstimate:
        """Raises as ``Party.estimate``."""
        terms = self._session.accepted.active(contract, self._session.now())
        plan = self._segments.explain(contract, definition, universe=universe, points=points)
        if plan.told is not None:
            return _told(plan, plan.told)
        _require_possible(terms, self._session.name, plan)
        name = estimate_name(contract, self._session.name, f"{plan.universe}\0{plan.definition}\0{plan.meaning}")
        try:
            with self._background_agent(on_event) as agent:
                self._jobs.wait(contract, self._begin(plan, name), on_event)
                band = patiently(self._session, agent, lambda: self._sizes.size(contract, name, 0))
                epoch = self._segments.invalidate(contract, name).epoch
        except StateError:
            ended = self._segments.explain(contract, plan.definition, universe=universe)
            if ended.told is None:
                raise
            return _told(ended, ended.told)
        return _estimate(plan, epoch, band.at_least, band.below, band.at)

    def _begin(self, plan: Explanation, name: str) -> str:
        """The job of the segment: the one that is under way, else a new one."""
        requests = [held for held in self._session.requests.segments(plan.contract) if held.name == name]
        if requests and self._is_live(plan.contract, name):
            return max(requests, key=lambda request: request.at).job
        created = self._segments.create(
            plan.contract,
            name,
            plan.definition,
            universe=plan.universe,
            channels=(),
            expires=min(self._session.now() + LONGEST_LIFE, plan.until),
            hidden=True,
            processable=False,
        )
        return created.id

    def _is_live(self, contract: str, name: str) -> bool:
        try:
            return self._segments.get(contract, name).state.is_live
        except NotFoundError:
            return False


def _require_possible(contract: Contract, owner: str, plan: Explanation) -> None:
    """Pass where nothing stands against the estimate that is known before anybody evaluates anything."""
    permit_segment(contract, owner, plan.subjects)
    permit_size(contract, owner, plan.subjects)
    if not plan.epoch:
        raise StateError(f"nothing is fused yet under contract {contract.id}", hint="Fuse first.")
    for share in plan.owners:
        if share.legs_new:
            permit_leg_count(contract, share.legs_asked + share.legs_new)
        if share.rho_micro > share.left_micro:
            raise BudgetExceededError(
                f"a size costs {share.rho_micro} micro-rho, and {share.party}'s budget under contract {contract.id} "
                f"holds {share.left_micro}",
                hint="Use answers that were given before, or agree on a new contract.",
                clause="budget.rho_micro",
            )


def _told(plan: Explanation, told: ToldSize) -> SizeEstimate:
    return _estimate(plan, plan.epoch, told.at_least, told.below, told.at)


def _estimate(plan: Explanation, epoch: int, at_least: int, below: int | None, at: datetime) -> SizeEstimate:
    return SizeEstimate(
        contract=plan.contract,
        definition=plan.definition,
        universe=plan.universe,
        epoch=epoch,
        at_least=at_least,
        below=below,
        at=at,
        rho_micro=max(share.rho_micro for share in plan.owners),
    )
