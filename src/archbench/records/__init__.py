"""Run and study folders: what stands in them, written whole and read by everybody in one way."""
