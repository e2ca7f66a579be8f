"""What regularizes and is no penalty of a kernel: where params.yaml sets it."""

ELSEWHERE = {
    "weight_decay": "optimizer: {name: adamw, weight_decay: 0.01}",
    "dropout": "parts: {dropout: 0.5}",
    "spatial_dropout": "parts: {dropout: 0.2, spatial_dropout: true}",
    "batch_normalization": "parts: {normalization: batch}",
    "early_stopping": "early_stopping: {patience: 5}",
    "gradient_clipping": "clip: {global_norm: 1.0}",
    "label_smoothing": "augmentation: [label_smoothing]",
    "augmentation": "augmentation: [{name: flip}]",
    "mixup": "augmentation: [mixup]",
    "cutout": "augmentation: [cutout]",
}
"""Name -> the line of a benchmark that sets it."""
