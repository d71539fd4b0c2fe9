"""Every error that Miyun raises on purpose, as one tree.

::

    MiyunError
    ├── InputError            the user's files, flags or names
    │   ├── ConfigError       a configuration file
    │   ├── SourceError       a data source as a whole (a bad row is quarantined instead)
    │   ├── ExpressionError   a segment expression, with the place
    │   └── NotFoundError     no such contract, segment, job, file
    ├── KeyAccessError        a home, a passphrase, a key file
    ├── ContractError         the contract: malformed, unsigned, in the wrong state
    │   └── NotPermittedError a clause of the contract forbids it
    ├── CapExceededError      the evaluation cap of the contract
    ├── BudgetExceededError   the privacy budget, or a lease of it
    ├── StateError            right in itself, wrong now (a key reused for something else, a finished job)
    │   └── UnconfirmedError  a person has to say yes first
    ├── WaitingError          a party's agent has to come first
    ├── PeerError             another process broke the protocol
    │   ├── MalformedError    bytes that are no such message
    │   ├── SignatureError    unsigned, foreign-signed or changed
    │   └── ReplayError       repeated, reordered, or answered differently before
    ├── AuditError            two records of the same history disagree
    ├── TransportError        no connection, or the connection's identity is wrong
    ├── DestinationError      a receiver of audiences does not take them, and asking again won't help
    │   └── UnavailableError  it can't be reached, or asks to wait
    └── InternalError         a defect of Miyun's own

An error says what to do: ``hint`` is a sentence in the imperative. ``code`` is stable and machine-readable;
``exit_status`` is what the CLI exits with.
"""

from typing import ClassVar


class MiyunError(Exception):
    """Base of all errors; never raised itself."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", clause: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.clause = clause
        """Where the contract says so, as a path into the document: ``grants[3]``."""


class InputError(MiyunError):
    code = "input"
    exit_status = 2


class ConfigError(InputError):
    code = "config"


class SourceError(InputError):
    code = "source"


class ExpressionError(InputError):
    """A segment expression that can't be read or doesn't fit the schemas.

    ``position`` is the offset of the offending character, in characters from 0, in ``text``, where that is known.
    """

    code = "expression"

    def __init__(self, message: str, *, position: int = 0, hint: str = "", clause: str = "", text: str = "") -> None:
        super().__init__(message, hint=hint, clause=clause)
        self.position = position
        self.text = text


class NotFoundError(InputError):
    code = "not-found"


class KeyAccessError(MiyunError):
    code = "key-access"
    exit_status = 3


class ContractError(MiyunError):
    code = "contract"
    exit_status = 4


class NotPermittedError(ContractError):
    code = "not-permitted"


class CapExceededError(MiyunError):
    code = "cap-exceeded"
    exit_status = 5


class BudgetExceededError(MiyunError):
    code = "budget-exceeded"
    exit_status = 5


class StateError(MiyunError):
    code = "state"
    exit_status = 6


class UnconfirmedError(StateError):
    code = "unconfirmed"


class WaitingError(MiyunError):
    code = "waiting-for-party"
    exit_status = 7


class PeerError(MiyunError):
    code = "peer"
    exit_status = 8


class MalformedError(PeerError):
    code = "malformed"


class SignatureError(PeerError):
    code = "signature"


class ReplayError(PeerError):
    code = "replay"


class AuditError(MiyunError):
    code = "audit"
    exit_status = 9


class TransportError(MiyunError):
    code = "transport"
    exit_status = 10


class DestinationError(MiyunError):
    code = "destination"
    exit_status = 11


class UnavailableError(DestinationError):
    """Try again, not before ``after_seconds`` where the receiver says so.

    What was sent may have arrived, unless it is ``untouched``.
    """

    code = "destination-unavailable"

    def __init__(
        self, message: str, *, after_seconds: float = 0, untouched: bool = False, hint: str = "", clause: str = ""
    ) -> None:
        super().__init__(message, hint=hint, clause=clause)
        self.after_seconds = after_seconds
        self.untouched = untouched


class InternalError(MiyunError):
    code = "internal"
    exit_status = 70
