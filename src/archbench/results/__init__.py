"""Results: run folders read to tables, and what the numbers in them can and cannot tell."""

from archbench._called import call

call(__name__, "archbench.notebook.runs")
