"""The DoG family: functions, templates, and the member nearest to a kernel."""
