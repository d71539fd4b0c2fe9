"""A million rows a side, in bounded memory."""

from pathlib import Path

import pytest

from demo.deliveries import read_ids
from demo.stage import Stage
from tests.system.plain import CAST, CONTRACT, set_up

ROWS = 1_000_000
LIMIT_BYTES = 500 * 2**20


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_process_needs_500_mib_for_a_million_rows(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, range(ROWS), range(ROWS // 2, ROWS + ROWS // 2))
        stage.start(stage.platform, "agent", "run")
        stage.merchant.run("fuse", CONTRACT, timeout=1700)
        stage.merchant.run("segment", "create", CONTRACT, "everyone", "matched", "--wait")
        job = stage.merchant.run(
            "activate", CONTRACT, "everyone", "--to", "shop", "--channel", "member-messages", "--wait"
        )
        delivered = len(read_ids(Path(job["file"])))
        peaks = {name: daemon.measure() for name, daemon in stage.daemons.items()}
        peaks[stage.merchant.name] = stage.merchant.peak_bytes

    assert delivered == ROWS // 2
    assert {name for name, peak in peaks.items() if peak >= LIMIT_BYTES} == set(), peaks
