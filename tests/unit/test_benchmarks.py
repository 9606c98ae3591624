"""Benchmarks still run: that of a machine seldom at hand, and that of the page on performance."""

import re
import runpy
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PLACE = re.compile(r"<!-- bench: (\w+) -->\n(.*?)<!-- bench: end -->", re.DOTALL)


def test_the_gpu_benchmark_runs_on_any_machine(capsys):
    runpy.run_path(str(REPOSITORY / "benchmarks/gpu.py"))["main"](
        [], epochs=1, repeats=2, precisions=["high"], tiny=True
    )
    printed = capsys.readouterr().out
    (default,) = (line for line in printed.splitlines() if line.startswith("| high |"))
    assert default.endswith("| yes | yes |")
    assert printed.count("| library, whole call | high |") == 2
    assert printed.count("| plain loop, from 2 steps | high |") == 1
    assert "2 runs gave 1 different results" in printed


def test_the_benchmark_writes_the_tables_of_the_page(tmp_path):
    page = tmp_path / "performance.md"
    text = (REPOSITORY / "docs/performance.md").read_text()
    page.write_text(PLACE.sub(r"<!-- bench: \1 -->\n<!-- bench: end -->", text))
    main = runpy.run_path(str(REPOSITORY / "benchmarks/bench.py"))["main"]
    sections = ["limits", "nearest", "store", "training", "imports"]
    main([], n_runs=1, only=sections, page=page, tiny=True)
    written = {name: text for name, text in PLACE.findall(page.read_text()) if text}
    assert list(written) == ["versions", *sections]
    for name in sections:
        assert re.search(r"^\| --- \|.*\n(\|.*\d.*\n)+\n", written[name], re.MULTILINE)
