"""A benchmark for a machine that is seldom at hand still runs."""

import runpy
from pathlib import Path

GPU = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def test_the_gpu_benchmark_runs_on_any_machine(capsys):
    runpy.run_path(str(GPU))["main"]([], epochs=1, repeats=2, precisions=["high"], tiny=True)
    printed = capsys.readouterr().out
    (default,) = (line for line in printed.splitlines() if line.startswith("| high |"))
    assert default.endswith("| yes | yes |")
    assert printed.count("| library, whole call | high |") == 2
    assert printed.count("| plain loop, from 2 steps | high |") == 1
    assert "2 runs gave 1 different results" in printed
