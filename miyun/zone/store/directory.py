"""Members of the zone and invitations, in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from miyun.keys.home import Role
from miyun.keys.identity import Identity
from miyun.zone.schema import invitations, members


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """``request_digest`` and ``certificate`` are there once it was used."""

    role: Role
    name: str
    expires: datetime
    request_digest: bytes | None
    certificate: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    name: str
    role: Role
    identity: Identity
    signature: bytes
    enrolled: datetime


def add_invitation(connection: Connection, secret_digest: bytes, *, role: Role, name: str, expires: datetime) -> None:
    connection.execute(
        insert(invitations).values(secret_digest=secret_digest, role=role.value, name=name, expires=expires)
    )


def find_invitation(connection: Connection, secret_digest: bytes) -> Invitation | None:
    row = connection.execute(select(invitations).where(invitations.c.secret_digest == secret_digest)).one_or_none()
    if row is None:
        return None
    return Invitation(
        role=Role(row.role),
        name=row.name,
        expires=row.expires,
        request_digest=row.request_digest,
        certificate=row.certificate,
    )


def use_invitation(connection: Connection, secret_digest: bytes, *, request_digest: bytes, certificate: bytes) -> None:
    connection.execute(
        update(invitations)
        .where(invitations.c.secret_digest == secret_digest)
        .values(request_digest=request_digest, certificate=certificate)
    )


def find_member(connection: Connection, name: str) -> Member | None:
    row = connection.execute(select(members).where(members.c.name == name)).one_or_none()
    return None if row is None else _member(row)


def list_members(connection: Connection) -> tuple[Member, ...]:
    rows = connection.execute(select(members).order_by(members.c.name)).all()
    return tuple(_member(row) for row in rows)


def put_member(connection: Connection, member: Member) -> None:
    """Add a member, or replace the one of this name."""
    connection.execute(delete(members).where(members.c.name == member.name))
    connection.execute(
        insert(members).values(
            name=member.name,
            role=member.role.value,
            identity=member.identity.canonical_bytes(),
            signature=member.signature,
            enrolled=member.enrolled,
        )
    )


def _member(row: Row[Any]) -> Member:
    return Member(
        name=row.name,
        role=Role(row.role),
        identity=Identity.from_canonical(row.identity),
        signature=row.signature,
        enrolled=row.enrolled,
    )
