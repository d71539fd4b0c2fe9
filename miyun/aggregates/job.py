"""What all who take part in one insight job derive from its signed statements and the contract, alike."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from miyun.aggregates.layout import AggregateLayout
from miyun.aggregates.question import Question
from miyun.aggregates.statements import Circuit, InsightRequest, ReaderKey
from miyun.contract.model import Contract
from miyun.contract.organisations import same_organisation
from miyun.contract.permissions import require_party
from miyun.errors import ContractError, MalformedError, NotPermittedError
from miyun.keys.signing import VerifyKey
from miyun.paillier.proof import ProvenKey
from miyun.records import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightJob:
    """A question about segments of ``epoch``, over the row handles of the columns' ``owner``, for its ``reader``."""

    contract: Contract
    request: InsightRequest
    owner: str
    epoch: int
    question: Question
    layout: AggregateLayout
    key: ProvenKey
    admits_short_exponents: bool

    @classmethod
    def of(
        cls,
        contract: Contract,
        request: InsightRequest,
        request_signature: bytes,
        key: ReaderKey,
        key_signature: bytes,
        *,
        epoch: int,
        handles: int,
    ) -> Self:
        """Check the statements and lay the job out; ``handles`` is what the owner announced for the epoch.

        Raises:
            ContractError: another contract, or no possible epoch.
            NotPermittedError: a stranger asks, or two roles that must be apart are in one organisation.
            SignatureError: not signed by the requester.
            MalformedError: another key than the request names, or one without its proof.
            InputError: nothing is asked, or something that can't be.
        """
        if request.contract != contract.id or request.contract_digest != contract.digest():
            raise ContractError(
                "the question was asked under another contract", hint="Sign and activate the contract on both sides."
            )
        requester = VerifyKey(require_party(contract, request.requester).signing_key)
        requester.verify(request, request_signature)
        requester.verify(key, key_signature)
        permit_circuit(contract, request.circuit, request.requester)
        if epoch < 1 or handles < 1:
            raise ContractError("there was no fusion yet", hint="Fuse first.")
        if (key.digest(), key.party) != (request.key_digest, request.requester):
            raise MalformedError("a reader's key that the question doesn't name", hint="Ask again, with this key.")
        proven = prove_key(contract, key)
        question = Question.of(contract, request)
        return cls(
            contract=contract,
            request=request,
            owner=_owner(contract, request.circuit, request.requester),
            epoch=epoch,
            question=question,
            layout=AggregateLayout.of(question, key_bits=proven.bits, handles=handles),
            key=proven,
            admits_short_exponents=key.short_exponents,
        )

    @property
    def reader(self) -> str:
        """Who decrypts: the requester."""
        return self.request.requester

    @property
    def computes(self) -> str:
        """Who computes totals and adds the noise: the columns' owner, or the zone."""
        return self.owner if self.request.circuit is Circuit.SELECTION else self.contract.zone.name

    @property
    def encrypts(self) -> str:
        """Who encrypts for each row: the zone, or the columns' owner."""
        return self.contract.zone.name if self.request.circuit is Circuit.SELECTION else self.owner

    def verify(self, name: str, statement: Statement, signature: bytes) -> None:
        """Return if the zone or party called ``name`` signed the statement; SignatureError if it did not."""
        zone = self.contract.zone
        terms = zone if name == zone.name else require_party(self.contract, name)
        VerifyKey(terms.signing_key).verify(statement, signature)


def permit_circuit(contract: Contract, circuit: Circuit, reader: str) -> None:
    """Who decrypts and who selects, or whose columns they are, are different organisations.

    Raises:
        NotPermittedError: two of the roles that must be apart are in one organisation, or the reader is no party.
    """
    organisation, zone = require_party(contract, reader).organisation, contract.zone.organisation
    if same_organisation(organisation, zone):
        raise NotPermittedError(
            f"{reader} would decrypt what a zone of its own organisation selected, row by row",
            hint="Ask as the party that doesn't host the zone, or sum own numbers with the other party alone: "
            "miyun intersect.",
            clause="zone.organisation",
        )
    owner = require_party(contract, _owner(contract, circuit, reader))
    if circuit is Circuit.SELECTION and same_organisation(organisation, owner.organisation):
        raise NotPermittedError(
            f"{owner.name} would receive, encrypted under its own organisation's key, who is selected",
            hint="Make contracts between different organisations.",
            clause="parties",
        )


def reader_key_context(contract_digest: bytes, party: str) -> bytes:
    """The place that a reader's key is proven for."""
    return b"miyun/v1/reader-key\0" + contract_digest + party.encode()


def prove_key(contract: Contract, key: ReaderKey) -> ProvenKey:
    """The key of a statement, once its proof has been checked. Takes half a second the first time.

    Raises:
        MalformedError: of another contract, no key, or not proven for this contract and party.
    """
    if key.contract != contract.id or key.contract_digest != contract.digest():
        raise MalformedError("a reader's key of another contract", hint="Ask its owner for the key of this contract.")
    return _proven(key)


@lru_cache(maxsize=64)
def _proven(key: ReaderKey) -> ProvenKey:
    return ProvenKey(key.modulus, key.proof, reader_key_context(key.contract_digest, key.party))


def _owner(contract: Contract, circuit: Circuit, reader: str) -> str:
    return contract.counterparty(reader).name if circuit is Circuit.SELECTION else reader
