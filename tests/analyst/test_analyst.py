"""An analyst over real TLS, against a zone that answers well and zones that don't."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from miyun.analyst.client import Analyst
from miyun.errors import KeyAccessError, MalformedError, MiyunError, NotPermittedError, ReplayError, SignatureError
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role
from miyun.keys.identity import Identity
from miyun.keys.signing import SigningKey, VerifyKey
from miyun.keys.vault import Passphrase
from miyun.privacy.quotes import SizeQuote
from miyun.privacy.statements import SizeBand, SizeRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.join_code import JoinCode
from miyun.transport.server import EnrolmentServer, Server
from miyun.transport.tls import Authority
from miyun.wire.v1 import identity_pb2, size_pb2
from miyun.wire.v1.identity_pb2_grpc import EnrolmentServiceServicer
from miyun.wire.v1.size_pb2_grpc import SizeServiceServicer, add_SizeServiceServicer_to_server

AT = datetime(2026, 11, 22, tzinfo=UTC)
UNLOCK = Passphrase("correct horse")


def new_home(path: Path, role: Role, kind: str | None = None) -> Home:
    return create_home(
        path, HomeInfo(name=f"the-{role}", role=role, kind=kind, organisation="Organisation", created=AT), UNLOCK
    )


class SmallZone(SizeServiceServicer, EnrolmentServiceServicer):
    """Knows one analyst and one segment."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.authority = Authority.create(home)
        self.key = home.signing_key
        self.analyst: VerifyKey | None = None
        self.distort: Callable[[SizeBand], SizeBand] = lambda band: band
        self.refusal: MiyunError | None = None

    def Enrol(self, request: identity_pb2.EnrolRequest, context: grpc.ServicerContext) -> identity_pb2.EnrolResponse:
        newcomer = from_wire(request.identity, Identity)
        self.analyst = VerifyKey(newcomer.signing_key)
        identity, signature = self.home.identity()
        return identity_pb2.EnrolResponse(
            certificate=self.authority.issue_client(request.certificate_request, Role.ANALYST, newcomer.name),
            authority=self.authority.certificate_pem,
            zone=to_wire(identity, identity_pb2.Identity),
            signature=signature,
        )

    def AskSize(self, request: size_pb2.AskSizeRequest, context: grpc.ServicerContext) -> size_pb2.AskSizeResponse:
        asked = from_wire(request.statement, SizeRequest)
        assert self.analyst is not None
        self.analyst.verify(asked, request.signature)
        if self.refusal is not None:
            raise self.refusal
        band = self.distort(
            SizeBand(
                contract=asked.contract,
                segment=asked.segment,
                version=asked.version or 3,
                at_least=1000,
                below=2000,
                at=AT,
            )
        )
        return size_pb2.AskSizeResponse(statement=to_wire(band, size_pb2.SizeBand), signature=self.key.sign(band))

    def QuoteSize(
        self, request: size_pb2.QuoteSizeRequest, context: grpc.ServicerContext
    ) -> size_pb2.QuoteSizeResponse:
        return size_pb2.QuoteSizeResponse(rho_micro=250, remaining_micro=10_000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallZone, Path]]:
    folder = tmp_path_factory.mktemp("analyst")
    zone = SmallZone(new_home(folder / "zone", Role.ZONE))
    server = Server(zone.home, zone.authority, "127.0.0.1:0", workers=2)
    server.add_service(add_SizeServiceServicer_to_server, zone)
    enrolment = EnrolmentServer(zone.home, zone.authority, "127.0.0.1:0", zone)
    code = JoinCode(
        address=f"127.0.0.1:{server.start()}",
        enrolment_address=f"127.0.0.1:{enrolment.start()}",
        authority_fingerprint=zone.authority.fingerprint(),
        secret="once",
        role=Role.ANALYST,
        name="the-analyst",
    )
    new_home(folder / "lab", Role.ANALYST)
    with Analyst.open(folder / "lab", UNLOCK) as analyst:
        analyst.join(code)
    yield zone, folder / "lab"
    server.stop(0)
    enrolment.stop(0)


@pytest.fixture
def zone(served: tuple[SmallZone, Path], monkeypatch: pytest.MonkeyPatch) -> SmallZone:
    for name in ("key", "distort", "refusal"):
        monkeypatch.setattr(served[0], name, getattr(served[0], name))
    return served[0]


@pytest.fixture
def analyst(served: tuple[SmallZone, Path]) -> Iterator[Analyst]:
    with Analyst.open(served[1], UNLOCK) as opened:
        yield opened


def test_a_size_is_a_band_signed_by_the_zone(analyst: Analyst, zone: SmallZone) -> None:
    newest = analyst.size("spring", "sleepers")
    second = analyst.size("spring", "sleepers", version=2)

    assert (newest.at_least, newest.below, newest.version) == (1000, 2000, 3)
    assert second.version == 2


def test_a_quote_costs_nothing_and_says_the_price(analyst: Analyst, zone: SmallZone) -> None:
    assert analyst.quote("spring", "sleepers") == SizeQuote(rho_micro=250, remaining_micro=10_000)


def test_a_band_signed_by_another_key_is_refused(analyst: Analyst, zone: SmallZone) -> None:
    zone.key = SigningKey.generate()

    with pytest.raises(SignatureError):
        analyst.size("spring", "sleepers")


@pytest.mark.parametrize("other", [{"contract": "autumn"}, {"segment": "payers"}, {"version": 1}])
def test_a_signed_answer_to_another_question_is_refused(
    analyst: Analyst, zone: SmallZone, other: dict[str, str]
) -> None:
    zone.distort = lambda band: replace(band, **other)  # type: ignore[arg-type]

    with pytest.raises(ReplayError):
        analyst.size("spring", "sleepers", version=2)


@pytest.mark.parametrize("nonsense", [{"below": 1000}, {"below": 0}, {"version": 0}])
def test_a_band_that_is_none_is_refused(analyst: Analyst, zone: SmallZone, nonsense: dict[str, int]) -> None:
    zone.distort = lambda band: replace(band, **nonsense)  # type: ignore[arg-type]

    with pytest.raises(MalformedError):
        analyst.size("spring", "sleepers")


def test_the_largest_band_has_no_upper_end(analyst: Analyst, zone: SmallZone) -> None:
    zone.distort = lambda band: replace(band, below=None)

    assert analyst.size("spring", "sleepers").below is None


def test_a_refusal_arrives_as_the_zone_worded_it(analyst: Analyst, zone: SmallZone) -> None:
    zone.refusal = NotPermittedError("no size for this", hint="Ask a party.", clause="grants")

    with pytest.raises(NotPermittedError, match="no size for this") as caught:
        analyst.size("spring", "sleepers")
    assert (caught.value.hint, caught.value.clause) == ("Ask a party.", "grants")


def test_the_home_of_another_role_is_refused(tmp_path: Path) -> None:
    new_home(tmp_path / "shop", Role.PARTY, "merchant")

    with pytest.raises(KeyAccessError, match="home for the role party"):
        Analyst.open(tmp_path / "shop", UNLOCK)


def test_asking_before_joining_says_what_to_do(tmp_path: Path) -> None:
    new_home(tmp_path / "lab", Role.ANALYST)

    with Analyst.open(tmp_path / "lab", UNLOCK) as analyst, pytest.raises(KeyAccessError, match="not joined") as caught:
        analyst.size("spring", "sleepers")
    assert "join" in caught.value.hint
