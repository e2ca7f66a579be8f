"""Words as vectors, by what stands around them: the continuous bag of words, and the skip-gram.

Mikolov, Chen, Corrado, Dean 2013, arXiv:1301.3781, section 3; the negative samples of Mikolov et al. 2013,
arXiv:1310.4546, section 2.2. Differs from the papers: the softmax is over all words, not a tree of them, and cbow has
negative samples, as in the authors' word2vec.c, whose initial vectors and defaults these are.
"""

from __future__ import annotations

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.options import Width
from archbench.parts import Parts

PAPER = Parts(initializer={"name": "small_uniform", "bound": 0.005}, initializer_of={"output": "zeros"})
"""word2vec.c: within 0.5 / d of 0, here with its d = 100, and 0 for what is foretold."""
FACTS = {
    "task": "word_vectors",
    "minimum": 2,
    "paper_input": (64,),
    "paper_outputs": 30_000,
    "swaps": ("initializer", "regularizer"),
    "smoke": {"embedding": 5},
    "smoke_input": (9,),
}


@architecture(
    "cbow",
    source="Mikolov, Chen, Corrado, Dean 2013, arXiv:1301.3781, section 3.1",
    task_options={"foretells": "word", "negatives": 5},
    **FACTS,
)
@architecture(
    "skipgram",
    source="Mikolov, Chen, Corrado, Dean 2013, arXiv:1301.3781, section 3.2",
    task_options={"foretells": "context", "negatives": 0},
    **FACTS,
)
@architecture(
    "skipgram_negative",
    source="Mikolov et al. 2013, arXiv:1310.4546, section 2.2",
    task_options={"foretells": "context", "negatives": 5},
    **FACTS,
)
def word2vec(tokens, outputs: int, *, embedding: Width = 100, parts: Parts = PAPER):
    """Two tables of vectors, one of the words that are read and one of those that are foretold.

    The part `input` and the part `output` each give for words (batch, place) their vectors (batch, place, `embedding`).
    """
    zeros = parts.kernel("output")["output_initializer"]
    foretold = keras.Input((None,), dtype="int32", name="words")
    return {
        "input": keras.Model(tokens, parts.layer(layers.Embedding, outputs, embedding)(tokens)),
        "output": keras.Model(
            foretold, parts.layer(layers.Embedding, outputs, embedding, embeddings_initializer=zeros)(foretold)
        ),
    }
