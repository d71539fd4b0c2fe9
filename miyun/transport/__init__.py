"""gRPC with mutual TLS 1.3, and nothing else.

gRPC has no switch for TLS versions. It reads this variable once, when it is loaded; the only TLS 1.2 suite that it
leaves needs an RSA certificate, and every certificate here is P-256 (TLS 1.3 has suites of its own). Therefore the
package ``miyun`` imports this module before anything else. Servers check the version again, call by call.
"""

import os
import sys

from miyun.errors import TransportError

CIPHER_SUITES = "ECDHE-RSA-AES128-GCM-SHA256"

_LOADED_TOO_EARLY = "grpc" in sys.modules and os.environ.get("GRPC_SSL_CIPHER_SUITES") != CIPHER_SUITES
os.environ["GRPC_SSL_CIPHER_SUITES"] = CIPHER_SUITES


def require_tls13() -> None:
    """Return if gRPC was loaded with TLS 1.2 turned off.

    Raises:
        TransportError: the program imported grpc before miyun.
    """
    if _LOADED_TOO_EARLY:
        raise TransportError(
            "gRPC was loaded before Miyun could turn TLS 1.2 off", hint="Import miyun before grpc in your program."
        )
