"""How large a message and how slow a peer may be, on both ends."""

MESSAGE_BYTES = 16 * 1024 * 1024
ENROLMENT_MESSAGE_BYTES = 64 * 1024
DEADLINE_SECONDS = 60.0

Options = tuple[tuple[str, int | str], ...]


def message_options(largest: int) -> Options:
    """Refuse messages above ``largest`` bytes, either way; leave room for an error in the metadata."""
    return (
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_send_message_length", largest),
        ("grpc.max_metadata_size", 32 * 1024),
    )


KEEPALIVE_OPTIONS: Options = (("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000))
SERVER_OPTIONS: Options = (
    *KEEPALIVE_OPTIONS,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
    ("grpc.server_handshake_timeout_ms", 15_000),
    ("grpc.so_reuseport", 0),
)
