"""The table of faults in docs/reliability.md has a row for each fault that is tested."""

from support import fault_table
from support.fault_table import PAGE, Outcome, faults_of_tests, outcomes_of_page


def test_the_rows_are_those_of_the_tests():
    found = faults_of_tests()
    assert len(found) >= 10
    assert list(outcomes_of_page(PAGE.read_text(encoding="utf-8"))) == found


def test_a_short_form_does_not_hide_a_full_one(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(fault_table, "PAGE", page)
    first, second, *others = outcomes_of_page(page.read_text(encoding="utf-8")).items()
    short, full = Outcome("passed", "", in_full=False), Outcome("passed", "", in_full=True)
    skipped, failed = (Outcome(result, "a | b", in_full=False) for result in ("skipped", "failed"))

    def cells(outcomes):
        fault_table.write_table(outcomes, "abc")
        found = outcomes_of_page(page.read_text(encoding="utf-8"))
        assert list(found.items())[2:] == others
        return [found[fault].partition(": commit abc, ")[0] for fault, _ in (first, second)]

    assert cells({first[0]: [full], second[0]: [short, skipped]}) == [
        "passed in full",
        "skipped (a / b)",
    ]
    assert cells({first[0]: [short], second[0]: [full]}) == ["passed in full", "passed in full"]
    assert cells({second[0]: [skipped._replace(in_full=True)]}) == ["passed in full"] * 2
    assert cells({second[0]: [short, failed]}) == ["passed in full", "failed (a / b)"]
