"""Questions as their reader puts them: which versions of segments, which columns, and whether they can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from miyun.aggregates.job import permit_circuit
from miyun.aggregates.lookalikes import SCORE
from miyun.aggregates.question import Question
from miyun.aggregates.statements import Circuit, InsightRequest, NumberRange, SegmentVersion
from miyun.contract.model import MATCHED, Contract
from miyun.contract.permissions import granted_tags, permit_insight
from miyun.contract.schema import ColumnType
from miyun.errors import ConfigError, InputError, StateError, WaitingError
from miyun.insight.totals import NO_DIMENSION, Tags
from miyun.members.catalogue import Catalogue, Indices
from miyun.members.config import load_members_config
from miyun.party.catalogues import asked_tags, permit_tags, score_catalogue
from miyun.party.definitions import Definitions
from miyun.party.given_catalogues import given_catalogue
from miyun.party.session import Session
from miyun.wire.v1.fusion_pb2 import GetProgressRequest
from miyun.wire.v1.fusion_pb2_grpc import FusionServiceStub
from miyun.wire.v1.segment_pb2 import GetSegmentRequest
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTags:
    """Tags of the other party's catalogue. A row counts for at most ``per_person`` of them."""

    catalogue: Catalogue
    tags: Sequence[str]
    branches: Sequence[str]
    per_person: int

    def places(self) -> Indices:
        """What is counted, by catalogue index. Raises as ``asked_tags``."""
        return asked_tags(self.catalogue, self.tags, self.branches)

    def named(self) -> Tags:
        """The same with what they are called: by their paths."""
        catalogue, places = self.catalogue, self.places()
        dimensions = catalogue.dimensions(places)
        above = catalogue.parents[places]
        found = np.searchsorted(dimensions, np.maximum(above, 0)).astype(np.int64)
        return Tags(
            ids=tuple(catalogue.id_of(place) for place in places.tolist()),
            names=tuple(catalogue.path_of(place) for place in places.tolist()),
            dimensions=tuple(catalogue.path_of(place) for place in dimensions.tolist()),
            dimension_of=np.where(above >= 0, found, NO_DIMENSION),
        )


