"""Orders, batches and contexts for plug-ins on their own."""

from datetime import UTC, datetime
from pathlib import Path

from miyun.destinations.batches import Batch, Order
from miyun.destinations.plugin import Context, Credential
from miyun.errors import ConfigError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDER = Order(contract="spring", job="activate-1", segment="sleepers", version=2, channel="member-messages")


class FakeSecrets(dict[str, str]):
    def get(self, name: str) -> Credential:  # type: ignore[override]
        if name not in self:
            raise ConfigError(f"no secret {name}")
        return Credential(self[name])


def context(folder: Path, **secrets: str) -> Context:
    return Context(
        order=ORDER,
        id_name="member_id",
        folder=folder / "outbox",
        work=folder / "work",
        secrets=FakeSecrets(secrets),
        now=lambda: NOW,
    )


def batch(index: int = 0, *ids: str, **columns: tuple[str | None, ...]) -> Batch:
    return Batch(order=ORDER, index=index, ids=ids, columns=columns)
