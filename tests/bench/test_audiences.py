"""The audiences that are asked about, and the truth about them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bench.audiences import ASKED, AUDIENCES, COLUMN, lay_audiences
from bench.results import Outcome, Run, Trial
from bench.targets import Verdict, judge
from tests.bench.sample import some_results


def test_the_truth_is_that_of_the_files(tmp_path: Path) -> None:
    ground = lay_audiences(tmp_path, 500)
    held = np.load(ground.questions)
    devices = [device.decode() for device in held["devices"]]
    for number, path in enumerate(ground.files.values()):
        ids = pq.read_table(path)[COLUMN].to_pylist()
        assert len(set(ids)) == len(ids) == 500
        assert [device in set(ids) for device in devices[:300]] == held["places"][:300, number].tolist()
    assert len(ground.files) == AUDIENCES
    assert 0 < sum(not row.any() for row in held["places"]) < ASKED / 5, "some are nowhere"


def test_each_form_is_judged_by_its_own_figure() -> None:
    trials = tuple(
        Trial(
            contestant=form,
            own=True,
            size=1_000_000,
            outcome=Outcome.RIGHT,
            runs=(Run(figures={"p99": p99, "p50": 0.001}),),
        )
        for form, p99 in (("RTA", 0.004), ("gRPC", 0.006))
    )
    found = {one.words: one for one in judge(some_results(*trials, case="answers"))}
    assert found["RTA answers, 99 %"].verdict is Verdict.REACHED
    assert found["RTA answers, 99 %"].found == "4.00 ms at 1,000,000"
    assert found["gRPC answers, 99 %"].verdict is Verdict.MISSED
    assert found["JSON answers, 99 %"].verdict is Verdict.UNKNOWN
    assert "RTA answers, 99 %, memory" not in found
