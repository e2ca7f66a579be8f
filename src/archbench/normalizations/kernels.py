"""Normalizations of kernels: what a layer computes with is made from what is trained.

A builder is called with a class of Keras's layers and returns the class that takes its place; one whose kernel it
cannot normalize, as a recurrent layer, stays. Activations stay as they are, and so do biases.
"""

from keras import layers

from archbench.layers.kernel_normalization import SPECTRALLY_NORMALIZED, WEIGHT_NORMALIZED
from archbench.normalizations import normalization


@normalization("weight", source="Salimans, Kingma 2016, arXiv:1602.07868, equation 2", of="kernel")
def weight(kind: type[layers.Layer]) -> type[layers.Layer]:
    """w = g v / |v| for each unit: length g and direction v of a unit's incoming vector are trained apart.

    g starts at |v|, in the place of the paper's start from a first batch, and no normalization of activations is added
    (the paper's mean-only batch normalization is an option of its section 4). Keras has no such layer.
    """
    return WEIGHT_NORMALIZED.get(kind, kind)


@normalization("spectral", source="Miyato, Kataoka, Koyama, Yoshida 2018, arXiv:1802.05957, algorithm 1", of="kernel")
def spectral(kind: type[layers.Layer]) -> type[layers.Layer]:
    """W / sigma(W), the largest singular value, by one power iteration a training step: a layer of Lipschitz norm 1.

    sigma = u'Wv, with v <- W'u / |W'u| and then u <- Wv / |Wv| in each training step; inference takes the last u and v.
    W itself is kept and trained; Keras's SpectralNormalization overwrites it at every step.
    """
    return SPECTRALLY_NORMALIZED.get(kind, kind)
