"""The [members] and [suppression] tables: read strictly, refused with the place."""

from pathlib import Path

import pytest

from miyun.contract.schema import ColumnType
from miyun.errors import ConfigError
from miyun.members.config import Encoding, SourceKind, load_members_config

BASE = """
[members]
source = "csv"
path = "data/members.csv"
id = "id"
[members.identifiers.phone]
column = "mobile"
profile = "e164-cn"
"""


def load(tmp_path, text):
    (tmp_path / "party.toml").write_text(text, encoding="utf-8")
    return load_members_config(tmp_path / "party.toml")


def test_defaults_and_places(tmp_path):
    config = load(tmp_path, BASE + '[members.attributes."等级"]\ntype = "text"\n[privacy]\nother = 1\n')
    assert (config.source, config.encoding, config.delimiter) == (SourceKind.CSV, Encoding.AUTO, ",")
    assert config.resolve(config.path) == tmp_path / "data/members.csv"
    assert config.resolve(Path("/srv/members.csv")) == Path("/srv/members.csv")
    assert config.column_types == {"等级": ColumnType.TEXT}
    assert config.attribute_columns("等级") == ("等级",)
    assert config.quarantine_path.is_relative_to(tmp_path)
    assert config.consent == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[members]", "[member]"), "source: Field required"),
        (('id = "id"', ""), "id: Field required"),
        (('id = "id"', 'id = "id"\nencodings = "x"'), "encodings"),
        (('"csv"', '"excel"'), "source"),
        (('path = "data/members.csv"', ""), "path is missing"),
        (('"csv"', '"sql"'), "url is missing"),
        (('id = "id"', 'id = "id"\nquery = "SELECT 1"'), "query means nothing"),
        (('id = "id"', 'id = "id"\ndelimiter = "||"'), "delimiter"),
        (('id = "id"', 'id = "id"\nmemory_mib = 1'), "memory_mib"),
        (('"e164-cn"', '"e165"'), "no profile"),
        (('"mobile"', '["mobile", "mail"]'), "number of columns"),
        (('"e164-cn"', '"composite"'), "number of columns"),
        (('"mobile"', "1"), "column"),
        (("[members.identifiers.phone]", "[members.attributes.phone]"), "attributes.phone.type"),
        (('id = "id"', 'id = "id'), "no valid TOML"),
    ],
)
def test_refused_with_the_place(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, BASE.replace(*change))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[members.attributes.a]\ntype = "number"\n[suppression]\nattribute = "a"\n', "no boolean"),
        ('[suppression]\nattribute = "missing"\n', "no boolean"),
        ('[suppression]\nfiles = "x"\n', "files"),
        ('[members.attributes.a]\ntype = "number"\n[members.attributes.A]\ntype = "text"\n', "case only"),
        ('[members.consent]\ncolumn = "c"\n', "accepted"),
    ],
)
def test_refused_additions(tmp_path, more, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, BASE + more)


def test_no_members_table(tmp_path):
    with pytest.raises(ConfigError, match=r"no \[members\] table"):
        load(tmp_path, "[privacy]\ntotal = 1\n")


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="can't be read"):
        load_members_config(tmp_path / "party.toml")


def test_no_identifiers(tmp_path):
    with pytest.raises(ConfigError, match=r"identifiers\] is empty"):
        load(tmp_path, BASE.split("[members.identifiers", maxsplit=1)[0])
