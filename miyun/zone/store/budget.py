"""Leases, charges and the noised sizes and overlaps that were paid with them, in the database."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from miyun.privacy.statements import BudgetCharge, BudgetLease
from miyun.zone.schema import charges, check_ins, leases, overlap_releases, size_releases


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRelease:
    """A noised size, the same for ever. ``release`` is the digest of what was asked."""

    contract: str
    release: str
    noised: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapRelease:
    """Noised sizes of segments and of what each two share, as in an answer, the same for ever."""

    contract: str
    release: str
    sizes: tuple[int, ...]
    at: datetime


def add_lease(connection: Connection, lease: BudgetLease, signature: bytes) -> None:
    connection.execute(
        insert(leases).values(
            contract=lease.contract,
            owner=lease.owner,
            sequence=lease.sequence,
            statement=lease.canonical_bytes(),
            signature=signature,
        )
    )


def list_leases(connection: Connection, contract: str, owner: str) -> tuple[BudgetLease, ...]:
    rows = connection.execute(
        select(leases.c.statement)
        .where(leases.c.contract == contract, leases.c.owner == owner)
        .order_by(leases.c.sequence)
    ).all()
    return tuple(BudgetLease.from_canonical(row.statement) for row in rows)


def add_charge(connection: Connection, charge: BudgetCharge, signature: bytes) -> None:
    connection.execute(
        insert(charges).values(
            contract=charge.contract,
            owner=charge.owner,
            sequence=charge.sequence,
            statement=charge.canonical_bytes(),
            signature=signature,
        )
    )


def list_charges(
    connection: Connection, contract: str, owner: str, *, after: int = 0, limit: int | None = None
) -> tuple[tuple[BudgetCharge, bytes], ...]:
    """Charges with a higher sequence than ``after``, and their signatures."""
    rows = connection.execute(
        select(charges.c.statement, charges.c.signature)
        .where(charges.c.contract == contract, charges.c.owner == owner, charges.c.sequence > after)
        .order_by(charges.c.sequence)
        .limit(limit)
    ).all()
    return tuple((BudgetCharge.from_canonical(row.statement), row.signature) for row in rows)


def count_charges(connection: Connection) -> int:
    """Of all owners under all contracts."""
    return connection.execute(select(func.count()).select_from(charges)).scalar_one()


def checked_in(connection: Connection, contract: str) -> frozenset[str]:
    """The owners whose charges under this contract are known to be all here."""
    return frozenset(connection.execute(select(check_ins.c.owner).where(check_ins.c.contract == contract)).scalars())


def note_check_in(connection: Connection, contract: str, owner: str, *, complete: bool) -> None:
    connection.execute(delete(check_ins).where(check_ins.c.contract == contract, check_ins.c.owner == owner))
    if complete:
        connection.execute(insert(check_ins).values(contract=contract, owner=owner))


def forget_check_ins(connection: Connection) -> None:
    connection.execute(delete(check_ins))


def add_size_release(connection: Connection, release: SizeRelease) -> None:
    connection.execute(
        insert(size_releases).values(
            contract=release.contract, release=release.release, noised=release.noised, at=release.at
        )
    )


def find_size_release(connection: Connection, contract: str, release: str) -> SizeRelease | None:
    row = connection.execute(
        select(size_releases).where(size_releases.c.contract == contract, size_releases.c.release == release)
    ).one_or_none()
    if row is None:
        return None
    return SizeRelease(contract=row.contract, release=row.release, noised=row.noised, at=row.at)


def add_overlap_release(connection: Connection, release: OverlapRelease) -> None:
    connection.execute(
        insert(overlap_releases).values(
            contract=release.contract, release=release.release, sizes=json.dumps(release.sizes), at=release.at
        )
    )


def find_overlap_release(connection: Connection, contract: str, release: str) -> OverlapRelease | None:
    row = connection.execute(
        select(overlap_releases).where(overlap_releases.c.contract == contract, overlap_releases.c.release == release)
    ).one_or_none()
    if row is None:
        return None
    return OverlapRelease(contract=contract, release=release, sizes=tuple(json.loads(row.sizes)), at=row.at)
