"""DeBERTa's encoder of the package transformers, with given weights.

`python deberta.py HEADS GIVEN.npz MADE.npz`. Given are `tokens` (batch, place); the tables `word` and `distance`;
`norm`; of each layer, as `0.`, the matrices (unit, input) `query`, `key`, `value`, `distance_key`, `distance_query`,
`out`, `inner` and `outer`, and the norms `norm1` and `norm2`. A matrix is `query.weight`, its bias, where it has one,
`query.bias`. Made is `states`.
"""

import sys

import numpy as np

try:
    import torch
    from transformers import DebertaConfig, DebertaModel
except ImportError:
    sys.exit(3)


def put(to, given, name):
    to.weight.data = given[f"{name}.weight"]
    if to.bias is not None:
        to.bias.data = given[f"{name}.bias"]


def network(given, heads):
    """`DebertaModel` with these weights; its joint projection has each head's query, key and value side by side."""
    words, width = given["word"].shape
    depth = sum(name.endswith(".inner.bias") for name in given)
    config = DebertaConfig(
        vocab_size=words, hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads,
        intermediate_size=len(given["0.inner.bias"]), max_position_embeddings=64, hidden_act="gelu",
        layer_norm_eps=1e-7, pad_token_id=0, relative_attention=True,
        max_relative_positions=len(given["distance"]) // 2,
        pos_att_type=["c2p", "p2c"], position_biased_input=False, type_vocab_size=0,
    )  # fmt: skip
    net = DebertaModel(config).double().eval()
    net.embeddings.word_embeddings.weight.data = given["word"]
    net.encoder.rel_embeddings.weight.data = given["distance"]
    put(net.embeddings.LayerNorm, given, "norm")
    for number, layer in enumerate(net.encoder.layer):
        own, out = layer.attention.self, layer.attention.output
        three = [given[f"{number}.{name}.weight"].reshape(heads, -1, width) for name in ("query", "key", "value")]
        own.in_proj.weight.data = torch.cat(three, dim=1).reshape(3 * width, width)
        own.q_bias.data, own.v_bias.data = given[f"{number}.query.bias"], given[f"{number}.value.bias"]
        put(own.pos_proj, given, f"{number}.distance_key")
        put(own.pos_q_proj, given, f"{number}.distance_query")
        put(out.dense, given, f"{number}.out")
        put(out.LayerNorm, given, f"{number}.norm1")
        put(layer.intermediate.dense, given, f"{number}.inner")
        put(layer.output.dense, given, f"{number}.outer")
        put(layer.output.LayerNorm, given, f"{number}.norm2")
    return net


def main(heads, source, target):
    with np.load(source) as found:
        given = {name: torch.from_numpy(array) for name, array in found.items()}
    given = {name: value.double() if value.is_floating_point() else value.long() for name, value in given.items()}
    net, tokens = network(given, int(heads)), given["tokens"]
    with torch.no_grad():
        made = net(input_ids=tokens, attention_mask=(tokens != 0).long()).last_hidden_state
    np.savez(target, states=made.numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
