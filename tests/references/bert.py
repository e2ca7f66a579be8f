"""BERT of the package transformers, with given weights.

`python bert.py HEADS GIVEN.npz MADE.npz`. Given are `tokens` and `segments` (batch, place); the tables `word`, `place`
and `segment`; `norm`; of each layer, as `0.`, the matrices (unit, input) and biases `query`, `key`, `value`, `out`,
`inner`, `outer`, and the norms `norm1` and `norm2`; `pooler`, `transform`, `transform_norm`, the `bias` of the words,
and `follows`. A matrix is `query.weight`, its bias `query.bias`. Made are `states`, `pooled`, `masked` and `follows`.
"""

import sys

import numpy as np

try:
    import torch
    from transformers import BertConfig, BertForPreTraining
except ImportError:
    sys.exit(3)


def put(to, given, name):
    to.weight.data, to.bias.data = given[f"{name}.weight"], given[f"{name}.bias"]


def network(given, heads):
    """`BertForPreTraining` with these weights."""
    words, width = given["word"].shape
    depth = sum(name.endswith(".inner.bias") for name in given)
    config = BertConfig(
        vocab_size=words, hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads,
        intermediate_size=len(given["0.inner.bias"]), max_position_embeddings=len(given["place"]),
        hidden_act="gelu_new", layer_norm_eps=1e-12, pad_token_id=0, attn_implementation="eager",
    )  # fmt: skip
    net = BertForPreTraining(config).double().eval()
    codes = net.bert.embeddings
    codes.word_embeddings.weight.data = given["word"]
    codes.position_embeddings.weight.data = given["place"]
    codes.token_type_embeddings.weight.data = given["segment"]
    put(codes.LayerNorm, given, "norm")
    for number, layer in enumerate(net.bert.encoder.layer):
        attention = layer.attention
        for name in ("query", "key", "value"):
            put(getattr(attention.self, name), given, f"{number}.{name}")
        put(attention.output.dense, given, f"{number}.out")
        put(attention.output.LayerNorm, given, f"{number}.norm1")
        put(layer.intermediate.dense, given, f"{number}.inner")
        put(layer.output.dense, given, f"{number}.outer")
        put(layer.output.LayerNorm, given, f"{number}.norm2")
    put(net.bert.pooler.dense, given, "pooler")
    told = net.cls.predictions
    put(told.transform.dense, given, "transform")
    put(told.transform.LayerNorm, given, "transform_norm")
    told.decoder.weight, told.decoder.bias = codes.word_embeddings.weight, torch.nn.Parameter(given["bias"])
    put(net.cls.seq_relationship, given, "follows")
    return net


def main(heads, source, target):
    with np.load(source) as found:
        given = {name: torch.from_numpy(array) for name, array in found.items()}
    given = {name: value.double() if value.is_floating_point() else value.long() for name, value in given.items()}
    net, tokens = network(given, int(heads)), given["tokens"]
    with torch.no_grad():
        read = {"input_ids": tokens, "token_type_ids": given["segments"], "attention_mask": (tokens != 0).long()}
        seen, told = net.bert(**read), net(**read)
    np.savez(
        target,
        states=seen.last_hidden_state.numpy(),
        pooled=seen.pooler_output.numpy(),
        masked=told.prediction_logits.numpy(),
        follows=told.seq_relationship_logits.numpy(),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
