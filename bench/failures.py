"""What keeps a contestant from a result. The report says so in its place, and the rest goes on."""


class BenchError(Exception):
    """The contestant failed; the message says how."""


class TimeIsUpError(BenchError):
    """It took longer than its case allows."""


class WrongResultError(BenchError):
    """It ended, and its result differs from the plaintext one."""


class UnavailableError(BenchError):
    """It can't be had on this machine."""
