"""The plaintext join on tables small enough to work out by hand."""

from datetime import date
from pathlib import Path

from demo.reference import Person, asleep_and_valuable, audience, eligible, join, read_members, sent


def person(id_: str, phone: str | None = None, email: str | None = None, **more: object) -> Person:
    return Person(**{"id": id_, "phone": phone, "email": email, "consents": True, "opted_out": False, **more})


def pairs(members: list[Person], users: list[Person]) -> set[tuple[str, str, str]]:
    return {(match.member.id, match.user.id, match.by) for match in join(eligible(members), eligible(users))}


def test_phone_goes_before_email() -> None:
    members = [person("M1", "13800000001", "a@qq.com")]
    users = [person("u1", email="a@qq.com"), person("u2", "13800000001")]
    assert pairs(members, users) == {("M1", "u2", "phone")}


def test_nobody_matches_twice() -> None:
    members = [person("M1", "13800000001"), person("M2", email="a@qq.com")]
    users = [person("u1", "13800000001", "a@qq.com")]
    assert pairs(members, users) == {("M1", "u1", "phone")}


def test_a_shared_phone_stays_with_the_lowest_id_and_the_other_keeps_its_email() -> None:
    members = [person("M10", "13800000001", "b@qq.com"), person("M9", "13800000001", "a@qq.com")]
    users = [person("u1", "13800000001"), person("u2", email="b@qq.com")]
    assert pairs(members, users) == {("M9", "u1", "phone"), ("M10", "u2", "email")}


def test_without_consent_nobody_is_sent_and_nobody_holds_a_phone() -> None:
    members = [person("M1", "13800000001", consents=False), person("M2", "13800000001")]
    assert pairs(members, [person("u1", "13800000001")]) == {("M2", "u1", "phone")}


def test_who_holds_an_identifier_of_their_own_is_sent() -> None:
    people = [
        person("M1", "13800000001"),
        person("M2", "13800000001"),
        person("M3", "13800000001", "c@qq.com"),
        person("M4"),
        person("M5", "13800000005", consents=False),
    ]
    assert {one.id for one in sent(people)} == {"M1", "M3"}


def test_the_first_row_of_an_id_counts() -> None:
    members = [person("M1", "13800000001"), person("M1", "13800000002")]
    users = [person("u1", "13800000001"), person("u2", "13800000002")]
    assert pairs(members, users) == {("M1", "u1", "phone")}


def test_who_objects_on_either_side_is_in_no_audience() -> None:
    members = [person(f"M{place}", f"1380000000{place}", objects=place == 1) for place in range(4)]
    users = [person(f"u{place}", f"1380000000{place}", objects=place == 2) for place in range(4)]
    found = audience(join(members, users), lambda member: member.id != "M3")
    assert [match.user.id for match in found] == ["u0"]


def test_an_objection_in_a_later_row_counts_and_one_by_the_list_too(tmp_path: Path) -> None:
    later = [person("M1", "13800000001"), person("M1", "13800000002", objects=True)]
    assert [member.objects for member in eligible(later)] == [True]
    header = "会员编号,手机号,邮箱,会员等级,近365天消费,最近支付日期,营销退订,营销授权"
    (tmp_path / "members.csv").write_text(f"{header}\nM1,138-0000-0001,,金卡,,,否,是\nM2,,,,,,是,是\n", "gb18030")
    read = list(read_members(tmp_path / "members.csv", {"13800000001"}))
    assert [(member.objects, member.opted_out) for member in read] == [(True, False), (True, True)]


def test_asleep_and_valuable() -> None:
    line = date(2026, 8, 24)

    def wanted(spent: float | None, paid: date | None) -> bool:
        return asleep_and_valuable(
            person("M1", spend_year=spent, last_paid=paid), asleep_since=line, spend_at_least=1_000
        )

    assert wanted(1_000, date(2026, 8, 23))
    assert not wanted(999.99, date(2026, 8, 23))
    assert not wanted(1_000, line)
    assert not wanted(None, None)
