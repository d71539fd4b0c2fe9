"""The [tags] table: read strictly, refused with the place."""

from pathlib import Path

import pytest

from miyun.errors import ConfigError
from miyun.members.config import SourceKind, load_members_config

BASE = """
[members]
source = "csv"
path = "members.csv"
id = "id"
[members.identifiers.phone]
column = "mobile"
profile = "e164-cn"
[tags]
source = "parquet"
path = "tags.parquet"
id = "user"
tag = "tag"
catalogue = "catalogue.csv"
"""


def load(tmp_path, text):
    (tmp_path / "party.toml").write_text(text, encoding="utf-8")
    return load_members_config(tmp_path / "party.toml")


def test_places_and_columns(tmp_path):
    tags = load(tmp_path, BASE).tags
    assert (tags.source, tags.columns, tags.folder) == (SourceKind.PARQUET, ("user", "tag"), tmp_path)
    assert tags.resolve(tags.catalogue) == tmp_path / "catalogue.csv"
    assert tags.quarantine_path == tmp_path / "quarantine" / "tags.csv"
    assert load(tmp_path, BASE + 'value = "v"\nmemory_mib = 256\n').tags.columns == ("user", "tag", "v")
    assert load(tmp_path, BASE.split("[tags]", maxsplit=1)[0]).tags is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('tag = "tag"\n', ""), r"\[tags\] tag: Field required"),
        (('"catalogue.csv"', '"c.csv"\nfolder = 3\nsize = 1'), r"\[tags\] size"),
        (('"parquet"', '"excel"'), r"\[tags\] source"),
        (('"parquet"', '"sql"'), r"\[tags\] url is missing"),
        (('"parquet"', '"parquet"\nurl = "sqlite:///x"'), r"\[tags\] url means nothing"),
        (('"parquet"', '"csv"\ndelimiter = "||"'), r"\[tags\] delimiter"),
        (('"parquet"', '"parquet"\nmemory_mib = 5'), r"\[tags\] memory_mib"),
        (('"parquet"', '"parquet"\nvalue = "tag"'), r"\[tags\] id, tag and value"),
    ],
)
def test_refused_with_the_place(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, BASE.replace(*change))
    assert caught.value.hint


def test_a_source_that_is_missing_names_its_table(tmp_path):
    from miyun.errors import SourceError
    from miyun.members.sources import open_source

    tags = load(tmp_path, BASE).tags
    with pytest.raises(SourceError, match=r"no file tags\.parquet") as caught:
        open_source(tags, tags.columns)
    assert "[tags]" in caught.value.hint
    assert Path(tags.path).name == "tags.parquet"
