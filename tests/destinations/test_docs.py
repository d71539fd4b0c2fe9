"""The example plug-in of docs/destinations.md works as it stands there."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import miyun
from miyun.destinations.batches import BatchOutcome, Refused
from miyun.destinations.registry import load_kind, read_destination
from tests.destinations.world import batch, context

DOCUMENT = (Path(miyun.__file__).parent.parent / "docs" / "destinations.md").read_text(encoding="utf-8")
[CODE] = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
TABLES = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)]
[PACKAGE] = [table for table in TABLES if "project" in table]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "log_destination.py").write_text(CODE, encoding="utf-8")
    info = tmp_path / "log-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: log\nVersion: 1.0\n", encoding="utf-8")
    [(group, entries)] = PACKAGE["project"]["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    load_kind.cache_clear()
    yield
    load_kind.cache_clear()


@pytest.mark.usefixtures("installed")
def test_the_example_keeps_keys_and_refuses_rows(tmp_path: Path) -> None:
    plugin, config = read_destination("audit", {"kind": "log", "log": str(tmp_path / "log"), "longest_id": 3})
    made = plugin(config, context(tmp_path))
    rows = batch(0, "m1", "m1000")
    expected = BatchOutcome(refused=(Refused(row=1, code="id-too-long", words=""),))
    assert made.deliver(rows) == made.deliver(rows) == expected
    [line] = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"key": rows.key, "rows": [{"member_id": "m1"}]}
    assert "m1000" in made.dry_run(rows).text


def test_the_examples_of_tables_are_some() -> None:
    found = {
        channel: read_destination(channel, written)
        for table in TABLES
        for channel, written in table.get("destinations", {}).items()
    }
    plugin, config = found["member-messages"]
    assert (plugin.kind, set(config.fields)) == ("webhook", {"phone", "mobile", "name"})
    assert [found[channel][0].kind for channel in ("search", "social")] == ["data-manager", "meta"]
