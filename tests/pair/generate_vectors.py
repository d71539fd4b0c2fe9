"""Makes miyun/pair/conformance/vectors.json from the plain model, and from the published vector.

python -m tests.pair.generate_vectors
"""

import base64
import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import miyun
from tests.hazmat.vectors import load
from tests.pair.model import ORDER, decrypt, encrypt, reencrypt

PATH = Path(miyun.__file__).parent / "pair" / "conformance" / "vectors.json"
PUBLISHED = load("pair_encrypted_identifiers")
INVALID = load("rfc9496_ristretto255")["invalid_encodings"]
OWN = "tests/pair/generate_vectors.py, in plain integers after RFC 9496"
REFERENCE = "the Go package optable/match, pkg/pair, mode 0x01"

PEOPLE = ("user@example.com", "jane.doe+x@gmail.com", "张@例子.cn", "+8613800138000", "+12345678901")
SITE, OWNER = "news.example.com", "example.com"


def match_key(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def drawn(label: str) -> bytes:
    return hashlib.sha512(f"miyun pair vectors: {label}".encode()).digest()


def scalar(wide: bytes) -> int:
    return int.from_bytes(wide, "little") % ORDER


def key_hex(key: int) -> str:
    return key.to_bytes(32, "little").hex()


PEOPLE_KEYS = [match_key(address) for address in PEOPLE]
SALT, KP, KA = drawn("salt")[:32], scalar(drawn("publisher")), scalar(drawn("advertiser"))
PUBLISHED_SALT = bytes.fromhex(PUBLISHED["salt"])
PUBLISHED_KP = scalar(hashlib.sha512(b"publisher").digest())
PUBLISHED_KA = scalar(hashlib.sha512(PUBLISHED_SALT).digest())
USER = match_key(PUBLISHED["email"])


def encryption(name: str, provenance: str, salt: bytes, key: int, match_keys: list[str], ids: list[str]) -> Any:
    return {
        "name": name,
        "provenance": provenance,
        "salt": salt.hex(),
        "key": key_hex(key),
        "match_keys": match_keys,
        "ids": ids,
    }


def encryptions() -> list[Any]:
    made = [
        encryption("published, publisher", REFERENCE, PUBLISHED_SALT, PUBLISHED_KP, [USER], [PUBLISHED["publisher"]]),
        encryption("published, advertiser", REFERENCE, PUBLISHED_SALT, PUBLISHED_KA, [USER], [PUBLISHED["advertiser"]]),
    ]
    for name, salt, key in (
        ("several people", SALT, KP),
        ("a salt of zeros", bytes(32), KP),
        ("a salt of ones", b"\xff" * 32, KP),
        ("the key 1", SALT, 1),
        ("the greatest key", SALT, ORDER - 1),
    ):
        made.append(encryption(name, OWN, salt, key, PEOPLE_KEYS, [encrypt(salt, key, one) for one in PEOPLE_KEYS]))
    made.append(encryption("nobody", OWN, SALT, KP, [], []))
    made.append(encryption("a person twice", OWN, SALT, KP, [USER, USER], [encrypt(SALT, KP, USER)] * 2))
    return made


def commutation(name: str, provenance: str, salt: bytes, kp: int, ka: int, match_keys: list[str]) -> Any:
    publisher = [encrypt(salt, kp, one) for one in match_keys]
    advertiser = [encrypt(salt, ka, one) for one in match_keys]
    both = [reencrypt(ka, one) for one in publisher]
    assert both == [reencrypt(kp, one) for one in advertiser]
    assert publisher == [decrypt(ka, one) for one in both]
    return {
        "name": name,
        "provenance": provenance,
        "salt": salt.hex(),
        "publisher_key": key_hex(kp),
        "advertiser_key": key_hex(ka),
        "match_keys": match_keys,
        "publisher_ids": publisher,
        "advertiser_ids": advertiser,
        "pair_ids": both,
    }


def commutations() -> list[Any]:
    published = commutation("published", REFERENCE, PUBLISHED_SALT, PUBLISHED_KP, PUBLISHED_KA, [USER])
    assert published["pair_ids"] == [PUBLISHED["all"]]
    return [
        published,
        commutation("several people", OWN, SALT, KP, KA, PEOPLE_KEYS),
        commutation("one key for both", OWN, SALT, KP, KP, PEOPLE_KEYS),
        commutation("a key and its inverse", OWN, SALT, KP, pow(KP, -1, ORDER), PEOPLE_KEYS),
    ]


def refusals() -> list[Any]:
    good = encrypt(SALT, KP, USER)
    raw = base64.b64decode(good)
    rows: list[tuple[str, bool, str]] = [
        (f"{reason.replace('_', ' ')}, RFC 9496", True, base64.b64encode(bytes.fromhex(points[0])).decode())
        for reason, points in INVALID.items()
    ]
    rows += [
        ("the highest bit set", True, base64.b64encode(raw[:31] + bytes([raw[31] | 0x80])).decode()),
        ("the identity", False, base64.b64encode(bytes(32)).decode()),
        ("31 bytes", True, base64.b64encode(raw[:31]).decode()),
        ("33 bytes", True, base64.b64encode(raw + b"\0").decode()),
        ("nothing", True, ""),
        ("no Base64", True, "*" * 44),
        ("encoded twice", True, base64.b64encode(good.encode()).decode()),
        ("hexadecimal", True, raw.hex()),
        ("without padding", False, good.rstrip("=")),
        ("a line break inside", False, good[:20] + "\n" + good[20:]),
        ("last bits not zero", False, good[:42] + _next(good[42]) + "="),
    ]
    url_safe = next(one for one in (encrypt(SALT, key, USER) for key in range(2, 50)) if "+" in one or "/" in one)
    rows.append(("URL-safe Base64", True, url_safe.replace("+", "-").replace("/", "_")))
    return [{"name": name, "required": required, "id": id_} for name, required, id_ in rows]


def _next(character: str) -> str:
    """The character of Base64 with the lowest bit turned, which a decoder may overlook at the end."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return alphabet[alphabet.index(character) ^ 1]


def rotations() -> list[Any]:
    start = date(2026, 1, 5)
    later = scalar(drawn("publisher, later"))

    def rotation(name: str, generations: list[tuple[int, int]], days: dict[int, list[int]]) -> Any:
        salts = [drawn(f"salt {number}")[:32] for number in range(len(generations))]
        ids = [encrypt(salt, key, USER) for salt, (_, key) in zip(salts, generations, strict=True)]
        return {
            "name": name,
            "generations": [
                {"since": str(start + timedelta(days=day)), "salt": salt.hex(), "key": key_hex(key)}
                for salt, (day, key) in zip(salts, generations, strict=True)
            ],
            "match_key": USER,
            "days": [
                {"at": str(start + timedelta(days=day)), "ids": [ids[one - 1] for one in emitted]}
                for day, emitted in days.items()
            ],
        }

    return [
        rotation("one generation", [(0, KP)], {-1: [], 0: [1], 1: [1], 29: [1]}),
        rotation(
            "a new salt every 30 days",
            [(0, KP), (30, KP), (60, KP)],
            {29: [1], 30: [2, 1], 31: [2, 1], 59: [2, 1], 61: [3, 2], 89: [3, 2]},
        ),
        rotation("a new key with the salt", [(0, KP), (30, later)], {29: [1], 31: [2, 1], 59: [2, 1]}),
        rotation("rotated early", [(0, KP), (15, KP)], {14: [1], 16: [2, 1], 44: [2, 1], 46: [2]}),
    ]


def eid(*ids: str, **changed: Any) -> Any:
    made = {
        "source": "pair-protocol.com",
        "inserter": SITE,
        "matcher": OWNER,
        "mm": 3,
        "uids": [{"id": id_, "atype": 3} for id_ in ids],
    }
    return {name: value for name, value in (made | changed).items() if value is not ...}


NEW, OLD, OLDER = (encrypt(SALT, key, USER) for key in (KP, KA, 1))


def all_eids() -> list[Any]:
    return [
        {"name": name, "ids": ids, "inserter": inserter, "matcher": OWNER, "eids": [eid(*ids, inserter=inserter)]}
        for name, ids, inserter in (
            ("one id", [NEW], SITE),
            ("two ids in an overlap, in their order", [NEW, OLD], SITE),
            ("a publisher with one site", [NEW], OWNER),
        )
    ]


def requests() -> list[tuple[str, bool, list[str], Any]]:
    """Name, whether it is required to judge it so, the rules that it breaks, the request."""

    def of(*eids: Any, **more: Any) -> Any:
        return {"id": "1", "user": {"eids": list(eids)}, **more}

    def with_id(id_: Any) -> Any:
        return of(eid(NEW, uids=[{"id": id_, "atype": 3}]))

    other = {"source": "other.example", "uids": [{"id": "x", "atype": 1}]}
    hashed = match_key("user@example.com")
    url_safe = "-" + NEW[1:42] + "_="
    return [
        ("one id", True, [], of(eid(NEW))),
        ("two ids", True, [], of(eid(NEW, OLD))),
        ("beside other providers' ids", True, [], of(other, eid(NEW))),
        ("the site named with www", True, [], of(eid(NEW), site={"domain": f"www.{SITE}"})),
        ("no user", True, ["absent"], {"id": "1"}),
        ("no ids of PAIR", True, ["absent"], of(other)),
        ("source in capitals", True, ["source"], of(eid(NEW, source="PAIR-Protocol.com"))),
        ("source with white space", True, ["source"], of(eid(NEW, source="pair-protocol.com "))),
        ("source as an address", True, ["source"], of(eid(NEW, source="https://pair-protocol.com"))),
        ("source of a sister", True, ["source"], of(eid(NEW, source="www.pair-protocol.com"))),
        ("source misspelled", True, ["source"], of(eid(NEW, source="pairprotocol.com"))),
        ("source of the module before", True, ["source"], of(eid(NEW, source="google.com"))),
        ("no source", True, ["source"], of(eid(NEW, source=...))),
        ("no matcher", True, ["matcher"], of(eid(NEW, matcher=...))),
        ("no inserter", True, ["inserter"], of(eid(NEW, inserter=...))),
        ("matcher as an address", True, ["matcher"], of(eid(NEW, matcher=f"https://{OWNER}/"))),
        ("matcher in capitals", False, ["matcher"], of(eid(NEW, matcher="Example.com"))),
        ("matcher without a dot", True, ["matcher"], of(eid(NEW, matcher="localhost"))),
        ("inserter with a port", True, ["inserter"], of(eid(NEW, inserter=f"{SITE}:443"))),
        ("inserter with white space", True, ["inserter"], of(eid(NEW, inserter=f" {SITE}"))),
        ("inserter not the site", False, ["inserter-elsewhere"], of(eid(NEW), site={"domain": "elsewhere.example"})),
        ("no mm", True, ["mm"], of(eid(NEW, mm=...))),
        ("mm 2", True, ["mm"], of(eid(NEW, mm=2))),
        ("mm as text", True, ["mm"], of(eid(NEW, mm="3"))),
        ("no uids", True, ["uids"], of(eid(NEW, uids=...))),
        ("empty uids", True, ["uids"], of(eid())),
        ("uids as an object", True, ["uids"], of(eid(NEW, uids={"id": NEW, "atype": 3}))),
        ("atype 1", True, ["atype"], of(eid(NEW, uids=[{"id": NEW, "atype": 1}]))),
        ("no atype", True, ["atype"], of(eid(NEW, uids=[{"id": NEW}]))),
        ("atype as text", True, ["atype"], of(eid(NEW, uids=[{"id": NEW, "atype": "3"}]))),
        ("an extension", False, ["ext"], of(eid(NEW, uids=[{"id": NEW, "atype": 3, "ext": {"age": 30}}]))),
        ("an address", True, ["raw-identifier"], with_id("user@example.com")),
        ("a hash of an address", True, ["raw-identifier"], with_id(hashed)),
        ("a phone number", True, ["raw-identifier"], with_id("+8613800138000")),
        ("no text", True, ["encoding"], with_id(7)),
        ("no id", True, ["encoding"], with_id(None)),
        ("URL-safe", True, ["encoding"], with_id(url_safe)),
        ("without padding", True, ["encoding"], with_id(NEW.rstrip("="))),
        ("percent-encoded", True, ["encoding"], with_id(NEW.replace("=", "%3D"))),
        ("encoded twice", True, ["encoding"], with_id(base64.b64encode(NEW.encode()).decode())),
        ("too short", True, ["encoding"], with_id(base64.b64encode(bytes(16)).decode())),
        ("last bits not zero", False, ["encoding"], with_id(NEW[:42] + _next(NEW[42]) + "=")),
        ("no point", True, ["point"], with_id(base64.b64encode(b"\xff" * 32).decode())),
        ("the identity", False, ["point"], with_id(base64.b64encode(bytes(32)).decode())),
        ("the same id twice", True, ["duplicate"], of(eid(NEW, NEW))),
        ("three ids", True, ["too-many"], of(eid(NEW, OLD, OLDER))),
        ("three ids in two objects", True, ["several-objects", "too-many"], of(eid(NEW, OLD), eid(OLDER))),
        ("two objects", False, ["several-objects"], of(eid(NEW), eid(OLD))),
        ("where OpenRTB 2.5 had them", True, ["placement", "absent"], {"user": {"ext": {"eids": [eid(NEW)]}}}),
        ("beside the user", True, ["placement", "absent"], {"user": {}, "eids": [eid(NEW)]}),
        ("eids as an object", True, ["uids"], {"user": {"eids": eid(NEW)}}),
        ("a list of requests", True, ["unreadable"], [of(eid(NEW))]),
    ]


WARNINGS = {"inserter-elsewhere", "ext", "several-objects"}


def lints() -> list[Any]:
    rows = [
        {
            "name": name,
            "required": required,
            "valid": set(rules) <= WARNINGS,
            "rules": rules,
            "request": json.dumps(request),
        }
        for name, required, rules, request in requests()
    ]
    good = json.dumps(requests()[0][-1])
    broken = (
        ("not whole", True, "unreadable", good[:-2]),
        ("not a number", False, "unreadable", good[:-1] + ', "at": NaN}'),
        ("a name twice", False, "repeated-name", good[:-1] + ', "user": {}}'),
    )
    for name, required, rule, text in broken:
        rules = [rule, "absent"] if rule == "repeated-name" else [rule]
        rows.append({"name": name, "required": required, "valid": False, "rules": rules, "request": text})
    return rows


def document() -> str:
    made = {
        "format": "miyun-pair-vectors-1",
        "provenance": [
            f"“published”: {REFERENCE}, for the match key of {PUBLISHED['email']}; the salt is 00 … 1f, the "
            "publisher's key SHA-512('publisher'), the advertiser's SHA-512(salt), both modulo the group's order",
            f"all others: {OWN}; salts and keys are SHA-512 of labels",
            "rotation, eids, lint: PAIR 1.1 (IAB Tech Lab, 2025) and OpenRTB 2.6, 3.2.27 and 3.2.28",
        ],
        "encryption": encryptions(),
        "commutation": commutations(),
        "refusals": refusals(),
        "rotation": rotations(),
        "eids": all_eids(),
        "lint": lints(),
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
