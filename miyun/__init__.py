"""Miyun: privacy-preserving audience matching between a merchant and a platform."""

import miyun.transport  # noqa: F401 - before anything loads gRPC: it turns TLS 1.2 off
