"""Real processes: activations to the answer service's store and to a file of PAIR ids, against a join in the clear."""

import csv
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from demo.processes import CommandError
from demo.stage import Stage, free_ports
from miyun.answers.ids import md5_of
from miyun.keys.home import Home
from miyun.keys.vault import KeyFile
from miyun.pair.lint import lint
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest
from miyun.wire.v1.answer_pb2_grpc import AnswerServiceStub
from miyun.wire.v1.rta_pb2 import RtaRequest, RtaResponse
from tests.answers.serving import Wire, post
from tests.pair.model import encrypt
from tests.system.plain import CAST, CONTRACT, set_up

MEMBERS, USERS, STRANGERS = range(240), range(120, 360), range(900, 910)
MATCHED = set(MEMBERS) & set(USERS)
SETTINGS = """
[suppression]
file = "objecting.csv"
[destinations.feed]
kind = "answers"
batch_rows = 30
fields = {{ oaid = {{ column = "phone" }} }}
[destinations.buyers]
kind = "pair"
keys = "news"
address = {{ identifier = "email" }}
inserter = "news.example.com"
matcher = "example.com"
[answers]
listen = "127.0.0.1:{http}"
grpc_listen = "127.0.0.1:{grpc}"
status_listen = ""
[answers.askers.feed]
requests_per_second = 1000000
targets = {{ everyone = "t-1" }}
"""


