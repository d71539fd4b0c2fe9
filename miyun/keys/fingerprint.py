"""Key fingerprints, for comparing out of band."""

import base64
import hashlib

FINGERPRINT_BYTES = 20
GROUP = 4


def key_fingerprint(signing_key: bytes, sealing_key: bytes | None) -> str:
    """160 bits over both public keys, in base32, as 8 groups of 4: ``ABCD-EFGH-…``.

    160 bits keep a second key with the same fingerprint out of reach, and are short enough to read out.
    """
    digest = hashlib.sha256(b"miyun/v1/fingerprint\0" + signing_key + (sealing_key or b"")).digest()
    letters = base64.b32encode(digest[:FINGERPRINT_BYTES]).decode()
    return "-".join(letters[start : start + GROUP] for start in range(0, len(letters), GROUP))
