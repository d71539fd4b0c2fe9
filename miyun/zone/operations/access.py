"""Who may speak about which contract: the checks before every operation.

A signature counts only by the key that the contract pins, and only from the connection whose certificate carries the
same name. A contract looks to everybody else as if there were none.
"""

from sqlalchemy import Connection

from miyun.contract.lifecycle import SignedContract
from miyun.contract.model import Contract
from miyun.errors import ContractError, NotFoundError, SignatureError
from miyun.keys.signing import VerifyKey
from miyun.records import Statement
from miyun.zone.core import Change
from miyun.zone.store.contracts import find_contract


def contract_of_party(connection: Connection, contract: str, party: str) -> SignedContract:
    """A contract in any state that names ``party``.

    Raises:
        NotFoundError: there is none that does.
    """
    signed = find_contract(connection, contract)
    if signed is None or party not in party_names(signed.contract):
        raise no_such_contract(contract)
    return signed


def active_contract(change: Change, contract: str, party: str) -> Contract:
    """A contract in force that names ``party``; both parties will hear of the change.

    Raises:
        NotFoundError: there is none that does.
        ContractError: it is not in force; the clause says why.
    """
    signed = contract_of_party(change.connection, contract, party)
    signed.require_active(change.at)
    change.news_for.update(party_names(signed.contract))
    return signed.contract


def verify_party(contract: Contract, caller: str, signer: str, statement: Statement, signature: bytes) -> None:
    """Pass where the caller is the signer, and signed with the key that the contract pins.

    Raises:
        SignatureError: it speaks for somebody else, or the signature is not by that key.
    """
    require_caller(contract, caller, signer, statement)
    clause = _key_clause(contract, signer)
    try:
        VerifyKey(contract.party(signer).signing_key).verify(statement, signature)
    except KeyError:
        raise SignatureError(
            f"this {statement.KIND} speaks for {signer}, whom contract {contract.id} does not name",
            hint="Sign as one of the two parties.",
            clause=clause,
        ) from None
    except SignatureError as error:
        raise SignatureError(error.message, hint=error.hint, clause=clause) from None


def require_caller(contract: Contract, caller: str, signer: str, statement: Statement) -> None:
    """Pass where the connection is the signer's, for statements whose signature is verified elsewhere.

    Raises:
        SignatureError: it is somebody else's.
    """
    if caller != signer:
        raise SignatureError(
            f"{caller}'s connection brings a {statement.KIND} that speaks for {signer}",
            hint=f"Let {signer} send it itself.",
            clause=_key_clause(contract, signer),
        )


def require_terms(contract: Contract, contract_digest: bytes, statement: Statement) -> None:
    """Pass where a statement was made under exactly this document.

    Raises:
        ContractError: it was made under another text of the contract.
    """
    if contract_digest != contract.digest():
        raise ContractError(
            f"this {statement.KIND} was signed under another text of contract {contract.id}",
            hint="Fetch the contract, compare it with yours, and sign again.",
            clause="id",
        )


def party_names(contract: Contract) -> tuple[str, str]:
    first, second = contract.parties
    return first.name, second.name


def no_such_contract(contract: str) -> NotFoundError:
    return NotFoundError(f"there is no contract {contract[:80]}", hint="List the contracts: miyun contract list")


def _key_clause(contract: Contract, signer: str) -> str:
    for index, name in enumerate(party_names(contract)):
        if name == signer:
            return f"parties[{index}].signing_key"
    return "parties"
