"""`archbench` and `python -m archbench`."""

import sys

from archbench.cli.app import INTERRUPTED, app
from archbench.secrets import scrub_streams


def main() -> None:
    """Run the command line; a user's mistake is one message and exit code 2, an interrupt one line and 130."""
    scrub_streams()
    try:
        app(prog_name="archbench")
    except KeyboardInterrupt:
        print("archbench: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
