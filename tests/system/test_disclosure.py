"""Real processes: an audience goes on to Google and to Meta, hashed as each has it, and no further than is granted."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from demo.processes import COMMAND, Actor, CommandError
from demo.stage import Stage
from miyun.contract.model import Grant, Rung
from tests.destinations import google as google_server
from tests.destinations import graph as graph_server
from tests.system.plain import CAST, CONTRACT, set_up

MEMBERS, USERS = range(60), range(20, 80)
JOINED = [person for person in MEMBERS if person in USERS]
OPTED_OUT = 5
DENIED, UNREADABLE = 24, 27
CHOICES = (
    *("--channel", "search:public:shop:google", "--channel", "social:public:shop:meta", "--disclose", "matched"),
    *("--channel", "messages:private:shop"),
)
GRANTS = tuple(
    Grant(owner=CAST.platform, subject="tags.odd", rung=rung, recipient=CAST.merchant)
    for rung in (Rung.USE, Rung.ACTIVATE)
)
SEARCH = """
kind = "data-manager"
credential = "google"
operating_account = {{ type = "GOOGLE_ADS", id = "1234567890" }}
audience = "55"
consent = {{ ad_user_data = "granted", ad_personalization = "granted" }}
customer_match_terms_accepted = true
url = "{google}"
token_url = "{google}/token"
batch_rows = 10
batches_per_second = 50
retry = {{ first_seconds = 0.2, circuit_after = 10 }}
fields = {{ email = {{ identifier = "email" }}, phone = {{ identifier = "phone", profile = "e164-cn" }} }}
"""
TABLES = """
[suppression]
attribute = "fifth"

[destinations.search]
{search}
[destinations.messages]
{search}

[destinations.social]
kind = "meta"
audience = "23850000000000001"
token = "meta"
app_secret = "app"
url = "{meta}"
batches_per_second = 50
retry = {{ first_seconds = 0.2, circuit_after = 10 }}

[destinations.social.fields]
email = {{ identifier = "email" }}
phone = {{ identifier = "phone", profile = ["e164-cn", "digits"] }}
"""


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_members(path: Path) -> None:
    """As the plain table, but for addresses that Google and Meta spell differently."""
    lines = [
        f"m{person},13{person:09d},{f'P.{person}+a@GMail.com' if person % 3 == 0 else ''},{person % 2},"
        f"{int(person % OPTED_OUT == 0)}"
        for person in MEMBERS
    ]
    path.write_text("\n".join(["id,phone,email,odd,fifth", *lines]) + "\n", encoding="utf-8")


def expected(*, email: str, phone: str, keys: tuple[str, str], without: int) -> set[frozenset[tuple[str, str]]]:
    """Everybody in the join but who opted out, and one who is refused; in a model of plain sets."""
    people = [person for person in JOINED if person % OPTED_OUT and person != without]
    return {
        frozenset(
            {(keys[1], sha(phone.format(person)))}
            | ({(keys[0], sha(email.format(person)))} if person % 3 == 0 else set())
        )
        for person in people
    }


def keep_secret(actor: Actor, name: str, value: str) -> None:
    subprocess.run(
        [COMMAND, "secret", "set", name],
        env=actor.environment,
        input=value,
        text=True,
        capture_output=True,
        check=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_third_parties_get_the_join_less_who_opted_out_hashed_as_each_has_it(tmp_path: Path) -> None:
    google = google_server.Google(polls=1, denied={sha(f"+8613{DENIED:09d}"): "DENIED_CONSENT"})
    meta = graph_server.Graph(proof=True, shown=True, invalid={sha(f"p.{UNREADABLE}+a@gmail.com")})
    with (
        google_server.serving(google),
        graph_server.serving(meta),
        Stage(tmp_path / "stage", CAST) as stage,
    ):
        set_up(stage, MEMBERS, USERS, grants=GRANTS, choices=CHOICES)
        shop = stage.merchant
        write_members(stage.folder / f"{shop.name}.csv")
        with (shop.home / "party.toml").open("a", encoding="utf-8") as config:
            config.write(TABLES.format(search=SEARCH.format(google=google.url), meta=meta.url))
        keep_secret(shop, "google", google.service_account())
        keep_secret(shop, "meta", graph_server.TOKEN)
        keep_secret(shop, "app", graph_server.APP_SECRET)
        assert "!! ATTENTION: It gets from shop, through search, hashed identifiers" in shop.text(
            "contract", "statement", CONTRACT
        )
        assert shop.run("destination", "check", "social")
        assert shop.run("destination", "dry-run", "search")["answer"] == "valid"

        stage.start(stage.platform, "agent", "run")
        shop.run("fuse", CONTRACT)
        for name, definition in (("everyone", "matched"), ("odd", "tags.odd")):
            shop.run("segment", "create", CONTRACT, name, definition, "--wait")
        google.failures = [google_server.waits("0.1s"), google_server.says(503)]
        meta.failures = [graph_server.errs(400, 80003), graph_server.errs(500, 2)]
        delivered = {channel: delivery(shop, "everyone", channel) for channel in ("search", "social")}
        with pytest.raises(CommandError) as undisclosed:
            delivery(shop, "odd", "search")
        with pytest.raises(CommandError) as unnamed:
            delivery(shop, "everyone", "messages")
        logs = "".join(log.read_text(encoding="utf-8") for log in (stage.folder / "logs").iterdir())

    assert google.audience == expected(
        email="p{0}+a@gmail.com", phone="+8613{0:09d}", keys=("emailAddress", "phoneNumber"), without=DENIED
    )
    assert meta.audience == expected(
        email="p.{0}+a@gmail.com", phone="8613{0:09d}", keys=("EMAIL", "PHONE"), without=UNREADABLE
    )
    queued = len([person for person in JOINED if person % OPTED_OUT])
    for channel, code in (("search", "denied-consent"), ("social", "invalid-entry")):
        counts = {name: delivered[channel][name] for name in ("state", "queued", "accepted", "refused")}
        assert counts == {"state": "done", "queued": queued, "accepted": queued - 1, "refused": {code: 1}}
    assert "no disclose of tags.odd" in undisclosed.value.message
    assert "names no third party" in unnamed.value.message
    for secret in (graph_server.TOKEN, graph_server.APP_SECRET, "PRIVATE KEY", "ya29."):
        assert secret not in logs + json.dumps(delivered)


def delivery(shop: Actor, segment: str, channel: str) -> Any:
    """What became of an activation, waited for before it is queued."""
    job = shop.run("activate", CONTRACT, segment, "--to", shop.name, "--channel", channel)
    return shop.run("delivery", "wait", CONTRACT, job["id"], "--timeout", "120")
