"""The catalogue of tags: its file, its tree, and what is found in it."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import NotFoundError, SourceError
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_file import COLUMNS, load_catalogue
from miyun.members.catalogue_tree import MAX_DEPTH, CatalogueRow, TagType
from miyun.members.config import SourceKind, TagsConfig

EXAMPLE = """\
id,name,parent,type,options,range,sensitive
tea,茶饮,drinks,flag,,,
profile,人口属性,,group,,,
gender,性别,profile,option,男|女,,
age,年龄,profile,number,,0..120,
interest,兴趣,,,,,
drinks,饮料,interest,,,,no
phones,手机/数码,interest,,,,
health,健康,,group,,,是
clinic,,health,,,,
"""


def load(folder, text, name="catalogue.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return load_catalogue(config(folder, name))


def config(folder, name):
    return TagsConfig(folder=folder, source=SourceKind.CSV, id="id", tag="tag", catalogue=Path(name))


@pytest.fixture
def example(tmp_path):
    return load(tmp_path, EXAMPLE)


def row(id_, parent=None, type_=TagType.FLAG, **more):
    return CatalogueRow(id=id_, name=more.pop("name", id_), parent=parent, type=type_, **more)


def ids(catalogue, indices):
    return [catalogue.id_of(int(index)) for index in indices]


def test_a_file_becomes_a_tree_in_its_own_order(example):
    assert ids(example, range(len(example))) == [
        *("profile", "gender", "gender=男", "gender=女", "age"),
        *("interest", "drinks", "tea", "phones"),
        *("health", "clinic"),
    ]
    assert [example.type_of(example.find(id_)).value for id_ in ("profile", "gender", "gender=女", "age", "tea")] == [
        "group",
        "option",
        "choice",
        "number",
        "flag",
    ]
    assert example.type_of(example.find("drinks")) is TagType.GROUP
    assert example.row_of(example.find("age")).high == 120
    tag = example.tag(example.find("clinic"))
    assert (tag.path, tag.sensitive, tag.dimension) == ("健康/clinic", True, example.find("health"))
    assert not example.sensitive[example.find("tea")]
    with pytest.raises(NotFoundError):
        example.row_of(example.find("gender=女"))


def test_branches_hold_what_is_counted(example):
    assert ids(example, example.branch("interest")) == ["tea", "phones"]
    assert ids(example, example.branch("人口属性")) == ["gender=男", "gender=女", "age"]
    assert ids(example, example.branch("gender=女")) == ["gender=女"]
    assert ids(example, example.branch()) == ["gender=男", "gender=女", "age", "tea", "phones", "clinic"]
    assert ids(example, example.select(["兴趣/饮料", "interest", "age"])) == ["age", "tea", "phones"]
    assert len(example.select([])) == 0
    assert ids(example, example.dimensions(example.branch())) == ["profile", "gender", "interest", "drinks", "health"]
    assert example.dimension_of(example.find("profile")) is None


def test_what_can_be_counted_is_known(example):
    assert example.counts(example.branch())
    gender = example.find("gender")
    for wrong in ([], [gender], [gender + 2, gender + 1], [gender + 1, gender + 1], [len(example)]):
        assert not example.counts(np.array(wrong, np.uint32))


def test_references_are_ids_or_paths(example):
    assert example.find(" 兴趣/手机／数码 ") == example.find("phones")
    for reference in ("兴趣/手机/数码", "tee", "兴趣/", "/", "兴趣/茶饮"):
        with pytest.raises(NotFoundError, match="no tag"):
            example.find(reference)


def test_a_path_of_several_tags_is_no_reference():
    catalogue = Catalogue([row("a", name="茶"), row("b", name="茶")])
    with pytest.raises(NotFoundError, match="2 tags") as caught:
        catalogue.find("茶")
    assert "'a', 'b'" in caught.value.hint
    assert catalogue.find("b") == 1


def test_search_finds_words_of_the_path_best_first():
    rows = [
        row("1", name="茶", type_=TagType.GROUP),
        row("2", "1", name="红茶"),
        row("3", "1", name="茶具"),
        row("4", "1", name="Ｇｒｅｅｎ  TEA"),
        row("tea", name="other"),
    ]
    catalogue = Catalogue(rows)
    assert ids(catalogue, catalogue.search("茶")) == ["1", "3", "2", "4"]
    assert ids(catalogue, catalogue.search("tea GREEN")) == ["4"]
    assert ids(catalogue, catalogue.search("茶 green")) == ["4"]
    assert ids(catalogue, catalogue.search("tea")) == ["tea", "4"]
    assert catalogue.search("  ") == ()
    assert catalogue.search("coffee") == ()


def test_pages_make_the_same_catalogue(example):
    pages = [example.page(start, 4) for start in range(0, 12, 4)]
    again = Catalogue(declared for page in pages for declared in page)
    assert [len(page) for page in pages] == [4, 4, 1]
    assert again.digest() == example.digest()
    assert ids(again, range(len(again))) == ids(example, range(len(example)))


@pytest.mark.parametrize(
    "change",
    [
        ("茶饮", "红茶"),
        ("男|女", "女|男"),
        ("0..120", "0..121"),
        (",no\n", ",yes\n"),
        ("tea,", "teas,"),
        ("number", "NUMBER"),
    ],
)
def test_the_digest_is_of_all_that_is_declared(tmp_path, example, change):
    changed = load(tmp_path, EXAMPLE.replace(*change), "changed.csv")
    assert (changed.digest() == example.digest()) is (change == ("number", "NUMBER"))


def test_parquet_and_gb18030_read_alike(tmp_path, example):
    lines = [line.split(",") for line in EXAMPLE.splitlines()]
    columns = {name: [line[place] or None for line in lines[1:]] for place, name in enumerate(COLUMNS)}
    pq.write_table(pa.table(columns), tmp_path / "catalogue.parquet")
    assert load_catalogue(config(tmp_path, "catalogue.parquet")).digest() == example.digest()
    (tmp_path / "gb.csv").write_bytes(EXAMPLE.encode("gb18030"))
    assert load_catalogue(config(tmp_path, "gb.csv")).digest() == example.digest()


def test_an_id_is_enough(tmp_path):
    catalogue = load(tmp_path, "id\n1\n2\n")
    assert [catalogue.path_of(index) for index in range(2)] == ["1", "2"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a,,,,,,\nb,,,,,,\na,,,,,,", "'a' twice"),
        ("a,,b,,,,", "below 'b', which is no tag"),
        ("a,,,,,,\nb,,d,,,,\nc,,b,,,,\nd,,c,,,,", "'b' → 'd' → 'c' → 'b'"),
        ("a,,a,,,,", "'a' → 'a'"),
        ("a,,,number,,,\nb,,a,,,,", "type number"),
        ("a,,,option,,,", "no options"),
        ("a,,,flag,x|y,,", "has options"),
        ("a,,,,x|Ｘ,,", "option twice"),
        ("a,,,,x||y,,", "empty one"),
        ("a,,,flag,,1..2,", "range"),
        ("a,,,,,2..1,", "ends before"),
        ("a,,,,,1-2,", r"row 1: the range '1-2'"),
        ("a,,,,,,\nb,,,tag,,,", r"row 2: the type 'tag'"),
        ("a,,,choice,,,", "the type"),
        ("a,,,,,,perhaps", "sensitive is 'perhaps'"),
        (",name,,,,,", "no id"),
        ("a,,,,x|y,,\na=x,,,,,,", "'a=x' is a tag and an option"),
        ("a,b", "row 1: the row has more or fewer"),
    ],
)
def test_what_is_no_catalogue_is_refused_with_the_place(tmp_path, lines, message):
    with pytest.raises(SourceError, match=message) as caught:
        load(tmp_path, f"{','.join(COLUMNS)}\n{lines}\n")
    assert caught.value.hint


def test_files_that_are_none(tmp_path):
    with pytest.raises(SourceError, match="no file"):
        load_catalogue(config(tmp_path, "catalogue.csv"))
    with pytest.raises(SourceError, match="no column 'id'"):
        load(tmp_path, "tag\n1\n")
    with pytest.raises(SourceError, match="no readable Parquet"):
        load(tmp_path, "id\n1\n", "catalogue.parquet")


def test_levels_are_limited():
    chain = [row("0"), *(row(str(level), str(level - 1)) for level in range(1, MAX_DEPTH))]
    assert len(Catalogue(chain)) == MAX_DEPTH
    with pytest.raises(SourceError, match="levels"):
        Catalogue([*chain, row("deep", str(MAX_DEPTH - 1))])


@settings(max_examples=50)
@given(parents=st.lists(st.integers(0, 30), max_size=25), seed=st.integers(0, 9))
def test_a_branch_is_a_tag_and_all_below_it(parents, seed):
    above = {str(place): str(parent % place) if place and parent % 4 else None for place, parent in enumerate(parents)}
    rows = [row(id_, parent) for id_, parent in above.items()]
    random.Random(seed).shuffle(rows)
    catalogue = Catalogue(rows)

    def under(id_, top):
        return id_ is not None and (id_ == top or under(above[id_], top))

    for top in above:
        assert set(ids(catalogue, catalogue.branch(top))) == {id_ for id_ in above if under(id_, top)}
        children = ids(catalogue, catalogue.children(catalogue.find(top)))
        assert children == [declared.id for declared in rows if declared.parent == top]
