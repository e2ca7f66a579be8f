"""Linear classifiers: softmax regression, logistic regression and the multiclass linear SVM.

One network, a weighted sum of the input's values a class; the task's loss tells them apart. Bishop 2006, "Pattern
Recognition and Machine Learning", sections 4.3.2 and 4.3.4; Weston, Watkins 1999, "Support vector machines for
multi-class pattern recognition", ESANN. Differs from the papers: none known; the weights start at zero, which a convex
loss allows.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.parts import Parts

PAPER = Parts(initializer="zeros")
LINEAR = {
    "minimum": 1,
    "paper_input": (28, 28, 1),
    "swaps": ("initializer", "regularizer"),
    "smoke": {},
    "smoke_input": (4, 4, 1),
}


@architecture(
    "softmax_regression",
    source="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",
    task="classification",
    paper_outputs=10,
    **LINEAR,
)
@architecture(
    "linear_svm",
    source="Weston, Watkins 1999, ESANN; squared: Tang 2013, arXiv:1306.0239",
    task="classification",
    task_options={"loss": "multiclass_hinge"},
    paper_outputs=10,
    **LINEAR,
)
@architecture(
    "logistic_regression",
    source="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.2",
    task="binary",
    paper_outputs=1,
    **LINEAR,
)
def linear(x, outputs: int, *, parts: Parts = PAPER):
    """One weighted sum of the input's values for each output, and a bias.

    `x` (batch, ...) of any shape to scores (batch, `outputs`). A regularizer acts on the weights, not on the biases.
    """
    return parts.dense(layers.Flatten()(x), outputs)
