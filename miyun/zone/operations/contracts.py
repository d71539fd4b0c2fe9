"""The life of a contract in the zone: proposed, signed, activated, revoked; and delegations under it."""

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.lifecycle import (
    SignedContract,
    signer_key,
    verify_contract_signature,
    verify_delegation,
    verify_revocation,
)
from miyun.contract.model import Contract
from miyun.contract.statements import Delegation, Revocation
from miyun.contract.validation import validate
from miyun.errors import ContractError, InputError, NotPermittedError, StateError
from miyun.keys.home import Role
from miyun.keys.signing import VerifyKey
from miyun.names import check_name
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    party_names,
    require_caller,
    require_terms,
    verify_party,
)
from miyun.zone.operations.history import record_statement
from miyun.zone.store import contracts as store
from miyun.zone.store.directory import find_member

MOST_CONTRACTS = 500
"""Of one party: a proposal needs no signature, so their number is bounded."""
MOST_DELEGATIONS = 100
LARGEST_DOCUMENT_BYTES = 256 << 10
LARGEST_LIST_BYTES = 8 << 20


def propose(core: Core, caller: str, document: bytes) -> SignedContract:
    """Put a contract before the parties that it names. The same document again changes nothing.

    Raises:
        ContractError: the document breaks a rule, or the zone that it names is another one.
        NotPermittedError: the caller is no party of it.
        StateError: another document has this id.
    """
    if len(document) > LARGEST_DOCUMENT_BYTES:
        raise ContractError(
            f"a contract of {len(document):,} bytes is larger than {LARGEST_DOCUMENT_BYTES:,}",
            hint="List fewer grants, or split it into several contracts.",
            clause="grants",
        )
    contract = Contract.from_canonical(document)
    validate(contract)
    if caller not in party_names(contract):
        raise NotPermittedError(
            f"{caller} proposes a contract between others", hint="Let one of its parties propose it.", clause="parties"
        )
    _require_own_zone(core, contract)
    with core.changing() as change:
        _require_known_parties(change.connection, contract)
        held = store.find_contract(change.connection, contract.id)
        if held is not None:
            if held.contract != contract:
                raise StateError(
                    f"the id {contract.id} is taken by another contract",
                    hint="Draft the contract again under another id.",
                    clause="id",
                )
            return held
        if len(store.contracts_of(change.connection, caller)) >= MOST_CONTRACTS:
            raise StateError(f"{caller} has {MOST_CONTRACTS} contracts here", hint="Ask the zone's operator to help.")
        store.add_contract(change.connection, contract)
        change.news_for.update(party_names(contract))
        record_statement(change, contract.id, Event.CONTRACT_PROPOSED, caller, contract)
        return SignedContract(contract=contract)


def view(core: Core, caller: str, contract: str) -> SignedContract:
    """One contract of the caller's."""
    with core.reading() as connection:
        return contract_of_party(connection, contract, caller)


def view_all(core: Core, caller: str) -> tuple[SignedContract, ...]:
    """The contracts that name the caller: those that it signed first, as many as fit into an answer."""
    with core.reading() as connection:
        named = store.contracts_of(connection, caller)
    listed, room = [], LARGEST_LIST_BYTES
    for signed in sorted(named, key=lambda signed: caller not in signed.signatures):
        room -= len(signed.contract.canonical_bytes())
        if room < 0:
            break
        listed.append(signed)
    return tuple(listed)


def sign(core: Core, caller: str, contract: str, signer: str, signature: bytes) -> SignedContract:
    """Take a party's signature under a contract.

    Raises:
        SignatureError: not by the key that the contract pins for the caller.
        ContractError: the contract is revoked or over.
    """
    with core.changing() as change:
        signed = contract_of_party(change.connection, contract, caller)
        require_caller(signed.contract, caller, signer, signed.contract)
        verify_contract_signature(signed.contract, signer, signature)
        if signer not in signed.signatures:
            _require_open(signed, change)
            store.add_signature(change.connection, contract, signer, signature)
            change.news_for.update(party_names(signed.contract))
            record_statement(change, contract, Event.CONTRACT_SIGNED, signer, signed.contract)
        return contract_of_party(change.connection, contract, caller)


