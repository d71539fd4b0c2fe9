"""``python -m bench``: measure Miyun beside others, and leave what was found in ``bench-out/``."""

import argparse
import signal
import sys
from pathlib import Path

from bench.cases import CASES
from bench.machine import machine, settings
from bench.page import write_page
from bench.processes import ROOT
from bench.results import Results
from bench.runner import Limits, Runner
from bench.selection import SelectionError, choose
from bench.terminal import Terminal, show

SMALL_SECONDS, FULL_SECONDS = 90.0, 1_800.0
DOCS = ROOT / "docs"


def main() -> int:
    """Measure; 0 where every result that came was the plaintext one and all of Miyun's came."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Miyun beside others, each result compared with the plaintext one.",
        epilog="Cases: " + "; ".join(f"{name} ({case.title})" for name, case in CASES.items()),
    )
    parser.add_argument("--cases", default="", help="with commas between; all if left out")
    parser.add_argument(
        "--sizes", default="", help="100000,1000000 for every case, or fusion:100000,join:1000000; else small ones"
    )
    parser.add_argument("--contestants", default="", help="parts of names, with commas between; all if left out")
    parser.add_argument("--runs", type=int, default=3, help="of each contestant at each size")
    parser.add_argument("--full", action="store_true", help="the sizes that docs/benchmarks.md shows")
    parser.add_argument("--unlimited", action="store_true", help="leave no size out, however slow the contestant")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="for a contestant at a size, all runs together")
    parser.add_argument("--out", type=Path, default=Path("bench-out"), help="a folder for results.json")
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks.md anew from the results")
    parser.add_argument("--from", dest="earlier", type=Path, metavar="FILE", help="show an earlier results.json")
    parser.add_argument(
        "--renew", type=Path, metavar="FILE", help="keep of an earlier results.json what is not measured now"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.earlier:
        results = Results.read(options.earlier)
    else:
        try:
            earlier = Results.read(options.renew) if options.renew else None
            results = measure(options)
            options.out.mkdir(parents=True, exist_ok=True)
            if earlier is not None:
                results.write(options.out / "measured.json")
                results = earlier.renewed(results)
            results.write(options.out / "results.json")
        except (SelectionError, ValueError) as error:
            parser.error(str(error))
    if options.json:
        sys.stdout.write(results.json().decode() + "\n")
    else:
        show(results, CASES)
    if options.page:
        write_page(results, CASES, DOCS)
    for line in results.faults:
        sys.stderr.write(f"{line}\n")
    return 1 if results.faults else 0


def measure(options: argparse.Namespace) -> Results:
    """Run what the options choose.

    Raises:
        SelectionError: there is no such case, size or contestant.
    """
    if options.runs < 1:
        raise SelectionError("at least one run is needed")
    chosen = choose(CASES, options.cases, options.sizes, options.contestants, full=options.full)
    limits = Limits(
        runs=options.runs,
        seconds=options.limit or (FULL_SECONDS if options.full or options.sizes else SMALL_SECONDS),
        unlimited=options.unlimited,
    )
    with Terminal(sum(len(one.sizes) * len(one.case.contestants) for one in chosen)) as terminal:
        found = Runner(limits=limits, watcher=terminal).run(chosen)
    return Results(
        machine=machine(),
        settings=settings(),
        cases=found,
    )


if __name__ == "__main__":
    sys.exit(main())
