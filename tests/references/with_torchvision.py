"""torchvision for the scripts here, also where its compiled operators do not load: all but `nms` have Python beside."""

import importlib.util
import os
from pathlib import Path

os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # the Python of roi_align as it is written

import torch

try:
    torch.ops.load_library(Path(importlib.util.find_spec("torchvision").origin).with_name("_C.so"))
except OSError:
    _library = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    @torch.library.impl(_library, "nms", "CPU")
    def _nms(boxes, scores, iou_threshold):
        left, kept = torch.argsort(scores, descending=True, stable=True), []
        while len(left):
            best, left = left[0], left[1:]
            kept.append(best)
            left = left[torchvision.ops.box_iou(boxes[best][None], boxes[left])[0] <= iou_threshold]
        return torch.stack(kept) if kept else left

    torchvision.ops.boxes._assert_has_ops = lambda: None
else:
    import torchvision

__all__ = ["torch", "torchvision"]
