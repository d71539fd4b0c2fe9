"""Building the kernels never fails an installation: it ends in time, and says in one line what came of it."""

import importlib.util
import io
import shutil
from pathlib import Path
from types import ModuleType

import pytest

import miyun

SCRIPT = Path(miyun.__file__).parent.parent / "native" / "install.py"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("native_install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def toolchain(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(script, "present_rust", lambda: (9999, 0, 0))


def test_without_cargo_the_portable_backend_is_kept(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert script.build(io.StringIO()) == ("no-toolchain", "portable backend: cargo not found")


@pytest.mark.parametrize("present", [(), (1, 85, 0)])
def test_an_old_cargo_is_as_good_as_none(
    present: tuple[int, ...], script: ModuleType, toolchain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "present_rust", lambda: present)
    outcome, words = script.build(io.StringIO())
    assert outcome == "no-toolchain"
    assert "older than" in words


@pytest.mark.parametrize(
    ("failing", "outcome", "words"),
    [
        ("cargo", "no-toolchain", "portable backend: the crates can't be had, see "),
        ("maturin", "broken", "portable backend: build failed, see "),
        ("", "installed", "native backend: built and installed"),
    ],
)
def test_what_fails_is_named(
    failing: str, outcome: str, words: str, script: ModuleType, toolchain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "succeeds", lambda log, seconds, command, *_: command != failing)
    came, said = script.build(io.StringIO())
    assert came == outcome
    assert said.startswith(words)


def test_a_build_that_hangs_is_stopped_with_all_that_it_started(script: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as file:
        assert not script.succeeds(file, 0.2, "sh", "-c", "sleep 600 & wait")
        assert script.succeeds(file, 10, "true")
        assert not script.succeeds(file, 10, "false")
    assert "not done after 0.2 s" in log.read_text()
