"""Lookalikes as parties list them, and as definitions of segments need them."""

from collections.abc import Collection

from sqlalchemy import Connection

from miyun.aggregates.lookalikes import Lookalike, LookalikeRelease, LookalikeState
from miyun.contract.jobs import JobState
from miyun.errors import NotFoundError, StateError, WaitingError
from miyun.zone.core import Core
from miyun.zone.operations.access import contract_of_party
from miyun.zone.operations.jobs import require_job
from miyun.zone.store import lookalikes as store
from miyun.zone.store.jobs import signed_request
from miyun.zone.store.lookalikes import StoredLookalike

PAGE_LOOKALIKES = 200


def list_lookalikes(core: Core, caller: str, contract: str, *, limit: int, after: str) -> tuple[Lookalike, ...]:
    """Lookalikes by name, at most `PAGE_LOOKALIKES` a page."""
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        page = min(limit or PAGE_LOOKALIKES, PAGE_LOOKALIKES)
        found = store.list_lookalikes(connection, contract, limit=page, after=after)
        return tuple(_view(connection, lookalike) for lookalike in found)


def require_lookalikes(connection: Connection, contract: str, names: Collection[str]) -> None:
    """Pass where the platform can score by all of these.

    Raises:
        NotFoundError: there is none of a name.
        WaitingError: the platform's agent does not have it yet.
        StateError: it refused it.
    """
    for name in sorted(names):
        found = store.lookalike_named(connection, contract, name)
        if found is None:
            raise NotFoundError(
                f"there is no lookalike {name[:80]}", hint="List them: miyun lookalike list; or release it first."
            )
        match _state(connection, found):
            case LookalikeState.FAILED:
                raise StateError(f"lookalike {name} was refused", hint="Release it anew, by another name.")
            case LookalikeState.RELEASED:
                raise WaitingError(
                    f"lookalike {name} has not reached the platform's agent", hint="Wait for its job: miyun job list"
                )


def _view(connection: Connection, lookalike: StoredLookalike) -> Lookalike:
    release = LookalikeRelease.from_canonical(signed_request(connection, lookalike.contract, lookalike.job).request)
    return Lookalike(
        name=release.name,
        party=release.party,
        seed=release.seed,
        base=release.base,
        rho_micro=release.rho_micro,
        state=_state(connection, lookalike),
        job=lookalike.job,
        at=release.at,
    )


def _state(connection: Connection, lookalike: StoredLookalike) -> LookalikeState:
    if lookalike.received is not None:
        return LookalikeState.READY
    failed = require_job(connection, lookalike.contract, lookalike.job).state is JobState.FAILED
    return LookalikeState.FAILED if failed else LookalikeState.RELEASED
