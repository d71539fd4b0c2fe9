import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.contract.document import parse_contract, to_yaml, validate
from miyun.contract.model import LOOKALIKE, Budget, Channel, Consent, Contract, Domain, Grant, IdentifierTerms, Rung
from miyun.errors import ContractError, MalformedError
from miyun.keys.fingerprint import key_fingerprint

words = st.from_regex(r"\A[a-z0-9-]{1,12}\Z")
names = st.from_regex(r"\A[a-z][a-z0-9-]{1,12}\Z")
organisations = st.text(
    st.characters(categories=["L", "N", "P", "S"], include_characters=" "), min_size=1, max_size=30
).filter(lambda text: text == text.strip() and text.isprintable())
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, object]:
    """Fields of a contract between shop and feed, all within the rules."""
    identifiers = st.builds(IdentifierTerms, type=words, profile=words, evaluation_cap=st.integers(1, (1 << 53) - 1))
    owners = st.sampled_from([("shop", "feed", "members"), ("feed", "shop", "tags")])
    grants = st.builds(
        lambda pair, column, rung: Grant(
            owner=pair[0], recipient=pair[1], subject=f"{pair[2]}.{column}" if column else "matched", rung=rung
        ),
        owners,
        st.sampled_from(["", "spend_90d", "tea", "城市", "home.location"]),
        st.sampled_from(Rung),
    )
    channels = st.builds(
        Channel,
        name=names,
        domain=st.sampled_from(Domain),
        recipient=st.sampled_from(["shop", "feed"]),
        third_party=st.sampled_from(["", "google", "123"]),
    )
    rho = draw(st.integers(1, 10**9))
    costs = draw(st.lists(st.integers(1, rho), min_size=3, max_size=3).map(sorted))
    start = draw(moments)
    return {
        "identifiers": tuple(draw(st.lists(identifiers, min_size=1, max_size=4, unique_by=lambda item: item.type))),
        "grants": tuple(draw(st.lists(grants, max_size=6, unique=True))),
        "channels": tuple(draw(st.lists(channels, max_size=3, unique_by=lambda item: item.name))),
        "budget": Budget(
            rho_micro=rho,
            size_rho_micro=costs[0],
            match_report_rho_micro=costs[1],
            lease_rho_micro=costs[2],
            delta_exponent=draw(st.integers(3, 30)),
            suppress_below=draw(st.integers(0, 10_000)),
        ),
        "consent": Consent(required=False, purposes=tuple(draw(st.lists(words, max_size=3, unique=True)))),
        "padding_bucket": draw(st.integers(1, 10**6)),
        "delta_bucket": draw(st.integers(0, 10**5)),
        "legs_per_epoch": draw(st.integers(1, 10_000)),
        "location_radius_min": draw(st.integers(1_000, 10**6)),
        "location_grid": draw(st.integers(0, 1_000)),
        "retention_days": draw(st.integers(0, 3_650)),
        "starts": start,
        "expires": start + timedelta(seconds=draw(st.integers(1, 10**8))),
    }


@settings(max_examples=60)
@given(changes(), organisations)
def test_what_is_written_is_read_back(drafted: Contract, fields: dict[str, object], organisation: str) -> None:
    contract = replace(drafted, zone=replace(drafted.zone, organisation=organisation), **fields)

    again = parse_contract(to_yaml(contract))

    assert again == contract
    assert again.canonical_bytes() == contract.canonical_bytes()
    assert Contract.from_canonical(contract.canonical_bytes()) == contract


def test_comments_and_spelling_of_dates_are_not_what_is_signed(drafted: Contract) -> None:
    text = to_yaml(drafted)
    bare = re.sub(r"(?m)^\s*#.*\n", "", text).replace("2026-01-01", '"2026-01-01T08:00:00+08:00"')

    assert parse_contract(bare).digest() == drafted.digest()
    assert parse_contract(json.dumps(drafted.to_plain())).digest() == drafted.digest()


def test_the_file_shows_fingerprints_to_compare_and_explains_every_clause(drafted: Contract) -> None:
    text = to_yaml(drafted)

    for party in drafted.parties:
        assert key_fingerprint(party.signing_key, party.sealing_key) in text
    assert key_fingerprint(drafted.zone.signing_key, None) in text
    for clause in drafted.to_plain():
        assert re.search(rf"(?m)^# .*\n(?:expires: .*\n|starts: .*\n)?{clause}:", text), f"{clause} has no explanation"
    assert all(len(line) <= 120 for line in text.splitlines())


