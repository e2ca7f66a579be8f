"""Localization: a VGG whose last layer says whether there is an object, where, and of which class.

Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, arXiv:1409.1556,
appendix A.1: the sixteen layers of column D, where a box stands in the place of the class scores, one for all classes.
Differs from the paper, whose classes are another network's: the one layer says presence and class too, as in Ng,
"Convolutional Neural Networks" (Coursera), week 3; and nothing is trained as a classifier first.
"""

from archbench.architectures import architecture
from archbench.architectures.vision.vgg import PAPER, vgg
from archbench.options import Depths, Width
from archbench.parts import Parts


@architecture(
    "localization",
    source="Simonyan, Zisserman 2014, arXiv:1409.1556, appendix A.1; presence and class as in Ng's course",
    task="localization",
    minimum=lambda convs, **_: 2 ** len(convs),
    paper_input=(224, 224, 3),
    paper_outputs=1005,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"convs": (1, 2), "width": 8, "dense_width": 16},
    smoke_input=(8, 8, 3),
)
def localization(
    image,
    outputs: int,
    *,
    convs: Depths = (2, 2, 3, 3, 3),
    width: Width = 64,
    dense_width: Width = 4096,
    parts: Parts = PAPER,
):
    """A VGG with other numbers in its last layer.

    `image` (batch, height, width, channel) to (batch, `outputs`); the options are those of `vgg16`.
    """
    return vgg(image, outputs, convs=convs, width=width, dense_width=dense_width, parts=parts)
