"""The report needs nothing from outside and says what the results say."""

import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser

from demo.insight_results import Noised
from demo.report import render
from demo.results import SizeResult, TypeResult
from tests.demo.sample import DRAWING, lookalike, portrait, sample, sums

VOID = {"meta", "br", "img"}


class Nesting(HTMLParser):
    """Raises on tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_is_one_well_formed_page_without_anything_from_outside() -> None:
    page = render(sample())
    parser = Nesting()
    parser.feed(page)
    assert parser.open == []
    assert not re.search(r"https?://|src=(?!\"data:)|href=|url\((?!#)|@import|<script", page)


def test_the_verdict_follows_the_results() -> None:
    good, bad = sample(), sample()
    bad.activations[0] = replace(bad.activations[0], delivered=168, missing=1)
    assert "Every result equals the plaintext join." in render(good)
    assert "Every result equals" not in render(bad)
    assert "1 ids missing" in render(bad)
    assert bad.differences
    assert not good.differences


def test_drawings_are_in_the_page_apart_from_its_styles() -> None:
    page = render(sample())
    assert page.count(f'src="data:image/svg+xml;base64,{b64encode(DRAWING.encode()).decode()}"') == 3


def test_an_insight_beyond_its_noise_is_told() -> None:
    results = sample()
    results.portrait = replace(portrait(), size=Noised(name="people", value=1_289, noise=36.1, truth=1_600))
    results.sums = replace(
        sums(), rows=(replace(sums().rows[0], people=Noised(name="people", value=5_597, noise=17.3, truth=5_800)),)
    )
    found = render(results)
    assert "portrait of sleeping, people: 1,289, in truth 1,600" in found
    assert "spend_365d over matched: people 5,597, in truth 5,800" in found


def test_a_planted_preference_must_show_where_noise_cannot_hide_it() -> None:
    hidden = replace(portrait(), visible=("tea", "camping"))
    assert hidden.differences == ["the portrait hides that sleeping likes camping"]
    assert portrait().differences == []


def test_a_lookalike_must_be_the_best_and_like_its_seed() -> None:
    assert lookalike().differences == []
    assert "1 users missing, 2 too many" in replace(lookalike(), missing=1, surplus=2).differences[0]
    assert "29% of like-win-back" in replace(lookalike(), planted=0.29).differences[0]
    assert replace(lookalike(), planted=0.29, visible=False).differences == []
    assert "in truth 2,000" in replace(lookalike(), seed=replace(lookalike().seed, truth=2_000)).differences[0]


def test_the_ledger_must_hold_what_was_asked_and_nothing_else() -> None:
    results = sample()
    results.charge("another portrait", 20_000)
    assert results.ledger
    results.ledger = replace(results.ledger, expected_micro=42_500)
    assert results.differences == ["22,500 millionths of ρ charged for 42,500"]


def test_words_from_elsewhere_are_escaped() -> None:
    results = sample()
    results.statement["English"][0] = replace(results.statement["English"][0], learns="<script>alert(1)</script>")
    results.segment_definition = "members.spend > 1 <b>"
    page = render(results)
    assert "<script>" not in page
    assert "1 <b>" not in page


def test_noise_explains_five_standard_deviations_and_no_more() -> None:
    assert TypeResult(type="phone", reported=150, noise=10.0, truth=100).plausible
    assert not TypeResult(type="phone", reported=151, noise=10.0, truth=100).plausible
    size = SizeResult(asker="a", segment="s", at_least=100, below=200, noise=10.0, truth=249)
    assert size.plausible
    assert not replace(size, truth=250).plausible
    assert replace(size, below=None, truth=10**6).plausible
    assert not replace(size, truth=49).plausible


def test_an_empty_run_is_no_success() -> None:
    results = sample()
    results.activations.clear()
    assert results.differences == ["nothing was activated"]