def broken(text: str, clause: str) -> ContractError:
    with pytest.raises(ContractError) as caught:
        parse_contract(text)
    assert caught.value.clause == clause
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("retention_days: 30\n", "", "retention_days"),
        ("retention_days: 30", 'retention_days: "30"', "retention_days"),
        ("retention_days: 30", "retention_days: 30.5", "retention_days"),
        ("retention_days: 30", "retention_days: 30\nretention_weeks: 4", "retention_weeks"),
        ("required: true", "required: yes", "consent.required"),
        ("rung: use", "rung: utilise", "grants[1].rung"),
        ("    rung: use\n", "", "grants[1].rung"),
        ("    domain: private", "    domain: privte", "channels[0].domain"),
        ("expires: 2027-01-01", "expires: next year", "expires"),
        ("expires: 2027-01-01", "expires: 2027-01-01T00:00:00", "expires"),
        ("expires: 2027-01-01", "expires: 2027-13-01", "expires"),
        ("purposes: [marketing]", "purposes: marketing", "consent.purposes"),
        ("kind: merchant", "kind: grocer", "parties[0].kind"),
        ('signing_key: "', 'signing_key: "%', "zone.signing_key"),
        ("organisation: Neutral Ltd", "organisation: 12", "zone.organisation"),
    ],
)
def test_what_cannot_be_read_names_the_clause(drafted: Contract, old: str, new: str, clause: str) -> None:
    text = to_yaml(drafted).replace('"Neutral Ltd"', "Neutral Ltd")
    assert old in text

    error = broken(text.replace(old, new, 1), clause)

    assert clause in error.message


def test_errors_name_the_line(drafted: Contract) -> None:
    lines = to_yaml(drafted).splitlines()
    number = next(index for index, line in enumerate(lines) if "rung: activate" in line)
    lines[number] = lines[number].replace("activate", "enjoy")

    assert f"(line {number + 1})" in broken("\n".join(lines), "grants[2].rung").message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "a: [",
        "just words",
        "- 1",
        "a: &x 1\nb: *x",
        "a: !!python/object:os.system 1",
        "a: 1\na: 2",
        "? [1, 2]\n: 3",
        "a: 1\n---\nb: 2",
        "%YAML 1.1\n---\na: 1",
        "[" * 50_000,
        "a: " + "b" * 200_001,
        "legs_per_epoch: 1__0",
        "legs_per_epoch: " + "9" * 5_000,
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_contract(text)

    assert caught.value.hint


def replaced(contract: Contract, path: str, value: object) -> Contract:
    """The contract with the value at ``path`` (``grants[0].owner``) replaced."""
    plain = contract.to_plain()
    *way, last = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", path)]
    place = plain
    for part in way:
        place = place[part]
    place[last] = value
    return parse_unchecked(plain)


def parse_unchecked(plain: dict[str, object]) -> Contract:
    import rfc8785

    return Contract.from_canonical(rfc8785.dumps(plain))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "Spring"),
        ("zone.name", "z"),
        ("zone.organisation", " Neutral"),
        ("zone.organisation", ""),
        ("zone.organisation", "Neu\ntral"),
        ("zone.signing_key", "AAAA"),
        ("parties[0].signing_key", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("parties[1].sealing_key", "AAAA"),
        ("parties[1].kind", "merchant"),
        ("parties[1].name", "shop"),
        ("parties[1].organisation", "ＴＥＡ shop  ag"),
        ("identifiers", []),
        ("identifiers[1].type", "phone"),
        ("identifiers[1].type", "E-mail"),
        ("identifiers[0].profile", "e164 cn"),
        ("identifiers[0].evaluation_cap", 0),
        ("grants[0].owner", "zone"),
        ("grants[0].recipient", "ann"),
        ("grants[0].recipient", "feed"),
        ("grants[0].subject", "members.spend_90d"),
        ("grants[0].subject", "matches"),
        ("grants[6].subject", "members."),
        ("grants[6].subject", "members.a b"),
        ("grants[6].subject", "members.home.location.location"),
        ("grants[6].subject", "members.location.home"),
        ("budget.rho_micro", 0),
        ("budget.size_rho_micro", 0),
        ("budget.size_rho_micro", 100_001),
        ("budget.match_report_rho_micro", 0),
        ("budget.lease_rho_micro", 2_499),
        ("budget.lease_rho_micro", 100_001),
        ("budget.delta_exponent", 2),
        ("budget.suppress_below", -1),
        ("channels[0].name", "Member Messages"),
        ("channels[1].name", "member-messages"),
        ("channels[0].recipient", "zone"),
        ("channels[0].third_party", "Google"),
        ("channels[0].third_party", "feed"),
        ("channels[0].third_party", "zone"),
        ("consent.purposes", []),
        ("consent.purposes[0]", "Marketing"),
        ("padding_bucket", 0),
        ("delta_bucket", -1),
        ("delta_bucket", 100_001),
        ("legs_per_epoch", 0),
        ("location_radius_min", 0),
        ("location_radius_min", 1_000_001),
        ("location_grid", -1),
        ("location_grid", 501),
        ("retention_days", -1),
        ("expires", "2026-01-01T00:00:00Z"),
        ("expires", "2027-01-01T00:00:00.500000Z"),
    ],
)
def test_what_makes_no_sense_names_the_clause(drafted: Contract, path: str, value: object) -> None:
    contract = replaced(drafted, path, value)

    with pytest.raises(ContractError) as caught:
        validate(contract)

    assert caught.value.clause == path
    assert path in caught.value.message
    assert caught.value.hint


