"""What every plug-in is given: configuration, keys, fields, secrets, and how kinds are found."""

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from miyun.destinations import registry
from miyun.destinations.batches import BatchOutcome, Counted, Order, Refused
from miyun.destinations.fields import EXAMPLES, FieldSource, HashName
from miyun.destinations.file import FileConfig, FileDestination
from miyun.destinations.plugin import Credential
from miyun.destinations.registry import kinds, load_kind, read_destination
from miyun.destinations.samples import sample_batch
from miyun.destinations.secrets import SecretStore
from miyun.errors import ConfigError, InputError, NotFoundError
from miyun.keys.vault import KeyFile, Vault
from miyun.members.config import IdentifierColumn, MembersConfig, SourceKind
from miyun.members.profiles import COMPOSITE, PROFILES, normalise
from miyun.members.reasons import Reason, Rejected
from tests.destinations.world import ORDER, batch

MEMBERS = MembersConfig(
    folder=Path(),
    source=SourceKind.CSV,
    path=Path("members.csv"),
    id="member_id",
    identifiers={
        "phone": IdentifierColumn(column="mobile", profile="e164-cn"),
        "person": IdentifierColumn(column=("surname", "birth"), profile=COMPOSITE),
    },
)


def test_a_key_is_the_same_for_ever_and_another_for_everything_else() -> None:
    assert ORDER.key(0) == "batch-22ibwdvbxm6ytqlslrfm2tynxrlwpene"
    others = [
        Order(**{**{name: getattr(ORDER, name) for name in Order.__slots__}, **change})  # type: ignore[attr-defined]
        for change in ({"contract": "autumn"}, {"job": "activate-2"}, {"channel": "coupons"})
    ]
    keys = {ORDER.key(0), ORDER.key(1), *(other.key(0) for other in others)}
    assert len(keys) == 5


