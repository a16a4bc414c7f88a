"""What the command line costs before it does anything: processor seconds of `--help`.

    python -m benchmarks.start_up                             puts the table into RESULTS.md
    python -m benchmarks.start_up --beside FOLDER flows.cli   beside another checkout, in turn

Least of `ROUNDS` runs of a process of its own, user and system time together. The bytecode is
compiled by a run before.

Cost: half a minute.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.stages import put_into_results

ROUNDS = 5
WORDS = ([], ["run"], ["doctor"], ["train"])


def seconds(command: Sequence[str], folder: Path) -> float:
    """Run a command; return its processor seconds, those of its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(sides: Sequence[tuple[Path, str]]) -> list[list[float]]:
    """Return the least seconds of each help (rows) for each side (columns), taken in turn."""
    rows = []
    for words in WORDS:
        commands = [
            ([sys.executable, "-m", module, *words, "--help"], folder) for folder, module in sides
        ]
        taken = [[seconds(*command) for command in commands] for _ in range(ROUNDS + 1)][1:]
        rows.append([min(each) for each in zip(*taken, strict=True)])
    return rows


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", nargs=2, metavar=("FOLDER", "MODULE"), help="another checkout")
    asked = parser.parse_args()
    sides = [(Path(__file__).parents[1], "tinyvideo.flows.cli")]
    if asked.beside:
        sides.append((Path(asked.beside[0]).absolute(), asked.beside[1]))
    lines = ["| help | s |", "|---|---:|"]
    if asked.beside:
        lines = ["| help | s | beside, s | ratio |", "|---|---:|---:|---:|"]
    for words, row in zip(WORDS, measure(sides), strict=True):
        cells = [f"{each:.2f}" for each in row] + [f"{row[0] / each:.2f}" for each in row[1:]]
        lines.append(f"| `{' '.join(['tinyvideo', *words, '--help'])}` | {' | '.join(cells)} |")
    body = f"`python -m benchmarks.start_up`, processor time, least of {ROUNDS} runs.\n\n"
    body += "\n".join(lines)
    put_into_results("Start-up of the command line", body)
    print(body)


if __name__ == "__main__":
    main()
