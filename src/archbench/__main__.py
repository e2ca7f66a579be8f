"""`archbench` and `python -m archbench`."""

from archbench.interrupts import heeded
from archbench.secrets import scrub_streams


def main() -> None:
    """Run the command line; a user's mistake is one message and exit code 2, an interrupt one line and 130 or 143."""
    scrub_streams()
    with heeded():
        from archbench.cli.app import app

        app(prog_name="archbench")


if __name__ == "__main__":
    main()
