"""torchvision's feature pyramid, and the heads of its Faster and Mask R-CNN. Usage: two_stage_heads.py in out.

`given` holds arrays channels last, kernels (height, width, in, out):
`map0`, `map1`, ... of the trunk, the finest first; `lateral0`, `output0`, ... kernels and `..._bias` of the pyramid;
`rpn_conv`, `rpn_scores`, `rpn_shifts` of the proposals; `region` (n, side, side, channel) and `dense0`, `dense1`,
`classes`, `boxes` of the box head; `mask_region`, `mask0`, ..., `mask_up` (2, 2, out, in), `mask_logits` of the masks.

`made` holds `pyramid0`, ...; `objectness` (batch, anchor) and `shifts` (batch, anchor, 4); `classes`, `boxes`;
`masks`. The four numbers of a box are in the order of those given.
"""

import sys

import numpy as np
from with_torchvision import torch, torchvision

given, made = sys.argv[1:]
given = {name: torch.from_numpy(array) for name, array in np.load(given).items()}
detection = torchvision.models.detection


def first(x):
    return x.permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1)


def several(name):
    return [
        given[f"{name}{place}"]
        for place in range(sum(key.startswith(name) and key[len(name) :].isdigit() for key in given))
    ]


def fill(layer, name):
    kernel = given[name]
    layer.weight.data = kernel.T if kernel.ndim == 2 else kernel.permute(3, 2, 0, 1)
    layer.bias.data = given[f"{name}_bias"]


def pyramid():
    maps = [first(one) for one in several("map")]
    channels = given["output0"].shape[-1]
    extra = torchvision.ops.feature_pyramid_network.LastLevelMaxPool()
    net = torchvision.ops.FeaturePyramidNetwork([one.shape[1] for one in maps], channels, extra)
    for place in range(len(maps)):
        fill(net.inner_blocks[place][0], f"lateral{place}")
        fill(net.layer_blocks[place][0], f"output{place}")
    return list(net(dict(enumerate(maps))).values())


def proposals(maps):
    channels, anchors = given["rpn_conv"].shape[-1], given["rpn_scores"].shape[-1]
    net = detection.rpn.RPNHead(channels, anchors)
    for layer, name in ((net.conv[0][0], "rpn_conv"), (net.cls_logits, "rpn_scores"), (net.bbox_pred, "rpn_shifts")):
        fill(layer, name)
    scores, shifts = net(maps)
    return detection.rpn.concat_box_prediction_layers(scores, shifts)


def judged():
    region = first(given["region"])
    side, channels, hidden = region.shape[-1], region.shape[1], given["dense0"].shape[-1]
    head = detection.faster_rcnn.TwoMLPHead(channels * side * side, hidden)
    predictor = detection.faster_rcnn.FastRCNNPredictor(hidden, given["classes"].shape[-1])
    # torch flattens channels first
    given["dense0"] = given["dense0"].reshape(side, side, channels, hidden).permute(2, 0, 1, 3).reshape(-1, hidden)
    for layer, name in (
        (head.fc6, "dense0"),
        (head.fc7, "dense1"),
        (predictor.cls_score, "classes"),
        (predictor.bbox_pred, "boxes"),
    ):
        fill(layer, name)
    return predictor(head(region))


def masks():
    kernels = [one for one in several("mask") if one.ndim == 4]
    channels, outputs = kernels[0].shape[-1], given["mask_logits"].shape[-1]
    heads = detection.mask_rcnn.MaskRCNNHeads(channels, [channels] * len(kernels), 1)
    for place in range(len(kernels)):
        fill(heads[place][0], f"mask{place}")
    predictor = detection.mask_rcnn.MaskRCNNPredictor(channels, channels, outputs)
    predictor.conv5_mask.weight.data = given["mask_up"].permute(3, 2, 0, 1)
    predictor.conv5_mask.bias.data = given["mask_up_bias"]
    fill(predictor.mask_fcn_logits, "mask_logits")
    return predictor(heads(first(given["mask_region"])))


with torch.no_grad():
    maps = pyramid()
    objectness, shifts = proposals(maps)
    batch = len(maps[0])
    classes, boxes = judged()
    np.savez(
        made,
        **{f"pyramid{place}": last(one).numpy() for place, one in enumerate(maps)},
        objectness=objectness.reshape(batch, -1).numpy(),
        shifts=shifts.reshape(batch, -1, 4).numpy(),
        classes=classes.numpy(),
        boxes=boxes.reshape(len(boxes), -1, 4).numpy(),
        masks=last(masks()).numpy(),
    )
