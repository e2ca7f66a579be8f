"""The ten digits as 7 by 12 bitmaps, the fixed output codes of LeNet-5 in its 1998 form."""

import numpy as np

from archbench.errors import UserError

BITMAPS = """
..###.. ...#... .#####. ######. #....#. ####### ...###. ####### .#####. ..####.
.#...#. ..##... #.....# ......# #....#. #...... ..#.... ......# #.....# .#....#
#.....# .#.#... ......# ......# #....#. #...... .#..... .....#. #.....# #.....#
#.....# ...#... ......# ......# #....#. #...... #...... .....#. #.....# #.....#
#.....# ...#... .....#. ......# #....#. ######. #.###.. ....#.. .#...#. .#...##
#.....# ...#... ....#.. .#####. ####### ......# ##...#. ....#.. ..###.. ..###.#
#.....# ...#... ...#... ......# .....#. ......# #.....# ...#... .#...#. ......#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... ......# .....#. ......# #.....# ..#.... #.....# ......#
.#...#. ...#... #...... ......# .....#. #.....# .#...#. ..#.... #.....# .....#.
..###.. .#####. ####### ######. .....#. .#####. ..###.. ..#.... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""
"""The digits 0 to 9 side by side, 7 columns and 12 rows each; `#` is +1 and `.` is -1."""

DIGITS = 10


class TooManyDigits(UserError):
    """More classes than there are digits to draw."""


def digit_codes(outputs: int) -> np.ndarray:
    """The codes of the first `outputs` digits, float32 (`outputs`, 84) of -1 and +1."""
    if outputs > DIGITS:
        raise TooManyDigits(
            f"lenet5_1998 has a code for each of {DIGITS} digits, and was asked for {outputs} classes. "
            f"Use lenet5, whose output layer is learned."
        )
    rows = np.array([list(row.replace(" ", "")) for row in BITMAPS.split("\n") if row])  # (12, 70)
    digits = rows.reshape(12, DIGITS, 7).swapaxes(0, 1).reshape(DIGITS, 84)
    return np.where(digits[:outputs] == "#", 1.0, -1.0).astype("float32")
