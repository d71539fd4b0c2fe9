"""The platform's tags: a catalogue, and a sparse table of who carries what, with preferences planted in it.

Whoever used to spend much on tea and stopped coming (`Retail.sleeping_spenders`), member or not, carries the tags of
`PREFERENCES` more or less often than others. Everything else is chance.
"""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from demo.people import CITIES, Indices
from demo.retail import AGE_BANDS, AGE_SHARES, Retail, blocks

MOST_INTERESTS = 5
"""Nobody carries more."""

INTERESTS: dict[str, tuple[str, dict[str, tuple[str, float]]]] = {
    "drinks": (
        "饮品",
        {"tea": ("茶饮", 0.10), "coffee": ("咖啡", 0.28), "juice": ("果汁", 0.18), "craft-beer": ("精酿啤酒", 0.08)},
    ),
    "outdoors": (
        "户外",
        {"camping": ("露营", 0.08), "hiking": ("徒步", 0.12), "fishing": ("垂钓", 0.05), "skiing": ("滑雪", 0.04)},
    ),
    "culture": (
        "文化",
        {"books": ("阅读", 0.10), "festivals": ("音乐节", 0.08), "theatre": ("话剧", 0.05), "museums": ("展览", 0.06)},
    ),
    "food": (
        "美食",
        {"hotpot": ("火锅", 0.20), "bakery": ("烘焙", 0.14), "barbecue": ("烧烤", 0.12), "vegetarian": ("素食", 0.04)},
    ),
    "sports": (
        "运动",
        {"gym": ("健身", 0.14), "running": ("跑步", 0.12), "badminton": ("羽毛球", 0.08), "yoga": ("瑜伽", 0.08)},
    ),
    "home": (
        "居家",
        {"parenting": ("亲子", 0.14), "pets": ("宠物", 0.12), "gardening": ("园艺", 0.05), "decor": ("家装", 0.06)},
    ),
    "digital": (
        "数码",
        {"games": ("游戏", 0.14), "photography": ("摄影", 0.07), "smart-home": ("智能家居", 0.06)},
    ),
    "style": (
        "时尚",
        {"beauty": ("美妆", 0.12), "fashion": ("穿搭", 0.11), "jewellery": ("珠宝", 0.04)},
    ),
}
"""Dimensions with their names, and in each the tags with their names and the share of people who carry them."""

PREFERENCES = {"tea": 5.0, "camping": 4.0, "books": 3.0, "hotpot": 0.4}
"""How many times as often as others the sleeping spenders carry a tag."""

GENDERS = ("男", "女")

TAG_SCHEMA = pa.schema([pa.field("user_id", pa.string()), pa.field("tag", pa.string()), pa.field("value", pa.string())])

Pair = tuple[str, str, str | None]
Mask = NDArray[np.bool_]


def write_catalogue(path: Path) -> int:
    """Write what the tags mean, as the platform gives it to the merchant; how many can be counted."""
    profile = (
        ("gender", "性别", GENDERS),
        ("age", "年龄段", AGE_BANDS),
        ("city", "城市", CITIES),
    )
    rows: list[tuple[str, ...]] = [("profile", "人口属性", "", "group", "", "")]
    rows += [(id_, name, "profile", "option", "|".join(options), "") for id_, name, options in profile]
    rows.append(("interest", "兴趣", "", "group", "", ""))
    for dimension, (name, tags) in INTERESTS.items():
        rows.append((dimension, name, "interest", "group", "", ""))
        rows += [(id_, title, dimension, "flag", "", "") for id_, (title, _) in tags.items()]
    rows += [("health", "健康", "", "group", "", "yes"), ("insomnia", "失眠", "health", "flag", "", "")]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "name", "parent", "type", "options", "sensitive"))
        writer.writerows(rows)
    flags = sum(row[3] == "flag" for row in rows)
    return flags + sum(len(options) for _, _, options in profile)


def write_tags(retail: Retail, path: Path) -> int:
    """Write who carries which tag; how many pairs there are, of which some can't be used."""
    count = 0
    with pq.ParquetWriter(path, TAG_SCHEMA, compression="zstd") as writer:
        for rows in blocks(retail.users):
            pairs = _pairs(retail, rows)
            writer.write_table(pa.table(list(zip(*pairs, strict=True)), schema=TAG_SCHEMA))
            count += len(pairs)
    return count


def _pairs(retail: Retail, rows: Indices) -> list[Pair]:
    draw, people, ids = retail.population, retail.people_of_users(rows), retail.user_ids(rows)

    def carry(tag: str, wanted: Mask, value: str | None = None) -> list[Pair]:
        return [(ids[place], tag, value) for place in np.flatnonzero(wanted).tolist()]

    def some(label: str, share: float) -> Mask:
        return draw.uniform(label, people) < share

    genders = draw.pick("gender", people, 2)
    ages = draw.choice("age", people, AGE_SHARES)
    cities = draw.pick("city", people, len(CITIES))
    pairs: list[Pair] = []
    for tag, options, choice, known in (
        ("gender", GENDERS, genders, 0.85),
        ("age", AGE_BANDS, ages, 0.75),
        ("city", CITIES, cities, 0.95),
    ):
        is_known = some(f"{tag} known", known)
        for place, option in enumerate(options):
            pairs += carry(tag, is_known & (choice == place), option)
    asleep = retail.sleeping_spenders(people)
    left = np.full(len(people), MOST_INTERESTS)
    for tag, (_, share) in (entry for _, tags in INTERESTS.values() for entry in tags.items()):
        likely = np.where(asleep, share * PREFERENCES.get(tag, 1.0), share)
        carried = (draw.uniform(f"tag {tag}", people) < likely) & (left > 0)
        left -= carried
        pairs += carry(tag, carried)
    pairs += carry("insomnia", some("insomnia", 0.03))
    pairs += carry("beauty", some("not beauty", 0.02), "0")
    pairs += carry("retired-17", some("retired tag", 0.01))
    return pairs
