"""What goes into bid requests and browsers has nothing that the lint would find."""

import base64
import json

import pytest

from miyun.errors import InputError
from miyun.pair.domains import fault_of
from miyun.pair.eids import stored, user_eids
from miyun.pair.ids import PublisherIds, match_key
from miyun.pair.lint import lint, lint_stored
from tests.pair import model

NEW, OLD, THIRD = (model.encrypt(bytes(32), key, match_key("a")) for key in (5, 6, 7))


def ids(*texts: str) -> PublisherIds:
    return PublisherIds.decode(texts)


@pytest.mark.parametrize("texts", [(NEW,), (NEW, OLD)])
def test_what_is_written_has_no_fault(texts: tuple[str, ...]) -> None:
    request = user_eids(ids(*texts), inserter="news.example.com", matcher="example.com")
    assert lint(request) == []
    assert [uid["id"] for uid in request["user"]["eids"][0]["uids"]] == list(texts)


@pytest.mark.parametrize("texts", [(), (NEW, OLD, THIRD), (NEW, NEW)])
def test_no_id_three_and_one_twice_are_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="ids"):
        user_eids(ids(*texts), inserter="news.example.com", matcher="example.com")
    with pytest.raises(InputError, match="ids"):
        stored(ids(*texts))


@pytest.mark.parametrize(
    ("domain", "fault"),
    [
        ("https://example.com", "address of a page"),
        ("example.com/path", "address of a page"),
        ("", "empty"),
        (" ", "empty"),
        (" example.com", "white space"),
        ("example.com:443", "port"),
        ("例子.cn", "ASCII"),
        ("Example.com", "lower case"),
        ("localhost", "no domain name"),
        ("example..com", "no domain name"),
        ("example.com.", "no domain name"),
        ("-a.com", "no domain name"),
        ("a-.com", "no domain name"),
        ("192.168.0.1", "no domain name"),
        (f"{'a' * 64}.com", "no domain name"),
        (".".join(["a" * 60] * 5), "no domain name"),
        ("a_b.com", "no domain name"),
        ("example.com\n", "white space"),
    ],
)
def test_what_is_no_domain_is_refused_and_why(domain: str, fault: str) -> None:
    assert fault in fault_of(domain)
    for options in ({"inserter": domain, "matcher": "example.com"}, {"inserter": "example.com", "matcher": domain}):
        with pytest.raises(InputError, match=fault):
            user_eids(ids(NEW), **options)


@pytest.mark.parametrize("domain", ["a.cn", "xn--fsqu00a.cn", "1.example", "a-b.c-d.example"])
def test_domains_are_taken(domain: str) -> None:
    assert fault_of(domain) == ""


def test_what_prebid_reads_is_base64_of_a_json_array() -> None:
    value = stored(ids(NEW, OLD))
    assert json.loads(base64.b64decode(value)) == [NEW, OLD]
    assert lint_stored(value) == []
