"""Identifiers are spelled as the outside conventions say, to the hash."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import ConfigError
from miyun.members.explain import explain
from miyun.members.profiles import PROFILES, SINGLE, Normalised, check_profile, normalise, normalise_column
from miyun.members.reasons import Reason, Rejected

# Provenance: the examples of the UID2, Google Data Manager, PAIR, Meta and device-id documentation, with the first
# eight hexadecimal digits of the hashes that they print.
HASHED = [
    ("uid2", " Jane.Doe+x@gmail.com", "janedoe@gmail.com", "sha256", "d6117306"),
    ("data-manager", "Jane.Doe+x@gmail.com ", "janedoe+x@gmail.com", "sha256", "03eec539"),
    ("pair", "Jane.Doe+x@gmail.com", "jane.doe+x@gmail.com", "sha256", "3eebe8d7"),
    ("meta", "JANE.DOE+X@GMAIL.COM", "jane.doe+x@gmail.com", "sha256", "3eebe8d7"),
    ("e164", "+1 (234) 567-8901", "+12345678901", "sha256", "10e6f0b4"),
    ("digits", "+1 234-567-8901", "12345678901", "sha256", "254aa248"),
    ("idfa", "ff1999cd-7177-4937-a474-74937a102630", "FF1999CD-7177-4937-A474-74937A102630", "md5", "2c010ed9"),
    ("imei", "A000002C9060F7", "a000002c9060f7", "md5", "f2d5a650"),
]

CHINESE = [
    "13800138000",
    "138 0013 8000",
    "138-0013-8000",
    "138—0013—8000",
    "(138)00138000",
    "１３８００１３８０００",
    "１３８　００１３　８０００",
    "＋８６ １３８００１３８０００",
    "008613800138000",
    "0086-138-0013-8000",
    "0086 138 0013 8000",
    "+8613800138000",
    "+86 138 0013 8000",
    "+86-138-0013-8000",
    "+86 (0)138 0013 8000",
    "8613800138000",
    "86-13800138000",
    "(86)13800138000",
    "013800138000",
    " 13800138000\t",
    "\u202d13800138000\u202c",
    "\ufeff13800138000",
    "'13800138000",
    "13800138000.0",
    "+8613800138000.00",
]


@pytest.mark.parametrize(("profile", "raw", "spelled", "algorithm", "digest"), HASHED)
def test_published_spellings_and_their_hashes(profile, raw, spelled, algorithm, digest):
    assert normalise(profile, raw) == Normalised(spelled)
    assert hashlib.new(algorithm, spelled.encode()).hexdigest().startswith(digest)


@pytest.mark.parametrize("raw", CHINESE)
def test_every_spelling_of_a_chinese_mobile_is_one_number(raw):
    assert normalise("e164-cn", raw) == Normalised("+8613800138000")


@pytest.mark.parametrize("raw", [raw for raw in CHINESE if raw.startswith(("+86", "0086"))])
def test_the_international_profile_agrees_where_the_country_is_written(raw):
    assert normalise("e164", raw) == Normalised("+8613800138000")


@pytest.mark.parametrize(
    ("profile", "raw", "spelled"),
    [
        ("e164-cn", "010-6234 5678", "+861062345678"),
        ("e164-cn", "+852 9123 4567", "+85291234567"),
        ("e164-cn", "+1 202 555 0123", "+12025550123"),
        ("uid2", "Jane.Doe+x@googlemail.com", "jane.doe+x@googlemail.com"),
        ("data-manager", "Jane.Doe+x@googlemail.com", "janedoe+x@googlemail.com"),
        ("uid2", "Jane.Doe+x@qq.com", "jane.doe+x@qq.com"),
        ("plain", "王.小明@例子.公司", "王.小明@例子.公司"),
        ("openid", " oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\n", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        ("oaid", "1fe9a970-EFBB-29e0-0bdd-f5dbbf751ab5", "1fe9a970-EFBB-29e0-0bdd-f5dbbf751ab5"),
        ("imei", "86-075301-123456-2", "860753011234562"),
        ("text", "  Ｗａｎｇ   小明 ", "wang 小明"),
        ("text", "STRASSE", "strasse"),
        ("text", "Straße", "strasse"),
        ("text", "None", "none"),
        ("digits", "007-12.5", "007125"),
        ("digits", "5304218.0", "5304218"),
        ("composite", ("Wang", " Wei ", "1980-01-31"), "4:wang,3:wei,10:1980-01-31,"),
    ],
)
def test_spelled(profile, raw, spelled):
    assert normalise(profile, raw) == Normalised(spelled)


@pytest.mark.parametrize(
    ("profile", "raw", "reason"),
    [
        ("e164-cn", "1.38E+10", Reason.SCIENTIFIC_NOTATION),
        ("e164-cn", "1.3800138e+10", Reason.SCIENTIFIC_NOTATION),
        ("e164-cn", "138****8000", Reason.MASKED),
        ("e164-cn", "13800138000/13900139000", Reason.UNEXPECTED_CHARACTER),
        ("e164-cn", "13800138000.5", Reason.NO_SUCH_NUMBER),
        ("e164-cn", "1380013800", Reason.NO_SUCH_NUMBER),
        ("e164-cn", "12-34", Reason.TOO_SHORT),
        ("e164-cn", "1" * 30, Reason.TOO_LONG),
        ("e164-cn", hashlib.sha256(b"13800138000").hexdigest(), Reason.ALREADY_HASHED),
        ("e164-cn", "13800\udcff138000", Reason.BAD_ENCODING),
        ("e164", "13800138000", Reason.NO_COUNTRY_CODE),
        ("e164-cn", None, Reason.EMPTY),
        ("e164-cn", "  ", Reason.EMPTY),
        ("e164-cn", "无", Reason.EMPTY),
        ("uid2", "NULL", Reason.EMPTY),
        ("uid2", "jane doe@gmail.com", Reason.INNER_SPACE),
        ("uid2", "janedoe", Reason.NO_AT_SIGN),
        ("uid2", "a@b@gmail.com", Reason.SEVERAL_AT_SIGNS),
        ("uid2", "+x@gmail.com", Reason.NO_LOCAL_PART),
        ("uid2", "jane@localhost", Reason.NO_DOMAIN),
        ("uid2", "jane@qq..com", Reason.NO_DOMAIN),
        ("pair", "jane@qq.com;wei@qq.com", Reason.UNEXPECTED_CHARACTER),
        ("pair", "j***e@qq.com", Reason.MASKED),
        ("pair", "j" * 250 + "@qq.com", Reason.TOO_LONG),
        ("meta", hashlib.sha256(b"jane@qq.com").hexdigest(), Reason.ALREADY_HASHED),
        ("idfa", "00000000-0000-0000-0000-000000000000", Reason.PLACEHOLDER),
        ("idfa", hashlib.md5(b"idfa").hexdigest(), Reason.ALREADY_HASHED),
        ("oaid", "00000000-0000-0000-0000-000000000000", Reason.PLACEHOLDER),
        ("imei", "000000000000000", Reason.PLACEHOLDER),
        ("imei", "12345", Reason.WRONG_SHAPE),
        ("openid", "o U", Reason.INNER_SPACE),
        ("composite", ("wang", "", "1980"), Reason.INCOMPLETE),
        ("composite", (None, "", " "), Reason.EMPTY),
        ("text", "a" * 2000, Reason.TOO_LONG),
    ],
)
def test_refused_with_a_reason(profile, raw, reason):
    assert normalise(profile, raw) == Rejected(reason)
    assert reason.words


def test_mac_addresses_have_no_profile_because_vendors_contradict_each_other():
    with pytest.raises(ConfigError, match="contradictory"):
        check_profile("mac")
    with pytest.raises(ConfigError):
        normalise("sha256-email", "x")


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(SINGLE)), st.text(max_size=40) | st.from_regex(r"[\w.+-]{1,9}@[\w.]{2,9}", fullmatch=True)
)
def test_spelling_again_changes_nothing(profile, raw):
    once = normalise(profile, raw)
    if isinstance(once, Normalised):
        assert normalise(profile, once.value) == once
        assert once.value.encode()


@settings(max_examples=100)
@given(st.lists(st.text(max_size=6), min_size=2, max_size=3), st.lists(st.text(max_size=6), min_size=2, max_size=3))
def test_composites_are_equal_only_when_all_parts_are(left, right):
    first, second = normalise("composite", left), normalise("composite", right)
    if isinstance(first, Normalised) and isinstance(second, Normalised):
        parts = [[normalise("text", part) for part in parts] for parts in (left, right)]
        assert (first == second) == (parts[0] == parts[1])


def test_a_column_is_spelled_like_its_values():
    raw = [*CHINESE, None, "1.38E+10"]
    assert normalise_column("e164-cn", [raw]) == [
        *["+8613800138000"] * len(CHINESE),
        Rejected(Reason.EMPTY),
        Rejected(Reason.SCIENTIFIC_NOTATION),
    ]


def test_explaining_two_spellings():
    rows = {row.profile: row for row in explain("138 0013 8000", "+8613800138000").profiles}
    assert set(rows) == set(PROFILES) - {"composite"}
    assert rows["e164-cn"].matches
    assert rows["e164-cn"].why == "both become +8613800138000"
    assert rows["digits"].matches is False
    assert rows["digits"].why == "13800138000 and 8613800138000 differ"
    assert rows["e164"].why == f"the first is refused: {Reason.NO_COUNTRY_CODE.words}"


def test_explaining_one_value_and_a_composite():
    explanation = explain("Wang | Wei")
    rows = {row["profile"]: row for row in explanation.to_plain()["profiles"]}
    assert rows["composite"]["spelling"]["value"] == "4:wang,3:wei,"
    assert rows["composite"]["matches"] is None
    assert rows["pair"]["spelling"]["reason"] == "no-at-sign"
