"""The credentials of destinations, in the home's vault: encrypted at rest, under names of their own."""

from miyun.destinations.plugin import Credential
from miyun.errors import ConfigError, InputError, NotFoundError
from miyun.keys.vault import Vault
from miyun.names import check_name

PREFIX = "destination-secret/"
LONGEST_SECRET = 16_384


class SecretStore:
    """No method gives a value but :meth:`get`, whose value shows nothing of itself."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(name.removeprefix(PREFIX) for name in self._vault.names() if name.startswith(PREFIX)))

    def get(self, name: str) -> Credential:
        if name not in self.names():
            raise ConfigError(
                f"the destination needs the secret “{name}”, which this home does not hold",
                hint=f"Put it there: miyun secret set {name}",
            )
        return Credential(self._vault.get(PREFIX + name).decode())

    def put(self, name: str, value: str) -> None:
        """Store it, in place of an older value.

        Raises:
            InputError: it is not called by a name, is empty or too long, or has line breaks within.
        """
        check_name(name)
        if not value or len(value) > LONGEST_SECRET or not value.isprintable():
            raise InputError(
                "a secret is one line of text that is not empty", hint="Encode anything else in base64 first."
            )
        self._vault.put(PREFIX + name, value.encode())

    def remove(self, name: str) -> None:
        """Raises: NotFoundError: there is none of this name."""
        if name not in self.names():
            raise NotFoundError(f"there is no secret “{name}”", hint="List them: miyun secret list")
        self._vault.delete(PREFIX + name)
