"""Portraits and sums in the clear, written on their own: nothing of Miyun is imported here."""

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from demo.reference import Match, Person

SAYS_NO = {"0", "否", "no", "false"}


@dataclass(frozen=True, slots=True)
class Tag:
    """Something that is counted: a flag or an option. ``above`` is what it is below, its dimension first."""

    id: str
    path: str
    dimension: str
    dimension_path: str
    above: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of ``everybody`` carry each tag, and carry anything of each dimension."""

    carried: Counter[str]
    known: Counter[str]
    everybody: int


def read_catalogue(path: Path) -> dict[str, Tag]:
    """What is counted, by id; an option's is ``city=上海``."""
    above: dict[str, tuple[str, ...]] = {"": ()}
    paths: dict[str, str] = {"": ""}
    tags: list[Tag] = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            id_, parent = row["id"], row["parent"]
            above[id_] = (id_, *above[parent])
            paths[id_] = f"{paths[parent]}/{row['name']}".lstrip("/")
            if row["type"] == "option":
                tags += [
                    Tag(f"{id_}={option}", f"{paths[id_]}/{option}", id_, paths[id_], above[id_])
                    for option in row["options"].split("|")
                ]
            elif row["type"] == "flag":
                tags.append(Tag(id_, paths[id_], parent, paths[parent], above[parent]))
    return {tag.id: tag for tag in tags}


def below(catalogue: Mapping[str, Tag], branches: Collection[str]) -> dict[str, Tag]:
    """What is counted of these branches."""
    return {id_: tag for id_, tag in catalogue.items() if set(tag.above) & set(branches)}


def read_carried(path: Path, asked: Mapping[str, Tag]) -> dict[str, set[str]]:
    """Which of these tags each user carries; pairs that mean nothing, or no, are passed over."""
    carried: dict[str, set[str]] = {}
    for batch in pq.ParquetFile(path).iter_batches():
        for row in batch.to_pylist():
            value = row["value"]
            option = f"{row['tag']}={value}"
            if option in asked:
                carried.setdefault(row["user_id"], set()).add(option)
            elif row["tag"] in asked and (value is None or value not in SAYS_NO):
                carried.setdefault(row["user_id"], set()).add(row["tag"])
    return carried


def count(users: Iterable[Person], carried: Mapping[str, set[str]], asked: Mapping[str, Tag]) -> Counts:
    """The portrait of these users, without noise."""
    tags, known, everybody = Counter[str](), Counter[str](), 0
    for user in users:
        own = carried.get(user.id, set())
        tags.update(own)
        known.update({asked[tag].dimension for tag in own})
        everybody += 1
    return Counts(tags, known, everybody)


def index(tag: Tag, segment: Counts, base: Counts) -> float:
    """TGI: 100 × share in the segment / share in the base, among those for whom the dimension is known."""
    here = segment.carried[tag.id] / (segment.known[tag.dimension] or 1)
    there = base.carried[tag.id] / (base.known[tag.dimension] or 1)
    return 100 * here / there if there else float("nan")


def held_against_ranking(
    scores: Mapping[str, int], count: int, delivered: Collection[str], objecting: Collection[str]
) -> tuple[int, int]:
    """Of the ``count`` users who score best, without those who object: how many are missing, and how many too many.

    Of those who score just as the last one, any may be among the best.
    """
    line = sorted(scores.values(), reverse=True)[min(count, len(scores)) - 1]
    wanted = {user for user, score in scores.items() if score > line and user not in objecting}
    allowed = {user for user, score in scores.items() if score >= line and user not in objecting}
    left = count - sum(score > line for score in scores.values())
    at_the_line = len(set(delivered) & (allowed - wanted))
    least = left - sum(scores[user] == line for user in objecting if user in scores)
    missing = len(wanted - set(delivered)) + max(0, least - at_the_line)
    return missing, len(set(delivered) - allowed) + max(0, at_the_line - left)


def spent(matches: Iterable[Match], most: float) -> tuple[int, float]:
    """How many members there are whose spending within a year is known, and how much it is, nobody's above ``most``."""
    amounts = [match.member.spend_year for match in matches if match.member.spend_year is not None]
    return len(amounts), sum(min(max(amount, 0.0), most) for amount in amounts)
