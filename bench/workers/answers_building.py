"""Builds the sets of an answer server in a home of its own, and draws its asker's token."""

from pathlib import Path

from bench.audiences import COLUMN
from bench.workers.channel import Answer, Work, serve
from miyun import HomeInfo, KeyFile, Party, Role, create_home
from miyun.answers.ids import Kind
from miyun.records import utc_now

ASKER = "bench"
CONFIG = """\
[answers]
listen = "127.0.0.1:0"
grpc_listen = "127.0.0.1:0"
status_listen = ""
[answers.askers.bench]
requests_per_second = 1000000
[answers.askers.bench.targets]
"""


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``home`` and ``key`` of a party that is made, and the ``files`` of its audiences."""
    home, key = Path(task["home"]), KeyFile(Path(task["key"]))
    info = HomeInfo(name="merchant", role=Role.PARTY, kind="merchant", organisation="Merchant", created=utc_now())
    create_home(home, info, key)
    targets = "".join(f'{name} = "{name}"\n' for name in task["files"])
    (home / "party.toml").write_text(CONFIG + targets, encoding="utf-8")
    with Party.open(home, key) as party:
        for name, path in task["files"].items():
            party.answers.build(name, Path(path), columns={COLUMN: Kind.OAID_MD5})
        return {"token": party.answers.token(ASKER)}, lambda _: {}


serve(prepare)
