"""Orders, batches and contexts for plug-ins on their own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from miyun.destinations.batches import Batch, Order
from miyun.destinations.plugin import Context, Credential
from miyun.errors import ConfigError
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role
from miyun.keys.vault import KeyFile

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDER = Order(
    contract="spring",
    job="activate-1",
    segment="sleepers",
    version=2,
    channel="member-messages",
    ends=NOW + timedelta(days=20),
)


class FakeSecrets(dict[str, str]):
    def get(self, name: str) -> Credential:  # type: ignore[override]
        if name not in self:
            raise ConfigError(f"no secret {name}")
        return Credential(self[name])


def home(folder: Path) -> Home:
    """The party's, beside the folder; made when it is first wanted."""
    path = folder.with_name(f"{folder.name}-home")
    key = KeyFile(path.with_suffix(".key"))
    if path.exists():
        return Home.open(path, key)
    info = HomeInfo(name="teahouse", role=Role.PARTY, kind="merchant", organisation="Tea", created=NOW)
    return create_home(path, info, key)


def context(folder: Path, **secrets: str) -> Context:
    return Context(
        order=ORDER,
        home=home(folder),
        id_name="member_id",
        folder=folder / "outbox",
        work=folder / "work",
        secrets=FakeSecrets(secrets),
        now=lambda: NOW,
    )


def batch(index: int = 0, *ids: str, **columns: tuple[str | None, ...]) -> Batch:
    return Batch(order=ORDER, index=index, ids=ids, columns=columns)
