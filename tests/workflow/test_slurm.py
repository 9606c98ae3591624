"""On a real SLURM as locally, in few submissions. tests/faults has what may befall its jobs.

tests/slurm/up.sh brings one up, of three virtual nodes; without it these tests are skipped.
"""

import time

import pytest
from support.slurm import (
    CLASSIFICATION,
    EXTRACTION,
    FIT,
    RESULTS,
    START,
    TARGETS,
    TRAINING_JOB,
    ask_slurm,
    submissions,
    write_project,
)  # fmt: skip

pytestmark = pytest.mark.slurm


def hold_past_the_checkpoint(project, snakemake, number):
    """Let the job run on, as in a full queue, when what follows the extraction is planned."""
    job = project.suspend("save_config.py")
    while not (project / "results/tables/failed.tsv").exists():
        assert snakemake.poll() is None
        time.sleep(0.1)
    time.sleep(5)  # to plan
    job.resume()


def test_few_submissions_to_the_same_tables(slurm_reference, tmp_path):
    project = write_project(tmp_path)
    has_database = ask_slurm("sacctmgr", "--noheader", "show", "cluster")
    status_command = ("--slurm-status-command", "sacct") if has_database else ()
    targets = ("results/config.yaml", *TARGETS)
    run = project.disturb({START: hold_past_the_checkpoint}, *status_command, *targets)
    assert run.returncode == 0, run.output
    # failed.tsv among them: what cannot be extracted is no failed job, and holds nothing back
    assert project.contents(*RESULTS) == slurm_reference.contents(*RESULTS)
    assert "broken" in (project / "results/tables/failed.tsv").read_text()
    found = submissions(run)
    # three models, two sizes: a submission a stage all the same
    assert sorted(name for name, _ in found) == [
        CLASSIFICATION,
        EXTRACTION,
        FIT,
        "label_label_codebook",
        START,
        "tables_compare_seeds_plot_clustered_plot_sweep_summarise_classes",
        TRAINING_JOB,
    ]
    for name, number in found:
        job = ask_slurm("scontrol", "show", "job", number)
        assert ("Partition=gpu" in job) == ("gpu:1" in job) == (name == TRAINING_JOB), job
