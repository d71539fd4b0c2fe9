"""Newcomers: invited by the operator, enrolled once by the secret of their join code, and found in the directory."""

import hashlib
import secrets
from datetime import timedelta

from miyun.errors import InputError, MalformedError, NotFoundError, NotPermittedError
from miyun.keys.home import Role
from miyun.keys.identity import Identity
from miyun.keys.sealing import SealingPublicKey
from miyun.keys.signing import VerifyKey
from miyun.names import check_name
from miyun.transport.peer import Peer
from miyun.transport.tls import Authority
from miyun.zone.core import Change, Core
from miyun.zone.store import directory as store
from miyun.zone.store.directory import Invitation, Member

SECRET_BYTES = 20


def invite(core: Core, role: Role, name: str, valid: timedelta) -> str:
    """The one-time secret of a new invitation.

    Raises:
        InputError: a zone can't be invited, or the name is another member's or the zone's own.
    """
    check_name(name)
    if role is Role.ZONE:
        raise InputError("a zone does not join a zone", hint="Invite a party or an analyst.")
    if name == core.name:
        raise InputError(f"{name} is this zone's own name", hint="Choose another name.")
    secret = secrets.token_hex(SECRET_BYTES)
    with core.changing() as change:
        _require_same_role(change, role, name)
        store.add_invitation(change.connection, _digest(secret), role=role, name=name, expires=change.at + valid)
    return secret


def enrol(
    core: Core, authority: Authority, *, secret: str, request: bytes, identity: Identity, signature: bytes
) -> bytes:
    """A certificate (PEM) for an invited newcomer. The same call again gives the same certificate.

    Raises:
        NotPermittedError: no such invitation, used, or over; which, is not said.
        MalformedError, SignatureError: the identity or the certificate request is not sound.
    """
    _check_identity(identity, signature)
    asked = _request_digest(request, identity)
    with core.changing() as change:
        invitation = store.find_invitation(change.connection, _digest(secret))
        if invitation is not None and invitation.request_digest == asked and invitation.certificate is not None:
            return invitation.certificate
        _require_open(change, invitation, identity)
        role = Role(identity.role)
        _require_same_role(change, role, identity.name)
        certificate = authority.issue_client(request, role, identity.name)
        store.use_invitation(change.connection, _digest(secret), request_digest=asked, certificate=certificate)
        member = Member(name=identity.name, role=role, identity=identity, signature=signature, enrolled=change.at)
        store.put_member(change.connection, member)
        return certificate


def find_identity(core: Core, caller: Peer, name: str) -> tuple[Identity, bytes]:
    """Who a member says it is. An analyst finds the zone and itself only.

    Raises:
        NotFoundError: there is none of this name.
    """
    if name == core.name:
        return core.identity, core.identity_signature
    with core.reading() as connection:
        member = store.find_member(connection, name)
    if member is None or (caller.role is Role.ANALYST and caller.name != name):
        raise NotFoundError(
            f"this zone has no member {name[:80]}", hint="Check the name, or have the zone's operator invite it."
        )
    return member.identity, member.signature


def _check_identity(identity: Identity, signature: bytes) -> None:
    VerifyKey(identity.signing_key).verify(identity, signature)
    if identity.role not in {Role.PARTY, Role.ANALYST}:
        raise MalformedError("an identity that is neither a party's nor an analyst's", hint="Create the home again.")
    if (identity.role == Role.PARTY) != (identity.sealing_key is not None and identity.kind is not None):
        raise MalformedError("an identity without the keys and kind of its role", hint="Create the home again.")
    if identity.sealing_key is not None:
        SealingPublicKey(identity.sealing_key)


def _require_open(change: Change, invitation: Invitation | None, identity: Identity) -> None:
    if (
        invitation is None
        or invitation.request_digest is not None
        or change.at >= invitation.expires
        or (invitation.name, invitation.role) != (identity.name, identity.role)
    ):
        raise NotPermittedError(
            "this join code was used, is over, or is for somebody else", hint="Ask the zone's operator for a new one."
        )


def _require_same_role(change: Change, role: Role, name: str) -> None:
    member = store.find_member(change.connection, name)
    if member is not None and member.role is not role:
        raise InputError(f"{name} is a member already, as {member.role}", hint="Choose another name.")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(b"miyun/v1/invitation\0" + secret.encode()).digest()


def _request_digest(request: bytes, identity: Identity) -> bytes:
    return hashlib.sha256(hashlib.sha256(request).digest() + identity.digest()).digest()
