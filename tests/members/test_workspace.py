"""What every process of a party does with its memory."""

import subprocess
import sys


def test_a_process_that_was_prepared_ends_without_a_word() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from miyun.members import workspace; workspace.warm()"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("", "")