def test_an_outcome_that_can_not_be() -> None:
    refused = Refused(row=1, code="gone", words="")
    assert BatchOutcome(refused=(refused,), later=(0,)).fault(2) == ""
    assert BatchOutcome(refused=(refused,), later=(1,)).fault(2)
    assert BatchOutcome(refused=(refused,)).fault(1)
    assert BatchOutcome(later=(-1,)).fault(1)
    assert BatchOutcome(later=(0,), handle="h").fault(1)
    counted = Counted(code="gone", rows=2, words="")
    assert BatchOutcome(counted=(counted, Counted(code="late", rows=2, words=""))).fault(2) == ""
    assert BatchOutcome(counted=(counted,), later=(0,)).fault(2)
    assert BatchOutcome(counted=(counted, counted)).fault(2)
    assert BatchOutcome(counted=(Counted(code="gone", rows=-1, words=""),)).fault(2)
    assert BatchOutcome(counted=(counted,), handle="h").fault(2)
    assert len(BatchOutcome.refuse_all(batch(0, "a", "b"), "no", "no").refused) == 2


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"identifier": "phone", "column": "mobile"},
        {"column": "mobile", "profile": "nothing"},
        {"column": "mobile", "hash": "rot13"},
        {"identifier": "person", "profile": COMPOSITE},
        {"column": "mobile", "colour": "red"},
    ],
)
def test_a_field_that_can_not_be(source: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        FieldSource.model_validate(source)


def test_fields_are_spelled_and_hashed() -> None:
    cells = [["138 0013 8000", None, "12"]]
    assert FieldSource(identifier="phone").spell(MEMBERS, cells) == [
        "+8613800138000",
        Rejected(Reason.EMPTY),
        Rejected(Reason.TOO_SHORT),
    ]
    assert FieldSource(column="mobile").spell(MEMBERS, cells) == ["138 0013 8000", Rejected(Reason.EMPTY), "12"]
    assert FieldSource(column="mobile").spell(MEMBERS, [["\udc80"]]) == [Rejected(Reason.BAD_ENCODING)]
    meta = FieldSource(identifier="phone", profile=("e164-cn", "digits"))
    assert meta.spell(MEMBERS, cells)[0] == "8613800138000"
    hashed = FieldSource(column="phone", hash=HashName.SHA256).spell(MEMBERS, [["+12345678901", "12345678901", None]])
    assert [str(value)[:8] for value in hashed[:2]] == ["10e6f0b4", "254aa248"]
    assert hashed[2] == Rejected(Reason.EMPTY)
    [idfa] = FieldSource(column="idfa", profile="idfa", hash=HashName.MD5).spell(
        MEMBERS, [["ff1999cd-7177-4937-a474-74937a102630"]]
    )
    assert str(idfa)[:8] == "2c010ed9"


def test_identifiers_are_required_and_columns_are_not() -> None:
    assert FieldSource(identifier="phone").is_required
    assert not FieldSource(column="mobile").is_required
    assert not FieldSource(identifier="phone", required=False).is_required


def test_a_composite_has_its_own_spelling() -> None:
    assert FieldSource(identifier="person").columns(MEMBERS) == ("surname", "birth")
    assert FieldSource(identifier="person").spell(MEMBERS, [["Wang"], ["1990"]]) == ["4:wang,4:1990,"]
    with pytest.raises(ConfigError, match="several columns"):
        FieldSource(identifier="person", profile="text").columns(MEMBERS)
    with pytest.raises(ConfigError, match="lacks"):
        FieldSource(identifier="email").columns(MEMBERS)


@pytest.mark.parametrize("profile", [profile for profile in PROFILES if profile != COMPOSITE])
def test_every_profile_has_an_example_that_it_takes_as_it_is(profile: str) -> None:
    normalised = normalise(profile, EXAMPLES[profile])
    assert getattr(normalised, "value", normalised) == EXAMPLES[profile]


def test_samples_are_of_nobody() -> None:
    config = FileConfig(fields={"p": FieldSource(identifier="phone"), "x": FieldSource(identifier="person")})
    made = sample_batch(ORDER, config, MEMBERS)
    assert set(made.columns["p"]) == {EXAMPLES["e164-cn"]}
    assert all(row["id"].startswith("example-") for row in made.rows("id") if row["id"])


def test_configuration_is_typed() -> None:
    plugin, config = read_destination(
        "sms", {"kind": "file", "format": "parquet", "frequency_cap": {"deliveries": 1, "days": 7}}
    )
    assert plugin is FileDestination
    assert config.frequency_cap is not None
    for table, words in (
        ({}, "kind"),
        ({"kind": "pigeon"}, "no destinations of kind"),
        ({"kind": "file", "format": "xml"}, "format"),
        ({"kind": "file", "colour": "red"}, "colour"),
        ({"kind": "file", "id_name": "a", "fields": {"a": {"column": "b"}}}, "both called"),
        ({"kind": "file", "batches_per_second": 0}, "batches_per_second"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_destination("sms", table)


PIGEON = """
from miyun.destinations.plugin import Destination, DestinationConfig
from miyun.destinations.batches import BatchOutcome, Preview

class Pigeons(Destination[DestinationConfig]):
    kind = "pigeon"
    Config = DestinationConfig

    def dry_run(self, batch):
        return Preview(target="", text="")

    def deliver(self, batch):
        return BatchOutcome()

class Impostor:
    kind = "pigeon"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs a package that brings destinations."""
    (tmp_path / "pigeon_post.py").write_text(PIGEON, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def install(package: str, *entries: str) -> None:
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        lines = "\n".join([f"[{registry.GROUP}]", *entries])
        (info / "entry_points.txt").write_text(lines + "\n", encoding="utf-8")

    load_kind.cache_clear()
    yield install
    load_kind.cache_clear()
    sys.modules.pop("pigeon_post", None)


def test_packages_bring_kinds(installed: Any) -> None:
    installed("pigeon-post", "pigeon = pigeon_post:Pigeons")
    assert {"pigeon", "file"} <= set(kinds())
    assert load_kind("pigeon").kind == "pigeon"


@pytest.mark.parametrize(
    "entry", ["pigeon = pigeon_post:Impostor", "pigeon = pigeon_post:Nothing", "pigeon = no.such:x"]
)
def test_what_is_no_plug_in_is_said_to_be_none(installed: Any, entry: str) -> None:
    installed("pigeon-post", entry)
    with pytest.raises(ConfigError, match="pigeon"):
        load_kind("pigeon")


def test_nobody_takes_the_name_of_another_kind(installed: Any) -> None:
    installed("pigeon-post", "file = pigeon_post:Pigeons", "dove = pigeon_post:Pigeons")
    for name, words in (("file", "several"), ("dove", "none of this version")):
        with pytest.raises(ConfigError, match=words):
            load_kind(name)


def test_secrets_show_nothing_and_reach_no_key_of_the_home(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault.json", KeyFile(tmp_path / "key"))
    vault.put("signing-key", b"private")
    store = SecretStore(vault)
    store.put("sms-token", "hunter2")
    assert store.names() == ("sms-token",)
    value = store.get("sms-token")
    assert value.reveal() == "hunter2"
    assert "hunter2" not in repr(value) + str(value) + (tmp_path / "vault.json").read_text()
    with pytest.raises(TypeError):
        pickle.dumps(value)
    for name in ("signing-key", "../signing-key", "nothing"):
        with pytest.raises(ConfigError, match="does not hold"):
            store.get(name)
        with pytest.raises(NotFoundError):
            store.remove(name)
    for name, text in (("Bad Name", "x"), ("good", ""), ("good", "two\nlines"), ("good", "x" * 20_000)):
        with pytest.raises(InputError):
            store.put(name, text)
    store.remove("sms-token")
    assert store.names() == ()
    assert vault.get("signing-key") == b"private"
    assert isinstance(value, Credential)
