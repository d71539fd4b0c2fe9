"""Agreeing on a contract from the command line."""

from pathlib import Path
from typing import Any

import pytest
from miyun_cli.invocation import Invocation

from miyun.contract.document import parse_contract, to_yaml
from miyun.contract.lifecycle import ContractState
from miyun.keys.fingerprint import key_fingerprint
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin


@pytest.fixture
def signing(party: Standin) -> Standin:
    party.answers["contracts.get"] = samples.info()
    party.answers["contracts.leakage"] = lambda contract, language: f"WHO LEARNS WHAT ({language})"
    party.answers["contracts.sign"] = samples.info(signers=("shop",))
    return party


def called(party: Standin) -> list[str]:
    return [path for path, _, _ in party.calls]


def test_nothing_is_signed_before_fingerprints_were_compared(signing: Standin, miyun: Miyun) -> None:
    outcome = miyun("contract", "sign", "spring")
    assert outcome.status == 2
    assert "contracts.sign" not in called(signing)
    assert "WHO LEARNS WHAT (en)" in outcome.out
    assert "compared" in outcome.err

    assert miyun("contract", "sign", "spring", "--json").error["code"] == "input"
    assert "contracts.sign" not in called(signing)


@pytest.mark.parametrize("yes", [True, False])
def test_the_question_decides(yes: bool, signing: Standin, miyun: Miyun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question, err: yes)
    outcome = miyun("contract", "sign", "spring", "--lang", "zh")
    assert ("contracts.sign" in called(signing)) is yes
    assert (outcome.status == 0) is yes
    assert "WHO LEARNS WHAT (zh)" in outcome.out


def test_every_fingerprint_is_shown_and_what_was_read_is_signed(signing: Standin, miyun: Miyun) -> None:
    outcome = miyun("contract", "sign", "spring", "--compared")
    contract = samples.contract()
    prints = [key_fingerprint(party.signing_key, party.sealing_key) for party in contract.parties]
    for fingerprint in [*prints, key_fingerprint(contract.zone.signing_key, None)]:
        assert fingerprint in outcome.err
    assert signing.calls[-1] == ("contracts.sign", (contract,), {})


def test_scripts_get_one_document(signing: Standin, miyun: Miyun) -> None:
    outcome = miyun("contract", "sign", "spring", "--compared", "--json")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.document["signers"] == ["shop"]
    assert outcome.document["digest"] == samples.contract().digest().hex()
    assert set(outcome.document["fingerprints"]) == {"shop", "square", "hub"}


def test_the_statement_is_printed_from_a_file_without_a_home(miyun: Miyun, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(to_yaml(samples.contract()))
    english = miyun("contract", "statement", "draft.yaml")
    chinese = miyun("contract", "statement", "draft.yaml", "--lang", "zh")
    assert (english.status, chinese.status) == (0, 0)
    assert "square Ltd" in english.out
    assert english.out != chinese.out
    assert "平台" in chinese.out
    lines = miyun("contract", "statement", "draft.yaml", "--json").document["lines"]
    assert {"who", "name", "learns", "when", "clause", "loud"} == set(lines[0])


def test_a_file_that_is_no_contract_names_the_clause(miyun: Miyun, tmp_path: Path) -> None:
    text = to_yaml(samples.contract()).replace("legs_per_epoch:", "legs_per_year:")
    (tmp_path / "draft.yaml").write_text(text)
    error = miyun("contract", "statement", "draft.yaml", "--json").error
    assert error["code"] == "contract"
    assert "legs_per" in error["clause"]
    assert miyun("contract", "statement", "missing.yaml", "--json").error["code"] == "input"


def test_a_draft_goes_to_a_file_that_can_be_proposed(party: Standin, miyun: Miyun, tmp_path: Path) -> None:
    party.answers["contracts.draft"] = samples.contract()
    party.answers["contracts.propose"] = samples.info()
    outcome = miyun(
        *("contract", "draft", "spring", "--with", "square", "--expires", "2027-06-30", "--out", "draft.yaml"),
        *("--identifier", "phone:e164-cn:1000", "--identifier", "email:uid2", "--column", "spend_90d"),
        *("--insight", "tags", "--insight", "members.spend_90d"),
        *("--channel", "ads:public:square", "--channel", "search:public:shop:google", "--disclose", "matched"),
        *("--exact-size", "shop", "--exact-size", "square:members.spend_90d"),
        *("--no-consent", "--padding", "1"),
    )
    assert outcome.status == 0, outcome.err
    _, (counterparty,), options = party.calls[-1]
    assert (counterparty, options["id"], options["expires"].isoformat()) == (
        "square",
        "spring",
        "2027-06-30T00:00:00+00:00",
    )
    assert [(terms.type, terms.profile) for terms in options["identifiers"]] == [
        ("phone", "e164-cn"),
        ("email", "uid2"),
    ]
    assert options["identifiers"][0].evaluation_cap == 1000
    channels = options["channels"]
    assert [(channel.name, channel.domain, channel.recipient, channel.third_party) for channel in channels] == [
        ("ads", "public", "square", ""),
        ("search", "public", "shop", "google"),
    ]
    assert options["disclosures"] == ("matched",)
    assert options["exact_sizes"] == (("shop", "matched"), ("square", "members.spend_90d"))
    assert (options["consent_required"], options["padding_bucket"]) == (False, 1)
    assert (options["columns"], options["insights"]) == (("spend_90d",), ("tags", "members.spend_90d"))
    assert "purposes" not in options

    assert parse_contract((tmp_path / "draft.yaml").read_text()) == samples.contract()
    assert miyun("contract", "propose", "draft.yaml", "--json").document["id"] == "spring"
    assert party.calls[-1][1] == (samples.contract(),)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--identifier", "phone"),
        ("--identifier", "phone:e164:many"),
        ("--identifier", "a:b:1:2"),
        ("--channel", "ads:everywhere:square"),
        ("--channel", "ads"),
        ("--channel", "ads:public:square:google:meta"),
    ],
)
def test_unreadable_choices_are_refused(option: str, value: str, party: Standin, miyun: Miyun) -> None:
    base = ("contract", "draft", "spring", "--with", "square", "--expires", "2027-06-30", "--identifier", "email:uid2")
    error = miyun(*base, option, value, "--json").error
    assert (error["code"], value in error["message"]) == ("input", True)
    assert party.calls == []


