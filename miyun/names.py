"""Names that members, contracts, segments and channels go by, owners' codes, and the ids of jobs."""

import hashlib
import re
import secrets
from base64 import b32encode

import rfc8785

from miyun.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9-]{1,62}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_ESTIMATE = re.compile(r"estimate-[a-z2-7]{24}")
_JOB_ID_BYTES = 15
_KEY_BYTES = 15


def check_name(name: str) -> str:
    """The name itself, where it is one: a lower-case letter, then 1 to 62 lower-case letters, digits and dashes.

    Raises:
        InputError: it isn't.
    """
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"“{name[:80]}” is not a name",
            hint="Use 2 to 63 lower-case letters, digits and dashes, beginning with a letter, such as spring-2027.",
        )
    return name


def check_code(code: str) -> str:
    """What somebody's own system calls a thing: 1 to 64 letters, digits and ``. _ : / -``, a letter or digit first.

    Raises:
        InputError: it isn't that.
    """
    if _CODE.fullmatch(code) is None:
        raise InputError(
            f"“{code[:80]}” is not a code",
            hint="Use 1 to 64 letters, digits and . _ : / -, beginning with a letter or a digit, such as CRM-2027/17.",
        )
    return code


SEGMENT = "segment"
"""The kind of a segment's job."""


def job_id(contract: str, requester: str, kind: str, key: str) -> str:
    """The id of the job that ``requester`` asks for with this idempotency key: the same four give the same job."""
    digest = hashlib.sha256(b"miyun/v1/job\0" + rfc8785.dumps([contract, requester, kind, key])).digest()
    return f"{kind}-{_letters(digest[:_JOB_ID_BYTES])}"


def estimate_name(contract: str, owner: str, content: str) -> str:
    """What ``owner`` calls the segment by which it estimates a size: always the same for the same content."""
    return job_id(contract, owner, "estimate", content)


def is_estimate_name(name: str) -> bool:
    """Whether a segment is called as :func:`estimate_name` calls them, which a person hardly would."""
    return _ESTIMATE.fullmatch(name) is not None


def new_key() -> str:
    """A random idempotency key of 120 bits."""
    return _letters(secrets.token_bytes(_KEY_BYTES))


def _letters(data: bytes) -> str:
    return b32encode(data).decode().lower()
