"""The decoding of RFC 9496, 4.3.1, in plain integers: slow, readable, and no part of Miyun."""

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def is_negative(value: int) -> bool:
    return value % P % 2 == 1


def inverse_square_root(value: int) -> int | None:
    """A root of 1/value modulo P, 0 for 0, None where there is none."""
    if value % P == 0:
        return 0
    root = pow(pow(value, -1, P), (P + 3) // 8, P)
    for candidate in (root, root * SQRT_M1 % P):
        if candidate * candidate * value % P == 1:
            return candidate
    return None


def decodes(encoding: bytes) -> bool:
    """Whether 32 bytes are the canonical encoding of an element."""
    s = int.from_bytes(encoding, "little")
    if s >= P or is_negative(s):
        return False
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    root = inverse_square_root(v * u2 * u2 % P)
    if root is None:
        return False
    x = 2 * s * root * u2 % P
    x = P - x if is_negative(x) else x
    y = u1 * root * root * u2 * v % P
    return not is_negative(x * y) and y != 0