def test_contracts_are_listed_and_shown(party: Standin, miyun: Miyun) -> None:
    party.answers["contracts.list"] = (samples.info(signers=("shop", "square"), state=ContractState.SIGNED),)
    party.answers["contracts.get"] = samples.info()
    assert "shop, square" in miyun("contract", "list").out
    assert miyun("contract", "list", "--json").document[0]["state"] == "signed"
    shown = miyun("contract", "show", "spring")
    assert parse_contract(shown.out[shown.out.index("# A contract") :]) == samples.contract()
    assert miyun("contract", "show", "spring", "--json").document["document"]["id"] == "spring"


@pytest.mark.parametrize("compared", [True, False])
def test_an_analyst_is_delegated_by_compared_key(compared: bool, party: Standin, miyun: Miyun) -> None:
    def delegate(contract: str, analyst: Any, *, expires: Any) -> Any:
        return type("Delegation", (), {"party": "shop", "expires": samples.AT})

    ana = samples.identity("ana", "analyst")
    party.answers |= {"contracts.identity": ana, "contracts.delegate": delegate}
    arguments = ("contract", "delegate", "spring", "--analyst", "ana", *(("--compared",) if compared else ()))
    outcome = miyun(*arguments)
    assert (outcome.status == 0) is compared
    assert ("contracts.delegate" in called(party)) is compared
    assert key_fingerprint(ana.signing_key, None) in outcome.err


def test_activation_and_revocation_pass_on_what_was_said(party: Standin, miyun: Miyun) -> None:
    party.answers["contracts.activate"] = samples.info(state=ContractState.ACTIVE)
    party.answers["contracts.revoke"] = samples.info(state=ContractState.REVOKED)
    assert miyun("contract", "activate", "spring", "--json").document["state"] == "active"
    assert miyun("contract", "revoke", "spring", "--reason", "moved", "--json").document["state"] == "revoked"
    assert party.calls[-1] == ("contracts.revoke", ("spring", "moved"), {})


def test_a_party_home_is_opened_with_what_was_given(monkeypatch: pytest.MonkeyPatch, miyun: Miyun) -> None:
    opened = []

    class Opened(Standin):
        @classmethod
        def open(cls, home: Path, unlock: Any) -> Standin:
            opened.append((home, unlock.path))
            standin = cls()
            standin.answers["contracts.list"] = ()
            return standin

    monkeypatch.setattr("miyun.party.facade.Party", Opened)
    outcome = miyun("contract", "list", "--home", "~/shop", "--key-file", "shop.key")
    assert outcome.out == "This party is named in no contract.\n"
    assert opened == [(Path("~/shop").expanduser(), Path("shop.key"))]
    assert Invocation().home == Path("~/.miyun").expanduser()
