"""The report: one folder that opens from disk, made from run and study folders alone."""
