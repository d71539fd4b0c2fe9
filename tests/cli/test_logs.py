import json

import pytest
import structlog
from miyun_cli.logs import log_to_stderr


@pytest.fixture(autouse=True)
def _as_before() -> object:
    yield
    structlog.reset_defaults()


def test_tracebacks_carry_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(verbose=False)
    secret = "13800138000"
    try:
        assert secret == ""
    except AssertionError:
        structlog.get_logger().exception("it failed")
    captured = capsys.readouterr()
    assert captured.out == ""
    entry = json.loads(captured.err)
    assert (entry["event"], entry["level"]) == ("it failed", "error")
    frame = entry["exception"][0]["frames"][0]
    assert frame["name"] == "test_tracebacks_carry_no_values"
    assert "locals" not in frame


@pytest.mark.parametrize("verbose", [True, False])
def test_what_is_usual_is_logged_where_it_was_asked_for(verbose: bool, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(verbose=verbose)
    structlog.get_logger().info("listening")
    assert bool(capsys.readouterr().err) is verbose
