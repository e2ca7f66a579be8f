"""What a learner is built from: an optimizer that knows the weights of its network."""

import pytest
import toys

from archbench.tasks import TASKS
from archbench.training.build import build_learner


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_learner_tells_its_optimizer_what_its_weights_are(precision):
    """By hand, of LeNet-5 of 1998: two matrices, C5 and F6, both hidden, and no scale of its subsampling decays."""
    prepared = toys.stripes()
    changes = {"architecture": {"name": "lenet5_1998", "units": 16}, "precision": precision, "parts": {}}
    settings = toys.settings(**changes, optimizer={"name": "muon"})
    learner = build_learner(settings, prepared.card, TASKS.build("classification", prepared.card), 0)
    optimizer = getattr(learner.optimizer, "inner_optimizer", learner.optimizer)
    like_adamw = [slot is not None for slot in optimizer.adam_velocities]
    decays = [optimizer._use_weight_decay(variable) for variable in learner.trainable]
    named = [(weight.name, len(weight.shape)) for weight in learner.trainable]
    assert [name for name, alike in zip(named, like_adamw, strict=True) if not alike] == [("kernel", 2)] * 2
    assert {name for (name, _), some in zip(named, decays, strict=True) if some} == {"kernel"}
    assert {name for (name, _), some in zip(named, decays, strict=True) if not some} == {"bias", "coefficient"}
