"""Named profiles: how an identifier is spelled before it is compared."""

from miyun.errors import ConfigError

COMPOSITE = "composite"
PROFILES = (
    "uid2", "data-manager", "pair", "meta", "plain", "e164-cn", "e164", "openid", "oaid", "idfa", "imei", "text",
    "digits", COMPOSITE,
)  # fmt: skip


def check_profile(name: str) -> None:
    """Raises: ConfigError: there is no such profile."""
    if name not in PROFILES:
        raise ConfigError(f"there is no profile {name!r}", hint=f"Use one of: {', '.join(PROFILES)}.")
