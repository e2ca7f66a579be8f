"""Whether a table of expected values knows all entries, in words for those who have just added one."""

from collections.abc import Collection, Hashable


def check_rows(entries: Collection[Hashable], rows: Collection[Hashable], file: str, holds: str) -> None:
    """Fail where an entry has no row in `file` of tests/golden, whose rows hold `holds`, or a row no entry."""
    missing = sorted(map(str, set(entries) - set(rows)))
    assert not missing, (
        f"tests/golden/{file} has no row for {', '.join(missing)}. Add one: {holds}, from a paper, by hand or from an "
        "independent implementation, with where it comes from in the column source."
    )
    left = sorted(map(str, set(rows) - set(entries)))
    assert not left, f"tests/golden/{file} has rows of what is no entry: {', '.join(left)}. Correct or remove them."
