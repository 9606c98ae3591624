"""The table of faults in docs/reliability.md has a row for each fault that is tested."""

from fault_table import PAGE, faults_of_page, faults_of_tests


def test_the_rows_are_those_of_the_tests():
    found = faults_of_tests()
    assert len(found) >= 10
    assert faults_of_page(PAGE.read_text(encoding="utf-8")) == found
