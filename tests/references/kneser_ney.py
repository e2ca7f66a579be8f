"""NLTK's interpolated Kneser-Ney: run with a Python that has nltk, `kneser_ney.py given.npz made.npz`.

`text` (word,) of whole numbers, `order`, `discount`; for each of `asked` (row, order), padded in front with -1, what
`alpha_gamma` gives of its last word after the others.
"""

import sys

import numpy as np
from nltk.lm import Vocabulary
from nltk.lm.models import KneserNeyInterpolated

PADDING, START = 0, 1

with np.load(sys.argv[-2]) as given:
    text, asked = given["text"].tolist(), given["asked"].tolist()
    order, discount = int(given["order"]), float(given["discount"])
words = [PADDING] * (order - 2) + [START, *text]
grams = [
    tuple(map(str, words[place - length + 1 : place + 1]))
    for place in range(order - 1, len(words))
    for length in range(1, order + 1)
]
model = KneserNeyInterpolated(order, discount=discount, vocabulary=Vocabulary(map(str, words), unk_cutoff=1))
model.fit([grams])
found = []
for row in asked:
    *before, word = (str(one) for one in row if one >= 0)
    found.append(model.estimator.alpha_gamma(word, tuple(before)))
np.savez(sys.argv[-1], found=np.array(found))
