"""A publisher's salt on its way to an advertiser: signed by the one, sealed to the other, under their contract.

The salt alone tests no guess (see :mod:`miyun.pair.ids`); still nobody else needs it. Both keys are those that the
contract pins. One that is not later than those before is refused (:func:`miyun.pair.keyset.require_later`), so that a
copy played again moves nothing back.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

from miyun.contract.model import Contract
from miyun.errors import MalformedError
from miyun.keys.sealing import SealingPublicKey
from miyun.keys.secret import Secret
from miyun.keys.signing import SigningKey, VerifyKey
from miyun.keys.unsealing import SealingKey
from miyun.pair.keyset import Generation, KeySet
from miyun.pair.secrets import Salt
from miyun.records import Record, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class SaltGrant(Statement):
    """``publisher`` gives ``advertiser`` its salt of this number, in force from ``since`` on.

    ``withdraws``: the salts before have leaked and are not used any more.
    """

    KIND: ClassVar[str] = "pair-salt"

    contract: str
    contract_digest: bytes
    publisher: str
    advertiser: str
    number: int
    since: date
    withdraws: bool
    sealed_digest: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSalt(Record):
    """What travels: a file whose content only the advertiser can open."""

    grant: SaltGrant
    signature: bytes
    sealed: bytes


class ReceivedSalt(Secret):
    """A salt that was opened and checked."""

    __slots__ = ("grant", "salt")

    def __init__(self, grant: SaltGrant, salt: Salt) -> None:
        self.grant = grant
        self.salt = salt


def seal_salt(
    keys: KeySet, generation: Generation, salt: Salt, *, contract: Contract, me: str, signing_key: SigningKey
) -> SealedSalt:
    """The salt of one of the publisher's own generations, for the other party of the contract."""
    other = contract.counterparty(me)
    before = [one for one in keys.generations if one.number < generation.number]
    grant = SaltGrant(
        contract=contract.id,
        contract_digest=contract.digest(),
        publisher=me,
        advertiser=other.name,
        number=generation.salt,
        since=generation.since,
        withdraws=bool(before) and before[-1].withdrawn == generation.since,
    )
    sealed = SealingPublicKey(other.sealing_key).seal(salt.to_bytes(), _info(grant))
    signed = _with_digest(grant, sealed)
    return SealedSalt(grant=signed, signature=signing_key.sign(signed), sealed=sealed)


def open_salt(file: SealedSalt, *, contract: Contract, me: str, key: SealingKey) -> ReceivedSalt:
    """The salt that the other party of the contract gave this one.

    Raises:
        SignatureError: the contract's other party has not signed this.
        MalformedError: for another contract or party, or sealed to another key.
    """
    publisher = contract.counterparty(me)
    VerifyKey(publisher.signing_key).verify(file.grant, file.signature)
    meant = _with_digest(file.grant, file.sealed)
    names = (file.grant.publisher, file.grant.advertiser, file.grant.contract_digest)
    if file.grant != meant or names != (publisher.name, me, contract.digest()) or file.grant.number < 1:
        raise MalformedError(
            "this salt is for another contract or another party",
            hint="Ask the publisher for one under this contract: miyun pair keys share",
        )
    opened = key.open(file.sealed, _info(file.grant))
    return ReceivedSalt(file.grant, Salt(opened))


def _info(grant: SaltGrant) -> bytes:
    return _with_digest(grant, None).signing_bytes()


def _with_digest(grant: SaltGrant, sealed: bytes | None) -> SaltGrant:
    return replace(grant, sealed_digest=b"" if sealed is None else hashlib.sha256(sealed).digest())