class Asking:
    """A platform that asks about everybody again and again, and writes down who was said to be in the audience."""

    def __init__(self, http: int, grpc_: int, token: str) -> None:
        self._http, self._grpc, self._token = f"127.0.0.1:{http}", f"127.0.0.1:{grpc_}", token
        self.rounds: dict[str, list[set[int]]] = {"rta": [], "grpc": []}
        self._stop = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [threading.Thread(target=one) for one in (self._ask_rta, self._ask_grpc)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def wait_for(self, people: set[int], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not all(rounds and rounds[-1] == people for rounds in self.rounds.values()):
            assert time.monotonic() < deadline, {form: len(rounds[-1]) for form, rounds in self.rounds.items()}
            time.sleep(0.05)

    def _ask_rta(self) -> None:
        wire = Wire(self._http)
        while not self._stop.wait(0.1):
            found = set()
            for person in (*MEMBERS, *USERS, *STRANGERS):
                device = RtaRequest.Device(oaid_md5sum=md5_of(f"13{person:09d}"))
                wire.send(post("/rta", RtaRequest(device=device).SerializeToString(), self._token))
                said = RtaResponse.FromString(wire.reply().body)
                assert (said.code == 0) is (list(said.out_target_id) == ["t-1"])
                found |= {person} if said.code == 0 else set()
            self.rounds["rta"].append(found)
        wire.close()

    def _ask_grpc(self) -> None:
        metadata = [("authorization", f"Bearer {self._token}")]
        with grpc.insecure_channel(self._grpc) as channel:
            ask = AnswerServiceStub(channel).Ask
            while not self._stop.wait(0.1):
                found = set()
                for person in (*MEMBERS, *USERS, *STRANGERS):
                    asked = AskRequest(ids=[AskedId(kind="user", value=f"u{person}")])
                    if ask(asked, metadata=metadata, timeout=30).targets:
                        found.add(person)
                self.rounds["grpc"].append(found)


def opt_out(stage: Stage, *divisors: int) -> set[int]:
    """These members object from now on; who is left of the match."""
    table = stage.folder / f"{CAST.merchant}.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    objecting = {person for person in MEMBERS if any(person % divisor == 0 for divisor in divisors)}
    for person, row in zip(MEMBERS, rows, strict=True):
        row["odd"] = str(int(person in objecting))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return MATCHED - objecting


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_activated_is_answered_and_becomes_pair_ids(tmp_path: Path) -> None:
    http, grpc_ = free_ports(2)
    with Stage(tmp_path / "stage", CAST) as stage:
        channels = (
            "--channel",
            f"feed:public:{CAST.platform}",
            "--channel",
            f"buyers:public:{CAST.platform}:pair-buyers",
        )
        set_up(stage, MEMBERS, USERS, choices=(*channels, "--disclose", "matched"))
        with (stage.merchant.home / "party.toml").open("a", encoding="utf-8") as config:
            config.write('[suppression]\nattribute = "odd"\n')
        with (stage.platform.home / "party.toml").open("a", encoding="utf-8") as config:
            config.write(SETTINGS.format(http=http, grpc=grpc_))
        objecting = stage.platform.home / "objecting.csv"
        objecting.write_text("id\n", encoding="utf-8")
        stage.platform.run("pair", "keys", "create", "news")
        token = stage.platform.run("answers", "token", "feed")["token"]
        first = opt_out(stage, 5)
        stage.start_agents()
        agent = stage.daemons[stage.platform.name]
        stage.merchant.run("fuse", CONTRACT)
        stage.merchant.run("segment", "create", CONTRACT, "everyone", "matched", "--wait")
        activate = ("activate", CONTRACT, "everyone", "--to", CAST.platform, "--channel")

        stage.start(stage.platform, "answers", "serve").listening(http)
        asking = Asking(http, grpc_, token)
        with asking.going_on():
            asking.wait_for(set())
            job = stage.merchant.run(*activate, "feed", "--wait")
            asking.wait_for(first)
            [listed] = stage.platform.run("answers", "list")
            second = opt_out(stage, 5, 7)
            stage.merchant.run(*activate, "feed", "--wait")
            asking.wait_for(second)
            third = {user for user in second if user % 11}
            objecting.write_text("id\n" + "\n".join(f"u{user}" for user in second - third), encoding="utf-8")
            left_out = stage.platform.run("answers", "leave-out")
            asking.wait_for(third)
        delivery = stage.platform.run("delivery", "show", CONTRACT, job["id"])

        job = stage.merchant.run(*activate, "buyers", "--wait")
        pair = stage.platform.run("delivery", "show", CONTRACT, job["id"])
        ends = stage.platform.run("segment", "show", CONTRACT, "everyone")["expires"]
        stage.merchant.run("segment", "invalidate", CONTRACT, "everyone")
        os.kill(agent.pid, signal.SIGKILL)
        stage.platform.text("agent", "run", "--once")
        left = stage.platform.run("answers", "list")
        with pytest.raises(CommandError):
            stage.merchant.run(*activate, "feed", "--wait")

    expected = [set(), first, second, third]
    for rounds in asking.rounds.values():
        steps = [people for place, people in enumerate(rounds) if not place or people != rounds[place - 1]]
        assert all(set() <= people <= first for people in steps)
        assert [people for people in steps if people in expected] == expected
    assert (listed["contract"], listed["segment"], listed["version"]) == (CONTRACT, "everyone", 1)
    assert (listed["ids"], listed["expires"]) == (2 * len(first), ends)
    assert (delivery["state"], delivery["accepted"], delivery["refused"]) == ("done", len(first), {})
    assert left_out == {"left_out": {"everyone": 2 * len(second - third)}}
    assert left == []
    assert_pair_file(pair, stage.platform, third)


def assert_pair_file(delivery: Any, platform: Any, people: set[int]) -> None:
    """Everybody with an address has the id that plain integers give, in a bid request that the rules let pass."""
    addressed = {person for person in people if person % 3 == 0}
    assert delivery["refused"] == {"address-empty": len(people) - len(addressed)}
    vault = Home.open(platform.home, KeyFile(platform.key_file)).vault
    salt, key = vault.get("pair/news/salt/1"), int.from_bytes(vault.get("pair/news/key/1"), "little")
    lines = [json.loads(line) for line in Path(delivery["file"]).read_text(encoding="utf-8").splitlines()]
    assert {line["id"]: line["publisher_id"] for line in lines} == {
        f"u{person}": encrypt(salt, key, hashlib.sha256(f"p{person}@example.com".encode()).hexdigest())
        for person in addressed
    }
    for line in lines:
        assert lint({"user": line["user"]}) == []
        assert [uid["id"] for uid in line["user"]["eids"][0]["uids"]] == [line["publisher_id"]]
