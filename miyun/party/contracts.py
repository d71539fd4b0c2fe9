"""Agreeing: contracts drafted, read, signed, activated, revoked, delegated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, Unpack

from miyun.audit.events import Event, Fact
from miyun.contract.document import validate
from miyun.contract.draft import draft_contract
from miyun.contract.leakage import Language, leakage, render
from miyun.contract.lifecycle import ContractState
from miyun.contract.model import Budget, Channel, Contract, IdentifierTerms, PartyKind
from miyun.contract.statements import Delegation, Revocation
from miyun.errors import ConfigError, ContractError, InputError, MalformedError
from miyun.keys.identity import Identity
from miyun.keys.signing import VerifyKey
from miyun.members.config import load_members_config
from miyun.party.contract_views import read_view, take
from miyun.party.session import Session
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import contract_pb2 as wire
from miyun.wire.v1.contract_pb2_grpc import ContractServiceStub
from miyun.wire.v1.identity_pb2 import GetIdentityRequest
from miyun.wire.v1.identity_pb2_grpc import DirectoryServiceStub


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractInfo:
    """A contract as it stands at the zone. ``signers`` are those whose signatures verify with the keys in it.

    ``accepted``: this party has signed it in this home, so its agent acts on it while it is in force.
    """

    contract: Contract
    signers: tuple[str, ...]
    state: ContractState
    accepted: bool


class DraftChoices(TypedDict, total=False):
    """What ``draft_contract`` lets one choose; safe defaults for what is left out."""

    starts: datetime | None
    columns: Sequence[str]
    insights: Sequence[str]
    lookalikes: bool
    exact_sizes: Sequence[tuple[str, str]]
    disclosures: Sequence[str]
    locations: Sequence[str]
    channels: Sequence[Channel] | None
    budget: Budget
    purposes: Sequence[str]
    consent_required: bool
    padding_bucket: int
    delta_bucket: int
    legs_per_epoch: int
    location_radius_min: int
    location_grid: int
    retention_days: int


class ContractsClient:
    def __init__(self, session: Session) -> None:
        self._session = session

    def identity(self, name: str) -> Identity:
        """The public keys of another member of the zone. Compare their fingerprint with its owner before you sign.

        Raises:
            NotFoundError: the zone knows nobody of this name.
        """
        answer = self._session.stub(DirectoryServiceStub).GetIdentity(GetIdentityRequest(name=name))
        identity = from_wire(answer.identity, Identity)
        VerifyKey(identity.signing_key).verify(identity, answer.signature)
        if identity.name != name:
            raise MalformedError(f"the zone gave the keys of “{identity.name}” for “{name}”", hint="Try again.")
        return identity

    def draft(
        self,
        counterparty: str,
        *,
        id: str,
        identifiers: Sequence[IdentifierTerms],
        expires: datetime,
        **choices: Unpack[DraftChoices],
    ) -> Contract:
        """Draft a contract with ``counterparty`` through the zone that this home has joined; nothing is sent."""
        own, other = self._session.home.identity()[0], self.identity(counterparty)
        merchant, platform = (own, other) if own.kind == PartyKind.MERCHANT else (other, own)
        return draft_contract(
            id=id,
            zone=self._session.home.zone_link().zone,
            merchant=merchant,
            platform=platform,
            identifiers=identifiers,
            expires=expires,
            **choices,
        )

    def leakage(self, contract: Contract | str, language: Language = "en") -> str:
        """Who will learn what, in plain words; ``language`` is ``en`` or ``zh``."""
        document = contract if isinstance(contract, Contract) else self.get(contract).contract
        return render(leakage(document), language)

    def propose(self, contract: Contract) -> ContractInfo:
        """Lay a contract before the zone, for the other party to read and sign."""
        validate(contract)
        view = self._stub.Propose(wire.ProposeRequest(document=contract.canonical_bytes()))
        self._session.audit_log.note(contract.id, Event.CONTRACT_PROPOSED, self._session.name, contract)
        return self._info(view)

    def get(self, contract: str) -> ContractInfo:
        """A contract by its id.

        Raises:
            NotFoundError: there is none that this party is named in.
        """
        return self._info(self._stub.GetContract(wire.GetContractRequest(contract=contract)))

    def list(self) -> tuple[ContractInfo, ...]:
        """The contracts that this party is named in."""
        views = self._stub.ListContracts(wire.ListContractsRequest()).contracts
        return tuple(self._info(view) for view in views)

    def sign(self, contract: Contract) -> ContractInfo:
        """Sign exactly this document: the one whose leakage statement was read. The agent acts on it from now on.

        Raises:
            ContractError: it names other keys than this party's, or another zone than the one joined.
            ConfigError: it names another profile for an identifier than ``party.toml``.
        """
        validate(contract)
        self._require_own_terms(contract)
        self._require_same_profiles(contract)
        signature = self._session.sign(contract)
        self._session.accepted.accept(contract, self._session.name, signature)
        view = self._stub.Sign(
            wire.SignContractRequest(
                contract=contract.id,
                signature=wire.ContractSignature(signer=self._session.name, signature=signature),
            )
        )
        self._session.audit_log.note(contract.id, Event.CONTRACT_SIGNED, self._session.name, contract)
        return self._info(view)

    def activate(self, contract: str) -> ContractInfo:
        """Have the zone sign it too, when both parties have."""
        view = self._stub.Activate(wire.ActivateContractRequest(contract=contract))
        return self._info(view)

    def revoke(self, contract: str, reason: str) -> ContractInfo:
        """End a contract at once and for good. This party's agent stops even if the zone can't be reached."""
        document = self._document(contract)
        revocation = Revocation(
            contract=contract,
            contract_digest=document.digest(),
            party=self._session.name,
            reason=reason,
            at=self._session.now(),
        )
        signature = self._session.sign(revocation)
        self._session.accepted.revoke(revocation, signature)
        view = self._stub.Revoke(
            wire.RevokeRequest(statement=to_wire(revocation, wire.Revocation), signature=signature)
        )
        self._session.audit_log.note(contract, Event.CONTRACT_REVOKED, self._session.name, revocation)
        return self._info(view)

    def delegate(self, contract: str, analyst: Identity, *, expires: datetime | None = None) -> Delegation:
        """Let an analyst ask for sizes on this party's behalf; as long as the contract without ``expires``.

        ``identity`` gives the analyst's keys; compare their fingerprint first.
        """
        if analyst.role != "analyst":
            raise InputError(f"{analyst.name} is a {analyst.role}, not an analyst", hint="Name an analyst.")
        document = self._session.accepted.active(contract, self._session.now())
        delegation = Delegation(
            contract=contract,
            contract_digest=document.digest(),
            party=self._session.name,
            analyst=analyst.name,
            analyst_key=analyst.signing_key,
            expires=min(expires or document.expires, document.expires),
            at=self._session.now(),
        )
        self._stub.Delegate(
            wire.DelegateRequest(
                statement=to_wire(delegation, wire.Delegation), signature=self._session.sign(delegation)
            )
        )
        facts: dict[Fact, str | int] = {Fact.ANALYST: analyst.name}
        self._session.audit_log.note(contract, Event.DELEGATION, self._session.name, delegation, facts)
        return delegation

    @property
    def _stub(self) -> ContractServiceStub:
        return self._session.stub(ContractServiceStub)

    def _info(self, view: wire.ContractView) -> ContractInfo:
        signed = read_view(view)
        accepted = signed.contract.id in self._session.accepted.ids()
        if accepted:
            take(self._session, view, signed)
        return ContractInfo(
            contract=signed.contract,
            signers=tuple(signed.signatures),
            state=ContractState(view.state),
            accepted=accepted,
        )

    def _document(self, contract: str) -> Contract:
        try:
            return self._session.accepted.get(contract).contract
        except ContractError:
            return self.get(contract).contract

    def _require_own_terms(self, contract: Contract) -> None:
        own, zone = self._session.home.identity()[0], self._session.home.zone_link().zone
        for index, party in enumerate(contract.parties):
            if party.name == own.name:
                held = (own.kind, own.organisation, own.signing_key, own.sealing_key)
                if (party.kind, party.organisation, party.signing_key, party.sealing_key) != held:
                    raise ContractError(
                        f"the contract names other keys for “{own.name}” than this home holds",
                        hint="Don't sign it. Compare fingerprints with whoever drafted it.",
                        clause=f"parties[{index}]",
                    )
                break
        else:
            raise ContractError(f"the contract does not name “{own.name}”", hint="Don't sign it.", clause="parties")
        if (contract.zone.name, contract.zone.signing_key) != (zone.name, zone.signing_key):
            raise ContractError(
                "the contract names another zone than the one that this home has joined",
                hint="Don't sign it. Compare fingerprints with the zone's operator.",
                clause="zone",
            )

    def _require_same_profiles(self, contract: Contract) -> None:
        if not self._session.config_path.exists():
            return
        configured = load_members_config(self._session.config_path).identifiers
        for index, terms in enumerate(contract.identifiers):
            if terms.type in configured and configured[terms.type].profile != terms.profile:
                raise ConfigError(
                    f"the contract normalises {terms.type} by profile {terms.profile}, party.toml by "
                    f"{configured[terms.type].profile}",
                    hint="Use the contract's profile in party.toml, or agree on the other one.",
                    clause=f"identifiers[{index}].profile",
                )
