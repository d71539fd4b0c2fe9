"""Keys are made once: the tests are about documents."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from miyun.contract.draft import draft_contract
from miyun.contract.lifecycle import SignedContract
from miyun.contract.model import Contract, IdentifierTerms
from miyun.keys.identity import Identity
from miyun.keys.signing import SigningKey

STARTS = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRES = datetime(2027, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Signers:
    zone: SigningKey
    shop: SigningKey
    feed: SigningKey

    def sign(self, contract: Contract) -> SignedContract:
        signatures = {name: getattr(self, name).sign(contract) for name in ("zone", "shop", "feed")}
        return SignedContract(contract=contract, signatures=signatures, activated=True)


def sealing_public_key() -> bytes:
    encapsulation = MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
    return encapsulation + X25519PrivateKey.generate().public_key().public_bytes_raw()


@pytest.fixture(scope="session")
def signers() -> Signers:
    return Signers(zone=SigningKey.generate(), shop=SigningKey.generate(), feed=SigningKey.generate())


@pytest.fixture(scope="session")
def identities(signers: Signers) -> dict[str, Identity]:
    def party(name: str, kind: str, organisation: str) -> Identity:
        return Identity(
            name=name,
            role="party",
            kind=kind,
            organisation=organisation,
            signing_key=getattr(signers, name).verify_key.to_bytes(),
            sealing_key=sealing_public_key(),
        )

    return {
        "zone": Identity(
            name="zone",
            role="zone",
            organisation="Neutral Ltd",
            signing_key=signers.zone.verify_key.to_bytes(),
        ),
        "merchant": party("shop", "merchant", "Tea Shop AG"),
        "platform": party("feed", "platform", "Feed Inc"),
    }


@pytest.fixture(scope="session")
def drafted(identities: dict[str, Identity]) -> Contract:
    """The shop and the feed, matched by phone, then email; the feed may reach the shop's column ``spend_90d``."""
    return draft_contract(
        id="spring-2027",
        **identities,
        identifiers=[
            IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=10_000_000),
            IdentifierTerms(type="email", profile="plain", evaluation_cap=2_000_000),
        ],
        starts=STARTS,
        expires=EXPIRES,
        columns=["spend_90d"],
    )


@pytest.fixture(scope="session")
def hosted(drafted: Contract) -> Contract:
    """The same, on a zone that the platform operates."""
    return replace(drafted, zone=replace(drafted.zone, organisation="FEED  Inc"))


@pytest.fixture
def without_grant(drafted: Contract) -> Callable[..., Contract]:
    """The contract without the grants that have all these values."""

    def remove(**fields: str) -> Contract:
        kept = tuple(g for g in drafted.grants if not all(getattr(g, k) == v for k, v in fields.items()))
        assert len(kept) == len(drafted.grants) - 1
        return replace(drafted, grants=kept)

    return remove
