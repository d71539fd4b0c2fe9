"""Blinding scalars in the vault: one per contract, counterparty, type and epoch; erased when the fusion has ended."""

from miyun.keys.vault import Vault
from miyun.psi.scalars import SecretScalar


class BlindingScalars:
    """The scalars of one epoch with one counterparty."""

    def __init__(self, vault: Vault, *, contract: str, counterparty: str, epoch: int) -> None:
        self._vault = vault
        self._prefix = f"blinding/{contract}/{counterparty}/{epoch}/"

    def draw(self, types: tuple[str, ...]) -> None:
        """Fresh random scalars; they replace those of an earlier attempt at this epoch."""
        for type_ in types:
            self._vault.put(self._prefix + type_, SecretScalar.random().to_bytes())

    def get(self, type_: str) -> SecretScalar:
        """The scalar of a type.

        Raises:
            KeyAccessError: it was erased, or never drawn.
        """
        return SecretScalar.from_bytes(self._vault.get(self._prefix + type_))

    def erase(self) -> None:
        for name in self._vault.names():
            if name.startswith(self._prefix):
                self._vault.delete(name)
