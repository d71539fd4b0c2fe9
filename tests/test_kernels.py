"""Which kernels run: by installation, version and ``MIYUN_BACKEND``; and who may call them."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import miyun
from miyun.errors import ConfigError
from miyun.hazmat.ristretto import backend
from miyun.kernels import BACKEND_VARIABLE, NATIVE_VERSION, kernels

ROOT = Path(miyun.__file__).parent.parent
RIGHT = SimpleNamespace(__version__=NATIVE_VERSION, KERNEL="dalek")
OLDER = SimpleNamespace(__version__="0.0.9", KERNEL="dalek")


@pytest.fixture(autouse=True)
def _decided_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(BACKEND_VARIABLE, raising=False)
    kernels.cache_clear()
    backend.cache_clear()
    yield
    kernels.cache_clear()
    backend.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, module: SimpleNamespace | None) -> None:
    monkeypatch.setitem(sys.modules, "miyun_native", module)


@pytest.mark.parametrize("wish", [None, "", "auto", "native"])
def test_kernels_of_the_right_version_run(wish: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, RIGHT)
    if wish is not None:
        monkeypatch.setenv(BACKEND_VARIABLE, wish)
    assert kernels().native
    assert kernels().words == "native (dalek)"


@pytest.mark.parametrize(
    ("module", "reason"), [(None, "not installed"), (OLDER, f"is 0.0.9, this Miyun needs {NATIVE_VERSION}")]
)
def test_without_the_right_version_the_portable_backend_runs_and_says_why(
    module: SimpleNamespace | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, module)
    assert not kernels().native
    assert kernels().words.startswith("portable (")
    assert reason in kernels().words
    assert backend().name == "portable"


@pytest.mark.parametrize("module", [None, OLDER])
def test_kernels_that_are_asked_for_and_not_there_are_an_error(
    module: SimpleNamespace | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, module)
    monkeypatch.setenv(BACKEND_VARIABLE, "native")
    with pytest.raises(ConfigError) as caught:
        backend()
    assert NATIVE_VERSION in caught.value.hint


@pytest.mark.parametrize("failure", [ImportError("GLIBC_2.99 not found"), ValueError("MIYUN_NATIVE_KERNEL is …")])
def test_kernels_that_cannot_be_loaded_are_done_without(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *_: object) -> None:
        if name == "miyun_native":
            raise failure

    monkeypatch.delitem(sys.modules, "miyun_native", raising=False)
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(find_spec=refuse), *sys.meta_path])
    assert kernels().words == f"portable (miyun-native can't be loaded: {failure})"


def test_the_portable_backend_can_be_had_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, RIGHT)
    monkeypatch.setenv(BACKEND_VARIABLE, "portable")
    assert kernels().words == "portable (MIYUN_BACKEND says so)"
    assert backend().name == "portable"


def test_other_wishes_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "gpu")
    with pytest.raises(ConfigError, match="gpu") as caught:
        kernels()
    assert "auto, native, portable" in caught.value.hint


@pytest.mark.parametrize("file", ["README.md", "README.zh.md", "docs/operations.md"])
def test_people_are_told_how_to_ask_and_to_choose(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert "miyun --version" in text
    assert BACKEND_VARIABLE in text


def test_the_version_that_is_needed_is_the_one_in_the_tree() -> None:
    package = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text("utf-8"))["package"]
    assert package["version"] == NATIVE_VERSION


def test_few_may_call_the_kernels() -> None:
    importing = {
        str(path.relative_to(ROOT))
        for folder in ("miyun", "cli", "demo")
        for path in (ROOT / folder).rglob("*.py")
        if "import miyun_native" in path.read_text("utf-8")
    }
    assert importing == {
        "miyun/answers/http2_native.py",
        "miyun/kernels.py",
        "miyun/hazmat/native.py",
        "miyun/hazmat/permutation.py",
        "miyun/paillier/native.py",
        "miyun/paillier/private/native.py",
        "miyun/psi/join.py",
        "miyun/psi/join_parts.py",
    }
