"""What a classifier looks at: guided back-propagation to the pixels, and Grad-CAM over its last map.

Springenberg, Dosovitskiy, Brox, Riedmiller 2014, arXiv:1412.6806, section 3.4; Selvaraju et al. 2016,
arXiv:1610.02391, section 3, equations 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import keras
import numpy as np
import pandas as pd
from keras import ops
from pydantic import Field

from archbench.architectures.activity import activations, called_as, operations
from archbench.datasets.columns import take
from archbench.errors import UserError
from archbench.probes import probe
from archbench.probes.slopes import by_tensors
from archbench.probes.subject import Subject

Examples = Annotated[int, Field(ge=1, le=64)]
RECTIFIERS = ("Relu", "Relu6", "ReLU")


class NoClassifier(UserError):
    """A network that gives no score to each class of a picture."""


@probe(
    "guided_backprop",
    source="Springenberg et al. 2014, arXiv:1412.6806, section 3.4; Selvaraju et al. 2016, arXiv:1610.02391, section 3",
)
def guided_backprop(
    subjects: Iterator[Subject], *, examples: Examples = 6
) -> dict[str, pd.DataFrame | dict[str, np.ndarray]]:
    """Which pixels, and which places of the last map, raise the score of the likeliest class.

    Of the first `examples` pictures of the test split, as the network reads them. `scores`: a row a network and picture
    with the likeliest class, counted from 0, its score, and the share of the picture's places where Grad-CAM is above
    half of its largest. `looks`, by the number of the network in that table: `pictures_<n>` and `guided_<n>` (example,
    height, width, channel), the gradient of the score, of which every rectifier lets pass on its way back only what is
    above 0 and where it was above 0 itself; and `cam_<n>` (example, row, column), relu(sum_k alpha_k A_k) over the
    channels A of the last map that is no pooling, with alpha_k the mean over places of the gradient by A_k. Raises
    `NoClassifier`.
    """
    rows, arrays = [], {}
    for number, subject in enumerate(subjects):
        learner = subject.learner()
        model = classifier(learner.parts, subject.arm)
        name = subject.prepared.card.input
        column = subject.prepared.splits["test"][name]
        first = np.asarray(take(column, np.arange(min(examples, len(column)))))
        found = explain(model, ops.convert_to_numpy(learner.read({name: first})[name]))
        for place, (label, score) in enumerate(zip(found.pop("label"), found.pop("score"), strict=True)):
            cam = found["cam"][place]
            known = {"arm": subject.arm, "seed": subject.seed, "network": number, "picture": place}
            share = float((cam > cam.max() / 2).mean()) if cam.max() > 0 else 0.0
            rows.append({**known, "label": int(label), "score": float(score), "share": share})
        arrays |= {f"{kind}_{number}": value for kind, value in found.items()}
    return {"scores": pd.DataFrame(rows), "looks": arrays}


def classifier(parts: Mapping[str, keras.Model], arm: str) -> keras.Model:
    """The one part, which reads a picture and gives scores (batch, class); other outputs are left out."""
    model = parts.get("network")
    outputs = [] if model is None else model.output
    scores = outputs.get("logits") if isinstance(outputs, Mapping) else outputs
    if getattr(scores, "ndim", None) != 2 or len(model.inputs) != 1 or model.inputs[0].ndim != 4:
        raise NoClassifier(
            f"{arm} gives no score to each class of a picture, which guided_backprop looks into. Name classifiers of "
            "pictures."
        )
    return model if scores is outputs else keras.Model(model.input, scores)


def explain(model: keras.Model, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """`label` and `score` of the likeliest class, and `pictures`, `guided` and `cam`, as `guided_backprop` says."""
    scores = ops.convert_to_numpy(model(pictures, training=False)).astype("float32")
    label = scores.argmax(axis=-1)
    pick = np.eye(scores.shape[-1], dtype="float32")[label]

    def chosen(given: Any) -> Any:
        return ops.sum(ops.cast(model(given, training=False), "float32") * pick)

    rectifiers = [one for one in activations(model) if type(one).__name__ in RECTIFIERS]
    with called_as([(one, _guided(one.call)) for one in rectifiers]):
        (guided,) = by_tensors(lambda given: chosen(given[0]), [pictures])
    found = {"label": label, "score": scores.max(axis=-1), "pictures": pictures, "guided": guided}
    return found | {"cam": grad_cam(model, chosen, pictures)}


def grad_cam(model: keras.Model, score: Callable[[Any], Any], pictures: np.ndarray) -> np.ndarray:
    """The map (example, row, column) of `score`, a number that hangs on what `model` gives of `pictures`."""
    last = last_map(model)
    call, seen = last.call, []

    def shifted(shift: Any) -> Callable[..., Any]:
        return lambda *given, **how: call(*given, **how) + ops.cast(shift, last.output.dtype)

    def kept(*given: Any, **how: Any) -> Any:
        seen.append(call(*given, **how))
        return seen[-1]

    with called_as([(last, kept)]):
        score(pictures)
    maps = ops.convert_to_numpy(ops.cast(seen[0], "float32"))

    def moved(given: Any) -> Any:
        with called_as([(last, shifted(given[0]))]):
            return score(pictures)

    (slope,) = by_tensors(moved, [np.zeros_like(maps)])
    weights = slope.mean(axis=(1, 2), keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0.0)


def last_map(model: keras.Model) -> Any:
    """The last operation that gives one map (batch, row, column, channel) of more than one place, and pools nothing."""
    found = None
    for operation in operations(model):
        outputs = keras.tree.flatten(operation.output)
        if len(outputs) == 1 and outputs[0].ndim == 4 and "Pool" not in type(operation).__name__:
            found = operation if np.prod(outputs[0].shape[1:3]) > 1 else found
    return found


def _guided(call: Callable[..., Any]) -> Callable[..., Any]:
    """A rectifier that lets pass, on the way back, what is above 0 alone."""

    @ops.custom_gradient
    def guided(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        given = ops.cast(x > 0, x.dtype)
        return call(x), lambda back: ops.relu(back) * given

    return lambda x, *others, **how: guided(x)
