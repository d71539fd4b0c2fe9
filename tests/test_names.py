from collections.abc import Callable

import pytest

from miyun.errors import InputError
from miyun.names import check_name, estimate_name, is_estimate_name, job_id, new_key


@pytest.mark.parametrize("name", ["ab", "a1", "spring-2027", "a" * 63])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "A1", "1a", "-a", "a_b", "a b", "a\n", "ab\n", "é1", "a" * 64, "../etc"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(InputError) as caught:
        check_name(name)

    assert caught.value.hint


def test_the_same_request_gives_the_same_job() -> None:
    assert job_id("c1", "shop", "fuse", "k") == job_id("c1", "shop", "fuse", "k")
    assert job_id("c1", "shop", "fuse", "k").startswith("fuse-")
    check_name(job_id("c1", "shop", "fuse", "k"))


@pytest.mark.parametrize(
    "other",
    [
        lambda: job_id("c2", "shop", "fuse", "k"),
        lambda: job_id("c1", "feed", "fuse", "k"),
        lambda: job_id("c1", "shop", "segment", "k"),
        lambda: job_id("c1", "shop", "fuse", "l"),
        lambda: job_id("c1s", "hop", "fuse", "k"),
    ],
)
def test_another_request_gives_another_job(other: Callable[[], str]) -> None:
    assert other() != job_id("c1", "shop", "fuse", "k")


def test_keys_are_fresh() -> None:
    assert len({new_key() for _ in range(100)}) == 100


def test_segments_of_estimates_are_known_by_their_names() -> None:
    name = estimate_name("c1", "shop", "members.spend > 1")

    assert is_estimate_name(check_name(name))
    assert not any(map(is_estimate_name, ("estimate-spring", name.removesuffix(name[-1]), f"{name}a", f"x{name}")))
