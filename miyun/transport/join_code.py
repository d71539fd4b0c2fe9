"""Join codes: all that a newcomer needs to enrol, as one word to copy."""

import base64
import hashlib
from dataclasses import dataclass, field

from miyun.errors import InputError, MalformedError
from miyun.keys.home import Role
from miyun.records import Record

PREFIX = "miyun1"
CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinCode(Record):
    """An invitation for one role and name, good once. ``authority_fingerprint`` is SHA-256 in hex."""

    address: str
    enrolment_address: str
    authority_fingerprint: str
    secret: str = field(repr=False)
    role: Role
    name: str

    def encode(self) -> str:
        """``miyun1`` and base32 in small letters, with a checksum."""
        data = self.canonical_bytes()
        return PREFIX + base64.b32encode(data + _checksum(data)).decode().rstrip("=").lower()

    @classmethod
    def decode(cls, text: str) -> "JoinCode":
        """Read a code; white space inside it (a wrapped line) and capitals do no harm.

        Raises:
            InputError: no join code, or not all of it.
        """
        word = "".join(text.split()).lower()
        if not word.startswith(PREFIX):
            raise InputError(
                "this is no join code", hint=f"Copy the whole code that begins with {PREFIX} from the invitation."
            )
        letters = word.removeprefix(PREFIX).upper()
        try:
            raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
            code = cls.from_canonical(raw[:-CHECKSUM_BYTES])
        except (ValueError, MalformedError):
            code = None
        if code is None or code.encode() != word:
            raise InputError(
                "the join code is incomplete or was changed", hint="Copy the whole code again from the invitation."
            )
        return code


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(b"miyun/v1/join-code\0" + data).digest()[:CHECKSUM_BYTES]
