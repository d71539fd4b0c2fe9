"""What Miyun's own contestants have in common."""

from bench.failures import UnavailableError
from miyun.kernels import NATIVE_VERSION


def require_native() -> None:
    """Raises: UnavailableError: the native kernels are not installed here in the version that Miyun uses."""
    try:
        import miyun_native
    except (ImportError, ValueError) as error:
        raise UnavailableError(f"miyun-native is not here: {error}") from None
    if miyun_native.__version__ != NATIVE_VERSION:
        raise UnavailableError(f"miyun-native is {miyun_native.__version__}, not {NATIVE_VERSION}")
