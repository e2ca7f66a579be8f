"""`archbench` and `python -m archbench`."""

import sys

from archbench.cli.app import INTERRUPTED, app


def main() -> None:
    """Run the command line; a user's mistake is one message and exit code 2, an interrupt one line and 130."""
    try:
        app(prog_name="archbench")
    except KeyboardInterrupt:
        print("archbench: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
