"""The quick start, word for word: its tables, its configuration and its commands, as a reader would type them."""

import csv
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import miyun
from demo.deliveries import read_ids
from demo.processes import Actor
from demo.stage import free_ports

PAGE = Path(miyun.__file__).parent.parent / "docs" / "quick-start.md"
NAMES = ("zone", "shop", "app", "ana")
DAEMONS = ("zone zone serve", "app agent run")
ANSWERED_BY_HAND = ("contract sign", "contract delegate")
"""What asks whether fingerprints were compared."""

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOML_FILE = re.compile(r"`(\w+/party\.toml)`")


@dataclass
class Reader:
    """Types what the page says, in its folder."""

    folder: Path
    ports: tuple[int, int]
    running: ExitStack
    said: dict[str, str] = field(default_factory=dict)
    _codes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._actors = {name: Actor(name, self.folder / name, self.folder / f"{name}.log") for name in NAMES}

    def follow(self, page: str) -> None:
        """Every block in its turn."""
        told = ""
        end = 0
        for block in BLOCK.finditer(page):
            told += page[end : block.start()]
            end = block.end()
            match block[1]:
                case "toml":
                    (self.folder / TOML_FILE.findall(told)[-1]).write_text(block[2], encoding="utf-8")
                case "python":
                    subprocess.run([sys.executable, "-c", block[2]], cwd=self.folder, check=True, timeout=120)
                case "":
                    for line in block[2].replace("\\\n", "").splitlines():
                        self._type(line)

    def _type(self, line: str) -> None:
        command = re.sub(r" +#.*", "", line).replace("127.0.0.1:7443", f"127.0.0.1:{self.ports[0]}")
        words = shlex.split(command.replace("127.0.0.1:7444", f"127.0.0.1:{self.ports[1]}"))
        match words:
            case ["alias", _]:
                name = words[1].partition("=")[0]
                assert line == f"alias {name}='miyun --home {name} --key-file {name}.key'"
            case ["cp", source, target]:
                (self.folder / target).write_bytes((self.folder / source).read_bytes())
            case [name, *arguments] if name in NAMES:
                self._run(command, self._actors[name], arguments)
            case _:
                assert command in {"make install && . .venv/bin/activate", "mkdir play && cd play"}

    def _run(self, command: str, actor: Actor, arguments: list[str]) -> None:
        if command in DAEMONS:
            daemon = self.running.enter_context(actor.start(*arguments))
            for port in self.ports if "serve" in command else ():
                daemon.listening(port)
            return
        if arguments[0] == "join":
            arguments = ["join", self._codes[actor.name]]
        if command.removeprefix(f"{actor.name} ").startswith(ANSWERED_BY_HAND):
            arguments.append("--compared")
        self.said[command] = actor.text(*arguments)
        if arguments[:2] == ["zone", "invite"]:
            self._codes[arguments[2]] = re.findall(r"miyun1\w+", self.said[command])[0]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    first, second = free_ports(2)
    with ExitStack() as running:
        yield Reader(tmp_path, (first, second), running)


def shared_spenders(folder: Path) -> tuple[set[str], set[str]]:
    """The members and the users of who spends over 1,000, is in both tables and didn't opt out: M7 is U7."""
    with (folder / "shop/members.csv").open() as members, (folder / "app/users.csv").open() as users:
        spend = {row["member_id"]: row for row in csv.DictReader(members)}
        shared = spend.keys() & {f"M{row['user_id'][1:]}" for row in csv.DictReader(users)}
    chosen = {id_[1:] for id_ in shared if float(spend[id_]["spend_365d"]) > 1000 and spend[id_]["opted_out"] == "no"}
    return {f"M{number}" for number in chosen}, {f"U{number}" for number in chosen}


def those_who_opted_out(folder: Path) -> set[str]:
    with (folder / "shop/members.csv").open() as members:
        return {row["member_id"] for row in csv.DictReader(members) if row["opted_out"] == "yes"}


def outbox(reader: Reader, name: str, segment: str) -> Path:
    """The file of a segment that one of the parties was handed."""
    [file] = (reader.folder / name / "outbox").glob(f"{segment}-*")
    return file


def drinkers_of(folder: Path, tag: str) -> set[str]:
    with (folder / "app/tags.csv").open() as tags:
        return {row["user_id"] for row in csv.DictReader(tags) if row["tag"] == tag}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_quick_start_works_as_it_is_written(reader: Reader) -> None:
    reader.follow(PAGE.read_text("utf-8"))

    delivered = tuple(set(read_ids(outbox(reader, name, "big-spenders"))) for name in ("shop", "app"))
    assert delivered == shared_spenders(reader.folder)
    portrait = next(said for command, said in reader.said.items() if command.startswith("shop insight portrait"))
    assert "Drinks/Tea" in portrait
    for drawing in ("portrait.svg", "separation.svg"):
        assert (reader.folder / drawing).read_text("utf-8").startswith(("<?xml", "<svg"))
    prospects = set(read_ids(outbox(reader, "app", "prospects")))
    objectors = {f"U{id_[1:]}" for id_ in those_who_opted_out(reader.folder)}
    assert 500 - len(objectors) <= len(prospects) <= 500
    assert prospects.isdisjoint(objectors)
    assert prospects <= drinkers_of(reader.folder, "tea")
