"""A fault in the configuration or the sheet stops a run before any job, in one line."""


def assert_refused(project, *messages):
    """Snakemake stops with these messages, before any job and without a traceback."""
    run = project.snakemake()
    assert run.returncode != 0
    assert run.logged == []
    for message in messages:
        assert run.output.count(message) == 1, run.output
    assert "Traceback" not in run.output


def test_bad_config_stops_before_any_job(project):
    project.write_config(autoencoder={"epoch": 3}, thresholds={"k5": 2.5})
    assert_refused(
        project,
        "autoencoder.epoch: unknown key (did you mean 'epochs'?)",
        "thresholds.k5: 2.5 is greater than the maximum of 2",
    )


def test_bad_sheet_stops_before_any_job(project):
    project.write_sheet(
        ("alpha", "file:weights/alpha.safetensors", "classify"),
        ("Alpha", "file:weights/beta.pth", "classify"),
        ("beta", "ftp:weights/beta.pth", "classify"),
        ("gamma", "file:weights/gamma.pth.tar", "teach"),
        ("form", "hf:mobilenet", "classify"),
    )
    project.add_rows(("twin", "file:weights/beta.pth", "train"), duplicate_of="nobody")
    assert_refused(
        project,
        "sheet.tsv, line 3, column model: duplicate id 'Alpha', first used in sheet.tsv, line 2",
        "sheet.tsv, line 4, column source: unknown source scheme in 'ftp:weights/beta.pth'",
        "sheet.tsv, line 5, column role: unknown role 'teach' (known: train, classify, compare)",
        "sheet.tsv, line 6, column source: ",
        "sheet.tsv, line 7, column duplicate_of: ",
    )


def test_train_row_without_a_clustered_size_is_refused(project):
    source = project.write_weights("nine.safetensors", [(9, 12)])
    project.add_rows(("nine", source, "train"))
    run = project.snakemake("results/tables/training_set.tsv")
    assert run.returncode != 0
    assert len(run.errors) == 1
    assert "model nine, column role: 'train', but it has no kernels of size" in run.errors[0]
