"""Loading the library: lazily, from a private folder, leaving nothing behind."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from miyun.errors import InternalError
from miyun.hazmat import sodium as module


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from miyun.hazmat.ristretto import backend\n"
        "assert not any('rbcl' in name for name in sys.modules)\n"
        "assert backend().map_to_group(bytes(range(64)))\n"
        "assert 'rbcl.rbcl' not in sys.modules\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "MIYUN_BACKEND": "portable"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_refuses_is_left_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tempfile.gettempdir()
    monkeypatch.setattr(module, "_parents", lambda: iter([str(tmp_path / "missing"), str(tmp_path)]))
    assert module.Sodium(module._load()).map
    assert tempfile.gettempdir() == before
    assert list(tmp_path.iterdir()) == []


def test_no_folder_at_all_is_an_error_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_parents", lambda: iter([str(tmp_path / "missing")]))
    with pytest.raises(InternalError) as caught:
        module._load()
    assert "TMPDIR" in caught.value.hint


def test_a_library_that_cannot_be_loaded_is_cleaned_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, parent = tmp_path / "rbcl", tmp_path / "noexec"
    package.mkdir()
    parent.mkdir()
    (package / "_sodium.py").write_text(
        "import tempfile\n"
        "lib_path = tempfile.NamedTemporaryFile(suffix='.so', delete=False).name\n"
        "raise OSError(1, 'failed to map segment from shared object')\n"
    )
    found = SimpleNamespace(submodule_search_locations=[str(package)])
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: found)
    monkeypatch.setattr(module, "_parents", lambda: iter([str(parent)]))
    with pytest.raises(InternalError, match="failed to map"):
        module._load()
    assert list(parent.iterdir()) == []