class Questions:
    """Questions of this party."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._definitions = Definitions(session)

    def about_tags(
        self, contract: Contract, segments: Sequence[str], asked: AskedTags, *, rho_micro: int, key_digest: bytes
    ) -> InsightRequest:
        """A question about the other party's tags, not yet as any job.

        Raises:
            NotPermittedError: a grant is missing, or roles that must be apart are in one organisation.
            InputError: it can't be asked; the message says why.
        """
        request = self._of_tags(contract, segments, asked, rho_micro=rho_micro, key_digest=key_digest)
        permit_tags(contract, self._session.name, asked.catalogue, asked.places())
        return request

    def about_scores(
        self, contract: Contract, segments: Sequence[str], lookalike: str, *, rho_micro: int, key_digest: bytes
    ) -> tuple[InsightRequest, Tags]:
        """A question about people's parts by a lookalike's score, and what the parts are called.

        It needs no grant but those of the tags that are weighed, which the portrait needed.

        Raises:
            NotPermittedError, InputError: as ``about_tags``.
        """
        asked = AskedTags(catalogue=score_catalogue(lookalike), tags=(), branches=(SCORE + lookalike,), per_person=1)
        request = self._of_tags(contract, segments, asked, rho_micro=rho_micro, key_digest=key_digest)
        return request, asked.named()

    def _of_tags(
        self, contract: Contract, segments: Sequence[str], asked: AskedTags, *, rho_micro: int, key_digest: bytes
    ) -> InsightRequest:
        catalogue, places = asked.catalogue, asked.places()
        request = replace(
            self._request(contract, Circuit.SELECTION, segments, rho_micro=rho_micro, key_digest=key_digest),
            catalogue_digest=catalogue.digest(),
            tags=_ids(catalogue, asked.tags),
            branches=_ids(catalogue, asked.branches),
            tag_count=len(places),
            dimension_count=len(catalogue.dimensions(places)),
            per_person=min(asked.per_person, len(places)),
        )
        Question.of(contract, request)
        self._permit(contract, request, ())
        return request

    def about_numbers(
        self,
        contract: Contract,
        segments: Sequence[str],
        numbers: Sequence[NumberRange],
        *,
        rho_micro: int,
        key_digest: bytes,
        parts: int = 0,
    ) -> InsightRequest:
        """A question about numbers, not yet as any job: own ones by encrypted values, else by encrypted selection.

        The last ``parts`` of the segments are parts, of which a person counts in the first alone.

        Raises:
            NotPermittedError: a grant is missing, or roles that must be apart are in one organisation.
            InputError: it can't be asked; the message says why.
        """
        circuit, bare = self._whose(contract, numbers)
        request = replace(
            self._request(contract, circuit, segments, rho_micro=rho_micro, key_digest=key_digest),
            disjoint=parts if parts > 1 else 0,
            numbers=bare,
        )
        Question.of(contract, request)
        other = contract.counterparty(self._session.name).kind.namespace
        names = [f"{other}.{number.name}" for number in bare] if circuit is Circuit.SELECTION else []
        if circuit is Circuit.SELECTION:
            self._require_known(contract, [number.name for number in bare])
        self._permit(contract, request, names)
        return request

    def segments(self, contract: Contract, names: Sequence[str]) -> tuple[SegmentVersion, ...]:
        """The versions of segments that are called ``name``, the newest, or ``name@version``.

        ``matched`` is all pairs of an epoch, which is its version.

        Raises:
            NotFoundError: there is no such segment.
            WaitingError: one has no version yet.
        """
        found: list[SegmentVersion] = []
        epochs: list[int] = []
        for name, given in map(_split, names):
            version = given
            if not version and name != MATCHED:
                answer = self._session.stub(SegmentServiceStub).GetSegment(
                    GetSegmentRequest(contract=contract.id, name=name)
                )
                if not answer.version:
                    raise WaitingError(
                        f"segment {name} is being evaluated", hint="Wait until its job is done: miyun job list"
                    )
                version = answer.version
                epochs.append(answer.epoch)
            found.append(SegmentVersion(name=name, version=version))
        if any(not segment.version for segment in found):
            epoch = max(epochs) if epochs else self._newest_epoch(contract)
            found = [segment if segment.version else replace(segment, version=epoch) for segment in found]
        if len(set(found)) < len(found):
            raise InputError("a segment twice in one question", hint="Name every segment once.")
        return tuple(found)

    def _request(
        self, contract: Contract, circuit: Circuit, segments: Sequence[str], *, rho_micro: int, key_digest: bytes
    ) -> InsightRequest:
        if rho_micro > contract.budget.lease_rho_micro:
            raise InputError(
                f"a question of {rho_micro:,} millionths of ρ, and owners lease {contract.budget.lease_rho_micro:,} at "
                "a time",
                hint="Spend no more than that on one question, or agree on a contract with larger leases.",
            )
        permit_circuit(contract, circuit, self._session.name)
        return InsightRequest(
            contract=contract.id,
            contract_digest=contract.digest(),
            job="",
            requester=self._session.name,
            circuit=circuit,
            segments=self.segments(contract, segments),
            disjoint=0,
            catalogue_digest=b"",
            tags=(),
            branches=(),
            tag_count=0,
            dimension_count=0,
            per_person=0,
            numbers=(),
            rho_micro=rho_micro,
            key_digest=key_digest,
            at=self._session.now(),
        )

    def _permit(self, contract: Contract, request: InsightRequest, tags: Sequence[str]) -> None:
        subjects = self._definitions.counted(contract, (segment.name for segment in request.segments))
        permit_insight(contract, self._session.name, (), subjects, tags=tags)

    def _require_known(self, contract: Contract, names: Sequence[str]) -> None:
        """The other party has these numbers, as far as this party knows; so that no typing error is charged.

        Raises:
            NotFoundError: one is no tag of the catalogue that the other party gave, nor granted by its own name.
        """
        owner = contract.counterparty(self._session.name)
        if owner.name not in self._session.config.catalogues:
            return
        catalogue = given_catalogue(self._session.config_path, owner.name)
        for name in names:
            if name not in granted_tags(contract, self._session.name):
                catalogue.find(name)

    def _whose(self, contract: Contract, numbers: Sequence[NumberRange]) -> tuple[Circuit, tuple[NumberRange, ...]]:
        """The circuit, and the numbers by the names that their owner has for them."""
        own = contract.party(self._session.name).kind.namespace
        other = contract.counterparty(self._session.name).kind.namespace
        columns = self._own_columns()
        bare, circuits = [], set()
        for number in numbers:
            namespace, dot, name = number.name.partition(".")
            if not dot or namespace not in {own, other}:
                namespace, name = (own if number.name in columns else other), number.name
            bare.append(replace(number, name=name))
            circuits.add(Circuit.VALUES if namespace == own else Circuit.SELECTION)
        if len(circuits) > 1:
            raise InputError("own numbers and the other party's in one question", hint="Ask for them one by one.")
        return next(iter(circuits), Circuit.VALUES), tuple(bare)

    def _own_columns(self) -> frozenset[str]:
        try:
            types = load_members_config(self._session.config_path).column_types
        except ConfigError:
            return frozenset()
        return frozenset(name for name, type_ in types.items() if type_ is ColumnType.NUMBER)

    def _newest_epoch(self, contract: Contract) -> int:
        stub = self._session.stub(FusionServiceStub)
        epoch: int = stub.GetProgress(GetProgressRequest(contract=contract.id)).newest_epoch
        if not epoch:
            raise StateError("there was no fusion yet", hint="Fuse first.")
        return epoch


def _split(name: str) -> tuple[str, int]:
    """Name and version; 0 is the newest."""
    name, at, version = name.partition("@")
    if not at:
        return name, 0
    if not version.isascii() or not version.isdigit() or not int(version):
        raise InputError(f"“{version[:20]}” is no version", hint="Write name@version, as spenders@2.")
    return name, int(version)


def _ids(catalogue: Catalogue, references: Sequence[str]) -> tuple[str, ...]:
    """Ids in one order, so that a question has one form; the whole catalogue stays without a name."""
    return tuple(sorted({catalogue.id_of(catalogue.find(name)) if name else name for name in references}))
