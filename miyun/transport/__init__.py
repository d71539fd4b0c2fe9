"""gRPC with mutual TLS 1.3, and nothing else.

Importing anything below this package keeps TLS 1.2 out of the whole process: the only TLS 1.2 suite left needs an
RSA certificate, and every certificate here is P-256 (TLS 1.3 has suites of its own). gRPC reads the variable when it
makes its first connection. Servers check the version again, call by call.
"""

import os

os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES128-GCM-SHA256"