def test_repetitions_name_the_second_place(drafted: Contract) -> None:
    twice = replace(drafted, grants=(*drafted.grants, drafted.grants[0]))
    shared = replace(
        drafted, parties=(drafted.parties[0], replace(drafted.parties[1], signing_key=drafted.zone.signing_key))
    )
    sealed = replace(
        drafted, parties=(drafted.parties[0], replace(drafted.parties[1], sealing_key=drafted.parties[0].sealing_key))
    )
    purposes = replace(drafted, consent=Consent(required=True, purposes=("marketing", "marketing")))

    for contract, clause in (
        (twice, f"grants[{len(drafted.grants)}]"),
        (shared, "parties[1].signing_key"),
        (sealed, "parties[1].sealing_key"),
        (purposes, "consent.purposes[1]"),
    ):
        with pytest.raises(ContractError) as caught:
            validate(contract)
        assert caught.value.clause == clause


def test_a_number_beyond_canonical_json_is_malformed(drafted: Contract) -> None:
    data = drafted.canonical_bytes().replace(b'"legs_per_epoch":', b'"legs_per_epoch":1' + b"0" * 17)

    with pytest.raises(MalformedError):
        Contract.from_canonical(data)


@pytest.mark.parametrize("subject", ["tags", "tags.tea", "tags.gender=female", "tags.兴趣 / 茶", "tags.1024"])
def test_insight_is_granted_on_tags_by_their_ids_and_on_whole_catalogues(drafted: Contract, subject: str) -> None:
    grant = Grant(owner="feed", subject=subject, rung=Rung.INSIGHT, recipient="shop")
    validate(replace(drafted, grants=(grant,)))
    if subject != "tags.tea":
        with pytest.raises(ContractError):
            validate(replace(drafted, grants=(replace(grant, rung=Rung.USE),)))


@pytest.mark.parametrize(
    "subject", ["tags.", "tags. tea", "tags.a\nb", "members", "members.tea", "tag", "tags." + "t" * 201]
)
def test_insight_is_granted_on_nothing_else(drafted: Contract, subject: str) -> None:
    grant = Grant(owner="feed", subject=subject, rung=Rung.INSIGHT, recipient="shop")
    with pytest.raises(ContractError) as caught:
        validate(replace(drafted, grants=(grant,)))
    assert caught.value.clause == "grants[0].subject"


@pytest.mark.parametrize("rung", [Rung.SIZE, Rung.USE, Rung.ACTIVATE])
def test_who_scores_best_is_granted_for_segments(drafted: Contract, rung: Rung) -> None:
    validate(replace(drafted, grants=(Grant(owner="feed", subject=LOOKALIKE, rung=rung, recipient="shop"),)))
    for grant in (
        Grant(owner="shop", subject=LOOKALIKE, rung=rung, recipient="feed"),
        Grant(owner="feed", subject=LOOKALIKE, rung=Rung.EXACT_SIZE, recipient="shop"),
        Grant(owner="feed", subject="tags.best(1)", rung=rung, recipient="shop"),
    ):
        with pytest.raises(ContractError) as caught:
            validate(replace(drafted, grants=(grant,)))
        assert caught.value.clause == "grants[0].subject"