def activate(core: Core, caller: str, contract: str) -> SignedContract:
    """Take a contract into force, once both parties have signed: the zone adds its own signature.

    Raises:
        ContractError: a signature is missing, or the contract is revoked or over; the clause says which.
    """
    with core.changing() as change:
        signed = contract_of_party(change.connection, contract, caller)
        if signed.activated:
            return signed
        _require_open(signed, change)
        _require_own_zone(core, signed.contract)
        signature = core.signing_key.sign(signed.contract)
        with_zone = SignedContract(
            contract=signed.contract, signatures={**signed.signatures, core.name: signature}, activated=True
        )
        with_zone.verify()
        store.add_signature(change.connection, contract, core.name, signature)
        store.mark_activated(change.connection, contract)
        change.news_for.update(party_names(signed.contract))
        record_statement(change, contract, Event.CONTRACT_ACTIVATED, core.name, signed.contract)
        return with_zone


def revoke(core: Core, caller: str, statement: Revocation, signature: bytes) -> SignedContract:
    """End a contract for good, by either party's word. Its jobs fail, and what it left is erased.

    Raises:
        SignatureError: not by the key that the contract pins for the caller.
    """
    with core.changing() as change:
        signed = contract_of_party(change.connection, statement.contract, caller)
        require_caller(signed.contract, caller, statement.party, statement)
        verify_revocation(signed.contract, statement, signature)
        if signed.revocation is None:
            store.put_revocation(change.connection, statement, signature)
            change.news_for.update(party_names(signed.contract))
            change.work_for.add(signed.contract.id)
            record_statement(change, signed.contract.id, Event.CONTRACT_REVOKED, caller, statement)
        return contract_of_party(change.connection, statement.contract, caller)


def delegate(core: Core, caller: str, statement: Delegation, signature: bytes) -> None:
    """Let an analyst ask for sizes on the caller's behalf.

    Raises:
        ContractError: the contract or the delegation is not in force.
        SignatureError: not by the key that the contract pins for the caller.
        InputError: no analyst of that name and key is a member of this zone.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.party, statement, signature)
        require_terms(contract, statement.contract_digest, statement)
        verify_delegation(contract, statement, signature, change.at)
        _require_analyst(change.connection, statement)
        held = store.delegations_to(change.connection, contract.id, statement.analyst)
        if any(delegation == statement for delegation, _ in held):
            return
        if len(held) >= MOST_DELEGATIONS:
            raise StateError(
                f"{statement.analyst} has {MOST_DELEGATIONS} delegations under {contract.id}",
                hint="Delegate for a longer time, instead of again and again.",
            )
        store.add_delegation(change.connection, statement, signature)
        record_statement(
            change,
            contract.id,
            Event.DELEGATION,
            caller,
            statement,
            facts={Fact.ANALYST: statement.analyst, Fact.EXPIRES: statement.expires.isoformat()},
        )


def _require_own_zone(core: Core, contract: Contract) -> None:
    if contract.zone.name != core.name:
        raise ContractError(
            f"contract {contract.id} is about zone {contract.zone.name}, and this is {core.name}",
            hint="Propose it to the zone that it names.",
            clause="zone.name",
        )
    if signer_key(contract, core.name) != core.signing_key.verify_key.to_bytes():
        raise ContractError(
            f"contract {contract.id} pins another key for zone {core.name}",
            hint="Draft it again with the zone's identity, and compare its fingerprint with the operator.",
            clause="zone.signing_key",
        )


def _require_known_parties(connection: Connection, contract: Contract) -> None:
    for index, name in enumerate(party_names(contract)):
        member = find_member(connection, name)
        if member is None or member.role is not Role.PARTY:
            raise ContractError(
                f"{name} is no party of this zone",
                hint=f"Have the zone's operator invite {name} first.",
                clause=f"parties[{index}].name",
            )


def _require_analyst(connection: Connection, statement: Delegation) -> None:
    check_name(statement.analyst)
    VerifyKey(statement.analyst_key)
    member = find_member(connection, statement.analyst)
    if member is None or member.role is not Role.ANALYST:
        raise InputError(
            f"{statement.analyst} is no analyst of this zone",
            hint=f"Have the zone's operator invite {statement.analyst} first.",
        )


def _require_open(signed: SignedContract, change: Change) -> None:
    contract = signed.contract
    if signed.revocation is not None:
        raise ContractError(
            f"contract {contract.id} was revoked by {signed.revocation.party}",
            hint="Draft and sign a new contract.",
            clause="parties",
        )
    if change.at >= contract.expires:
        raise ContractError(
            f"contract {contract.id} expired on {contract.expires:%Y-%m-%d}",
            hint="Draft and sign a new contract with a later end.",
            clause="expires",
        )
