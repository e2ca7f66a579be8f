"""TensorFlow's sums of several terms, which by themselves add in the order in which other threads allow it."""

import keras
import numpy as np
import pytest
import toys

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow alone")


@pytest.mark.parametrize("total", ["add_n", "plus"])
def test_a_sum_is_the_same_bits_whatever_else_reads_its_terms(total):
    """As it is, 3 % of these sums were other bits: a product that reads two of the terms had not always ended."""
    import tensorflow as tf

    from archbench.training._tensorflow import sum_in_order

    @tf.function
    def program(a, b, c):
        terms = [a * 1.1, b * 1.1, c * 1.1]
        product = tf.matmul(terms[0], terms[1])
        result = tf.add_n(terms) if total == "add_n" else terms[0] + terms[1] + terms[2]
        sum_in_order()
        return result, product

    random = np.random.default_rng(0)
    given = [(scale * random.normal(size=(400, 400))).astype("float32") for scale in (1, 1000, 0.1)]
    found = [[value.numpy().tobytes() for value in program(*map(tf.constant, given))] for _ in range(600)]
    sums, products = map(set, zip(*found, strict=True))
    assert len(sums) == len(products) == 1  # the terms are whole for whoever else reads them
    a, b, c = (value * np.float32(1.1) for value in given)
    assert sums == {((a + b) + c).tobytes()}


def test_the_sums_of_gradients_in_the_loop_of_steps_are_taken_in_order(monkeypatch):
    """As many as a network with a pyramid and three heads has; of two terms the order is all one."""
    import tensorflow as tf

    from archbench.training import _tensorflow
    from archbench.training.run import Workbench

    graphs, mend = [], _tensorflow.sum_in_order

    def mended():
        mend()
        graphs.append(tf.compat.v1.get_default_graph())

    monkeypatch.setattr(_tensorflow, "sum_in_order", mended)
    trial = toys.settings(**{**toys.MASKS, "epochs": 1})
    toys.train(Workbench(trial, toys.with_instances(toys.squares())), trial)
    sums = [op for graph in graphs for op in graph.get_operations() if op.type == "AddN" and len(op.inputs) > 2]
    assert len(sums) > 3
    assert all(list(op.get_attr("_forward_input")) == [-2, 0] for op in sums)
