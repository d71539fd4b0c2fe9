"""What is found before anything is sent, and what is set aside."""

import csv
import stat

import pytest

from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import ConfigError, SourceError
from miyun.members.check import check_members
from miyun.members.config import load_members_config
from miyun.members.roster import Roster

ROWS = [
    {"id": "m1", "mobile": "13800138000", "mail": "a@qq.com", "spend": "12", "no ads": "否"},
    {"id": "m2", "mobile": "+86 138 0013 8000", "mail": "", "spend": "much"},
    {"id": "m10", "mobile": "13800138000", "mail": "b@qq.com"},
    {"id": "m3", "mobile": "1.38E+10", "mail": "nobody", "consent": "no"},
    {"id": "m1", "mobile": "13900139000", "mail": "c@qq.com"},
    {"id": "", "mobile": "13700137000", "mail": "d@qq.com"},
    {"id": "m4", "mobile": "138****8000", "mail": "-", "consent": "是", "no ads": "perhaps"},
]


@pytest.fixture
def config(tmp_path, write_table):
    (tmp_path / "opt-outs.csv").write_text("email,comment\nA@QQ.com,\nnobody,\n", encoding="utf-8")
    return write_table(tmp_path, ROWS, 'file = "opt-outs.csv"\n')


def test_everything_is_counted(config):
    found = check_members(config, bucket=2)
    assert (found.rows, found.bad_rows) == (7, {})
    assert (found.duplicate_rows, found.without_consent, found.without_identifier) == (1, 1, 2)
    assert (found.members, found.universe) == (2, 4)
    columns = {(column.role, column.name): column for column in found.columns}
    assert columns["id", "id"].empty == 1
    phone = columns["identifier", "phone"]
    assert (phone.accepted, phone.empty, phone.rejected) == (4, 0, {"masked": 1, "scientific-notation": 1})
    email = columns["identifier", "email"]
    assert (email.accepted, email.empty, email.rejected) == (3, 2, {"no-at-sign": 1})
    spend = columns["attribute", "spend"]
    assert (spend.accepted, spend.empty, spend.rejected) == (1, 4, {"no-number": 1})
    assert columns["attribute", "opted_out"].rejected == {"no-boolean": 1}
    assert (columns["opt-out", "email"].accepted, columns["opt-out", "email"].rejected) == (1, {"no-at-sign": 1})
    assert [(type_.type, type_.values, type_.shared) for type_ in found.types] == [("phone", 1, 2), ("email", 2, 0)]
    assert all(type_.points % 2 == 0 for type_ in found.types)


def test_the_report_is_what_a_fusion_sends(config, tmp_path):
    terms = [IdentifierTerms(type="email", profile="uid2", evaluation_cap=1)]
    consent = Consent(required=True, purposes=("ads",))
    found = check_members(config, identifiers=terms, consent=consent, bucket=2)
    with Roster.build(tmp_path / "roster", config, identifiers=terms, consent=consent, bucket=2) as roster:
        assert roster.report == found
    assert [column.name for column in found.columns if column.role == "identifier"] == ["email"]
    assert found.to_plain()["types"] == [
        {"type": "email", "profile": "uid2", "values": 2, "points": 2, "shared": 0},
    ]


def test_the_quarantine_names_row_column_reason_and_value(config):
    found = check_members(config)
    with config.quarantine_path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert found.quarantined == len(lines) == 9
    assert found.quarantine == str(config.quarantine_path)
    assert {(line["row"], line["column"], line["reason"], line["value"]) for line in lines} == {
        ("2", "mail", "empty", ""),
        ("2", "spend", "no-number", "much"),
        ("4", "mobile", "scientific-notation", "1.38E+10"),
        ("4", "mail", "no-at-sign", "nobody"),
        ("6", "id", "empty", ""),
        ("7", "mobile", "masked", "138****8000"),
        ("7", "mail", "empty", "-"),
        ("7", "no ads", "no-boolean", "perhaps"),
        ("2", "opt-outs.csv: email", "no-at-sign", "nobody"),
    }
    assert stat.S_IMODE(config.quarantine_path.stat().st_mode) == 0o600
    assert all(line["words"] for line in lines)


def test_malformed_rows_are_quarantined_with_their_text(config):
    with (config.folder / "members.csv").open("ab") as file:
        file.write('m7,13600136000\nm8,"x"y,,,,\nm9,13500135000,\udcff,,,yes\n'.encode("utf-8", "surrogateescape"))
    found = check_members(config)
    assert (found.rows, found.bad_rows) == (10, {"bad-quoting": 1, "ragged": 1})
    written = config.quarantine_path.read_bytes()
    assert b'8,,ragged,the row has more or fewer fields than the header,"m7,13600136000"\r\n' in written
    assert b"10,mail,bad-encoding,bytes that are no text in this encoding,\xff\r\n" in written
    assert found.members == 3


def test_a_check_that_fails_keeps_the_last_quarantine_and_leaves_nothing_else(config):
    check_members(config)
    before = config.quarantine_path.read_bytes()
    (config.folder / "members.csv").write_text("id\nm1\n", encoding="utf-8")
    with pytest.raises(SourceError):
        check_members(config)
    assert config.quarantine_path.read_bytes() == before
    assert [path.name for path in config.quarantine_path.parent.iterdir()] == ["members.csv"]
    assert not list((config.folder / "tmp").iterdir())


def test_an_opt_out_file_that_names_nobody(config):
    (config.folder / "opt-outs.csv").write_text("telephone\n13800138000\n", encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        check_members(config)
    assert caught.value.hint == "Name its columns among: id, phone, email."


def test_consent_by_purpose(tmp_path, write_table):
    config = write_table(tmp_path, ROWS)
    text = (tmp_path / "party.toml").read_text(encoding="utf-8")
    by_purpose = text.replace("[members.consent]", '[[members.consent]]\npurposes = ["ads"]')
    by_purpose += '[[members.consent]]\npurposes = ["coupons"]\ncolumn = "no ads"\naccepted = ["否"]\n'
    (tmp_path / "party.toml").write_text(by_purpose, encoding="utf-8")
    config = load_members_config(tmp_path / "party.toml")
    sent = {
        purposes: check_members(config, consent=Consent(required=True, purposes=purposes)).without_consent
        for purposes in (("ads",), ("coupons",), ("ads", "coupons"), ())
    }
    assert sent == {("ads",): 1, ("coupons",): 4, ("ads", "coupons"): 4, (): 4}
    with pytest.raises(ConfigError, match="lookalike"):
        check_members(config, consent=Consent(required=True, purposes=("ads", "lookalike")))


def test_composites_of_several_columns(tmp_path, write_table):
    config = write_table(tmp_path, [{"id": "m1", "mobile": "Wang", "mail": "Wei"}, {"id": "m2", "mobile": "Li"}])
    text = (tmp_path / "party.toml").read_text(encoding="utf-8")
    text = text.replace('column = "mobile"\nprofile = "e164-cn"', 'column = ["mobile", "mail"]\nprofile = "composite"')
    (tmp_path / "party.toml").write_text(text, encoding="utf-8")
    found = check_members(load_members_config(tmp_path / "party.toml"))
    composite = found.columns[1]
    assert (composite.column, composite.accepted, composite.rejected) == ("mobile | mail", 1, {"incomplete": 1})
    assert (
        b"2,mobile | mail,incomplete,a part of the composite or the place is missing,Li | \r\n"
        in config.quarantine_path.read_bytes()
    )
