const NAMES = [
[
"All architectures",
"architectures.html"
],
[
"All choices of the studies",
"choices.html"
],
[
"Along borders: balloons",
"borders-balloons.html"
],
[
"Beside the reference",
"reference.html"
],
[
"Classes of pixels: balloons",
"class-iou-balloons.html"
],
[
"Data set adding",
"data-adding.html"
],
[
"Data set balloon",
"data-balloon.html"
],
[
"Data set balloons",
"data-balloons.html"
],
[
"Data set dates",
"data-dates.html"
],
[
"Data set digit-pairs",
"data-digit-pairs.html"
],
[
"Data set digits",
"data-digits.html"
],
[
"Data set pair",
"data-pair.html"
],
[
"Data set prose",
"data-prose.html"
],
[
"Data sets",
"data-sets.html"
],
[
"Degradation: depth with and without shortcuts",
"degradation.html"
],
[
"Diagnosis: what to do next",
"diagnosis.html"
],
[
"Error analysis: errors",
"probe-errors.html"
],
[
"Health of training",
"health.html"
],
[
"How to read this",
"reading.html"
],
[
"How well text is foretold: dates",
"foretelling-dates-translation.html"
],
[
"One number to rank by",
"single-number.html"
],
[
"Optimizers, on digits: which?",
"study-optimizers.html"
],
[
"Padding",
"padding.html"
],
[
"Predictions",
"pictures.html"
],
[
"Published and here",
"published.html"
],
[
"Signals by layer: signals",
"probe-signals.html"
],
[
"Study: optimizers",
"study-optimizers.html"
],
[
"The family tree",
"family-tree.html"
],
[
"What is found: balloons",
"detections-balloons.html"
],
[
"What ran where",
"where.html"
],
[
"Which network on balloons (detection)?",
"board-balloons-detection.html"
],
[
"Which network on balloons (segmentation)?",
"board-balloons-segmentation.html"
],
[
"Which network on dates (translation)?",
"board-dates-translation.html"
],
[
"Which network on digits (classification)?",
"board-digits-classification.html"
],
[
"XLA on and off",
"xla.html"
],
[
"adadelta",
"choice-optimizer-adadelta.html"
],
[
"adadelta (optimizer)",
"choice-optimizer-adadelta.html"
],
[
"adagrad",
"choice-optimizer-adagrad.html"
],
[
"adagrad (optimizer)",
"choice-optimizer-adagrad.html"
],
[
"adam",
"choice-optimizer-adam.html"
],
[
"adam (optimizer)",
"choice-optimizer-adam.html"
],
[
"adamw",
"choice-optimizer-adamw.html"
],
[
"adamw (optimizer)",
"choice-optimizer-adamw.html"
],
[
"adding (sequence regression)",
"board-adding-sequence_regression.html"
],
[
"bahdanau",
"architecture-bahdanau.html"
],
[
"bahdanau (units 64, embedding 24, alignment 64, maxout 32)",
"architecture-bahdanau.html"
],
[
"bahdanau-dates",
"architecture-bahdanau.html"
],
[
"balloon (classification)",
"board-balloon-classification.html"
],
[
"balloon (multi task: color)",
"board-balloon-multi_task-color-f6dfa5.html"
],
[
"balloons (detection)",
"board-balloons-detection.html"
],
[
"balloons (instance segmentation)",
"board-balloons-instance_segmentation.html"
],
[
"balloons (region detection)",
"board-balloons-region_detection.html"
],
[
"balloons (segmentation)",
"board-balloons-segmentation.html"
],
[
"dates (translation)",
"board-dates-translation.html"
],
[
"deeplab_v3_plus",
"architecture-deeplab_v3_plus.html"
],
[
"deeplab_v3_plus (output_stride 8, block basic, blocks [1, 1, 1], width 16, no stem_pool, no multi_grid, rates [1, 2, 3], channels 24, fine_channels 12, 64 pixels)",
"architecture-deeplab_v3_plus.html"
],
[
"deeplab_v3_plus-balloons",
"architecture-deeplab_v3_plus.html"
],
[
"densenet121",
"architecture-densenet121.html"
],
[
"densenet121 (blocks [3, 6, 12, 8], growth 8, stem_width 16, 32 pixels)",
"architecture-densenet121.html"
],
[
"densenet121-digits",
"architecture-densenet121.html"
],
[
"digit-pairs (verification)",
"board-digit-pairs-verification.html"
],
[
"digits (classification)",
"board-digits-classification.html"
],
[
"digits (reconstruction: the input and KL)",
"board-digits-reconstruction-the-input-and-KL-c9841a.html"
],
[
"faster_rcnn_fpn",
"architecture-faster_rcnn_fpn.html"
],
[
"faster_rcnn_fpn (block basic, blocks [1, 1, 1], width 16, channels 32, pool 4, hidden 128, 64 pixels)",
"architecture-faster_rcnn_fpn.html"
],
[
"faster_rcnn_fpn-balloons",
"architecture-faster_rcnn_fpn.html"
],
[
"inception_v3",
"architecture-inception_v3.html"
],
[
"inception_v3 (width 8, blocks [1, 1, 1], small_stem, 32 pixels)",
"architecture-inception_v3.html"
],
[
"inception_v3-digits",
"architecture-inception_v3.html"
],
[
"lenet5",
"architecture-lenet5.html"
],
[
"lenet5 (paper)",
"architecture-lenet5.html"
],
[
"lenet5-digits",
"architecture-lenet5.html"
],
[
"lstm",
"architecture-lstm.html"
],
[
"lstm (units 64, length 50)",
"architecture-lstm.html"
],
[
"lstm-adding",
"architecture-lstm.html"
],
[
"mask_rcnn",
"architecture-mask_rcnn.html"
],
[
"mask_rcnn (block basic, blocks [1, 1, 1], width 16, channels 32, pool 4, hidden 128, mask_pool 7, mask_depth 2, 64 pixels)",
"architecture-mask_rcnn.html"
],
[
"mask_rcnn-balloons",
"architecture-mask_rcnn.html"
],
[
"momentum",
"choice-optimizer-momentum.html"
],
[
"momentum (optimizer)",
"choice-optimizer-momentum.html"
],
[
"nesterov",
"choice-optimizer-nesterov.html"
],
[
"nesterov (optimizer)",
"choice-optimizer-nesterov.html"
],
[
"pair (style transfer: beta 20000)",
"board-pair-style_transfer-beta-20000-f3bb74.html"
],
[
"plain20",
"architecture-plain20.html"
],
[
"plain20 (paper)",
"architecture-plain20.html"
],
[
"plain20-digits",
"architecture-plain20.html"
],
[
"prose (word vectors)",
"board-prose-word_vectors.html"
],
[
"resnet18",
"architecture-resnet18.html"
],
[
"resnet18 (width 16, 64 pixels)",
"architecture-resnet18.html"
],
[
"resnet18-balloon",
"architecture-resnet18.html"
],
[
"resnet20",
"architecture-resnet20.html"
],
[
"resnet20 (paper)",
"architecture-resnet20.html"
],
[
"resnet20-digits",
"architecture-resnet20.html"
],
[
"rmsprop",
"choice-optimizer-rmsprop.html"
],
[
"rmsprop (optimizer)",
"choice-optimizer-rmsprop.html"
],
[
"sgd",
"choice-optimizer-sgd.html"
],
[
"sgd (optimizer)",
"choice-optimizer-sgd.html"
],
[
"siamese",
"architecture-siamese.html"
],
[
"siamese (widths [8, 16, 32], sizes [5, 3, 3], dense_width 64, 32 pixels)",
"architecture-siamese.html"
],
[
"siamese-digits",
"architecture-siamese.html"
],
[
"skipgram_negative",
"architecture-skipgram_negative.html"
],
[
"skipgram_negative (embedding 32, 35 numbers)",
"architecture-skipgram_negative.html"
],
[
"skipgram_negative-prose",
"architecture-skipgram_negative.html"
],
[
"style_transfer",
"architecture-style_transfer.html"
],
[
"style_transfer (convs [1, 1, 2, 2, 2], width 8, content_maps [\"conv2_1\"], 64 pixels)",
"architecture-style_transfer.html"
],
[
"style_transfer-pair",
"architecture-style_transfer.html"
],
[
"transformer-dates",
"architecture-transformer_base.html"
],
[
"transformer_base",
"architecture-transformer_base.html"
],
[
"transformer_base (width 64, hidden 128, heads 4, depth 2)",
"architecture-transformer_base.html"
],
[
"unet",
"architecture-unet.html"
],
[
"unet (width 8, depth 3, padding same, 64 pixels)",
"architecture-unet.html"
],
[
"unet-balloons",
"architecture-unet.html"
],
[
"vae",
"architecture-vae.html"
],
[
"vae (hidden 200, latent 10, 32 pixels)",
"architecture-vae.html"
],
[
"vae-digits",
"architecture-vae.html"
],
[
"vgg11",
"architecture-vgg11.html"
],
[
"vgg11 (width 8, dense_width 64, 32 pixels)",
"architecture-vgg11.html"
],
[
"vgg11 (width 8, dense_width 64, 64 pixels)",
"architecture-vgg11.html"
],
[
"vgg11-balloon",
"architecture-vgg11.html"
],
[
"vgg11-digits",
"architecture-vgg11.html"
],
[
"yolo_v2",
"architecture-yolo_v2.html"
],
[
"yolo_v2 (width 8, stages 3, 64 pixels)",
"architecture-yolo_v2.html"
],
[
"yolo_v2-balloons",
"architecture-yolo_v2.html"
],
[
"yolo_v3",
"architecture-yolo_v3.html"
],
[
"yolo_v3 (width 8, blocks [1, 1, 1, 1], 64 pixels)",
"architecture-yolo_v3.html"
],
[
"yolo_v3-balloons",
"architecture-yolo_v3.html"
]
];
