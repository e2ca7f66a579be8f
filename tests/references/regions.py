"""Parts of torchvision's Faster R-CNN. Usage: regions.py WHAT given.npz made.npz; boxes are [top, left, bottom, right].

The arrays of several cases, each named `case.array`, are given and made:

code: `boxes`, `anchors`, `deltas` (n, 4), `weights` (2,) -> `encoded`, `decoded`
anchors: `shapes`, `strides` (level, 2), `sides` (level,), `ratios` -> `level0`, ... without torchvision's rounding
match: `overlap` (object, region), `limits` [low, high], `rescue` -> `matched`
propose: per level `anchors0`, `objectness0` (batch, n), `deltas0`; `picture`, `limits` [most, IoU] -> `boxes0`, ... of
each picture, and `scores0`, ...
losses: `classes` (n, class), `deltas` (n, class, 4), `labels` (n,), `targets` (n, 4) -> `classification`, `boxes`
rpn_losses: `objectness` (n,), `deltas` (n, 4), `labels` (n,), `targets` (n, 4), `drawn` -> `objectness`, `boxes`
mask_loss: `masks` (n, side, side, class) logits, `labels` (n,), `truth` (n, side, side) of regions -> `loss`
detect: `classes` (n, class), `deltas` (n, class, 4), `regions` (n, 4), `picture`, `limits` [score, IoU, most] ->
`boxes`, `scores`, `labels`
"""

import sys

import numpy as np
from with_torchvision import torch, torchvision

what, given, made = sys.argv[1:]
cases = {}
for _name, _array in np.load(given).items():
    _case, _, _name = _name.partition(".")
    cases.setdefault(_case, {})[_name] = torch.from_numpy(_array)
detection = torchvision.models.detection
SWAP = [1, 0, 3, 2]
"""[top, left, bottom, right] to torchvision's [left, top, right, bottom], and [y, x, height, width] to [x, y, w, h]."""


def code(given):
    coder = detection._utils.BoxCoder(given["weights"][[0, 0, 1, 1]].tolist())
    anchors = given["anchors"][:, SWAP]
    encoded = coder.encode_single(given["boxes"][:, SWAP], anchors)
    return {"encoded": encoded[:, SWAP], "decoded": coder.decode_single(given["deltas"][:, SWAP], anchors)[:, SWAP]}


def anchors(given):
    count = len(given["sides"])
    generator = detection.anchor_utils.AnchorGenerator(((1,),) * count, (tuple(given["ratios"].tolist()),) * count)
    unrounded = torch.Tensor.round
    torch.Tensor.round = lambda tensor: tensor
    generator.cell_anchors = [
        generator.generate_anchors((side,), given["ratios"].tolist()) for side in given["sides"].tolist()
    ]
    torch.Tensor.round = unrounded
    made = generator.grid_anchors(given["shapes"].tolist(), list(given["strides"]))
    return {f"level{level}": one[:, SWAP] for level, one in enumerate(made)}


def match(given):
    low, high = given["limits"].tolist()
    matcher = detection._utils.Matcher(high, low, allow_low_quality_matches=bool(given["rescue"]))
    return {"matched": matcher(given["overlap"])}


def propose(given):
    levels = sum(name.startswith("anchors") for name in given)
    of = lambda name: [given[f"{name}{level}"] for level in range(levels)]  # noqa: E731
    most, iou = int(given["limits"][0]), float(given["limits"][1])
    both = {"training": most, "testing": most}
    net = detection.rpn.RegionProposalNetwork(None, None, 0.7, 0.3, 256, 0.5, both, both, iou).eval()
    deltas = torch.cat(of("deltas"), dim=1)[..., SWAP]
    places = torch.cat(of("anchors"))[:, SWAP]
    coder = detection._utils.BoxCoder((1.0, 1.0, 1.0, 1.0))
    boxes = torch.stack([coder.decode_single(one, places) for one in deltas])
    pictures = [tuple(given["picture"].tolist())] * len(deltas)
    counts = [one.shape[1] for one in of("objectness")]
    boxes, scores = net.filter_proposals(boxes, torch.cat(of("objectness"), dim=1), pictures, counts)
    return {
        **{f"boxes{place}": one[:, SWAP] for place, one in enumerate(boxes)},
        **{f"scores{place}": one for place, one in enumerate(scores)},
    }


def losses(given):
    flat = given["deltas"][..., SWAP].reshape(len(given["deltas"]), -1)
    found = detection.roi_heads.fastrcnn_loss(given["classes"], flat, [given["labels"]], [given["targets"][:, SWAP]])
    return dict(zip(("classification", "boxes"), found, strict=True))


def rpn_losses(given):
    both = {"training": 1, "testing": 1}
    net = detection.rpn.RegionProposalNetwork(None, None, 0.7, 0.3, 256, 0.5, both, both, 0.7)
    labels, drawn = given["labels"].float(), given["drawn"]
    positive = [((labels == 1) & drawn).byte()]
    negative = [((labels != 1) & drawn).byte()]
    net.fg_bg_sampler = lambda labels: (positive, negative)
    found = net.compute_loss(given["objectness"][:, None], given["deltas"], [labels], [given["targets"]])
    return dict(zip(("objectness", "boxes"), found, strict=True))


def mask_loss(given):
    heads, truth = detection.roi_heads, given["truth"]
    heads.project_masks_on_boxes = lambda masks, boxes, matched, side: truth[matched.long()]
    count = torch.arange(len(truth))
    logits = given["masks"].permute(0, 3, 1, 2)
    labels = given["labels"]
    return {"loss": heads.maskrcnn_loss(logits, [torch.zeros(len(truth), 4)], [truth], [labels], [count])}


def detect(given):
    score, iou, most = given["limits"].tolist()
    heads = detection.roi_heads.RoIHeads(
        None, None, None, 0.5, 0.5, 512, 0.25, (10.0, 10.0, 5.0, 5.0), score, iou, int(most)
    )
    flat = given["deltas"][..., SWAP].reshape(len(given["deltas"]), -1)
    boxes, scores, labels = heads.postprocess_detections(
        given["classes"], flat, [given["regions"][:, SWAP]], [tuple(given["picture"].tolist())]
    )
    return {"boxes": boxes[0][:, SWAP], "scores": scores[0], "labels": labels[0]}


found = {case: globals()[what](given) for case, given in cases.items()}
np.savez(made, **{f"{case}.{name}": a.detach().numpy() for case, arrays in found.items() for name, a in arrays.items()})
