"""Results: run folders read to tables, and what the numbers in them can and cannot tell."""
