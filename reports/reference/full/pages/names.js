const NAMES = [
[
"Activation by initializer, on digits-16: which?",
"study-activation_by_initializer.html"
],
[
"Activations, on digits-16: which?",
"study-activations.html"
],
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
"Along borders: balloons-noisy-divided",
"borders-balloons-noisy-divided.html"
],
[
"Along borders: balloons-plain-divided",
"borders-balloons-plain-divided.html"
],
[
"Architecture search, on digits-16: which?",
"study-architecture_search.html"
],
[
"Arithmetic of convolutions: arithmetic",
"probe-arithmetic.html"
],
[
"Batch size and rate, on digits-16: which?",
"study-batch_size_and_rate.html"
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
"Classes of pixels: balloons-noisy-divided",
"class-iou-balloons-noisy-divided.html"
],
[
"Classes of pixels: balloons-plain-divided",
"class-iou-balloons-plain-divided.html"
],
[
"Dead units: dead-units",
"probe-dead-units.html"
],
[
"Decoding: dates",
"probe-dates.html"
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
"Expected and found",
"expectations.html"
],
[
"Gradients checked: gradients",
"probe-gradients.html"
],
[
"Heads together and alone: resnet18-balloons-together",
"heads-resnet18-balloons-together.html"
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
"How well text is foretold: prose",
"foretelling-prose-language_modelling.html"
],
[
"How well text is foretold: prose-spelled",
"foretelling-prose-spelled-bidirectional_language_modelling.html"
],
[
"How well text is foretold: sentences",
"foretelling-sentences-sentence_pairs.html"
],
[
"Initializers, on digits-16: which?",
"study-initializers.html"
],
[
"Labels that are likely wrong: wrong-labels",
"probe-wrong-labels.html"
],
[
"Loss on training data by depth: depth",
"probe-depth.html"
],
[
"Mean ranks: activation",
"ranks-activation.html"
],
[
"Mean ranks: initializer",
"ranks-initializer.html"
],
[
"Mean ranks: optimizer",
"ranks-optimizer.html"
],
[
"Mean ranks: schedule",
"ranks-schedule.html"
],
[
"Memory by length: copying",
"memory-copying.html"
],
[
"Normalizations, on digits-16: which?",
"study-normalizations.html"
],
[
"One number to rank by",
"single-number.html"
],
[
"Optimizer by schedule, on digits-16: which?",
"study-optimizer_by_schedule.html"
],
[
"Optimizers, on digits-16: which?",
"study-optimizers.html"
],
[
"Padding",
"padding.html"
],
[
"Paths of optimizers: paths",
"probe-paths.html"
],
[
"Pre-training by stacked_3-digits",
"pretraining-stacked_3-digits.html"
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
"Recall of proposals: proposals",
"probe-proposals.html"
],
[
"Region pooling, on balloons-few: which?",
"study-region_pooling.html"
],
[
"Regularization, on digits-few: which?",
"study-regularization.html"
],
[
"Samplers, on digits-16: which?",
"study-samplers.html"
],
[
"Schedules, on digits-16: which?",
"study-schedules.html"
],
[
"Search scales, on digits-16: which?",
"study-search_scales.html"
],
[
"Signals by layer: signals",
"probe-signals.html"
],
[
"Signals by layer: signals-trained",
"probe-signals-trained.html"
],
[
"Signals by layer: signals-training",
"probe-signals-training.html"
],
[
"Start from lenet5-digits-low, with 25 examples?",
"transfer-lenet5-digits-low.html"
],
[
"Start from stacked_3-digits, with 30 examples?",
"pretraining-stacked_3-digits.html"
],
[
"Study: activation_by_initializer",
"study-activation_by_initializer.html"
],
[
"Study: activations",
"study-activations.html"
],
[
"Study: architecture_search",
"study-architecture_search.html"
],
[
"Study: batch_size_and_rate",
"study-batch_size_and_rate.html"
],
[
"Study: initializers",
"study-initializers.html"
],
[
"Study: normalizations",
"study-normalizations.html"
],
[
"Study: optimizer_by_schedule",
"study-optimizer_by_schedule.html"
],
[
"Study: optimizers",
"study-optimizers.html"
],
[
"Study: region_pooling",
"study-region_pooling.html"
],
[
"Study: regularization",
"study-regularization.html"
],
[
"Study: samplers",
"study-samplers.html"
],
[
"Study: schedules",
"study-schedules.html"
],
[
"Study: search_scales",
"study-search_scales.html"
],
[
"The family tree",
"family-tree.html"
],
[
"Time and memory by layer: times",
"probe-times.html"
],
[
"Transfer from lenet5-digits-low",
"transfer-lenet5-digits-low.html"
],
[
"Triplets that teach",
"active-triplets.html"
],
[
"What a bottleneck saves: bottleneck",
"probe-bottleneck.html"
],
[
"What classifiers look at: looks",
"probe-looks.html"
],
[
"What is found: balloons",
"detections-balloons.html"
],
[
"What is found: balloons-searched",
"detections-balloons-searched.html"
],
[
"What is found: balloons-windows",
"detections-balloons-windows.html"
],
[
"What ran where",
"where.html"
],
[
"Which network on adding (sequence regression)?",
"board-adding-sequence_regression.html"
],
[
"Which network on balloons (detection)?",
"board-balloons-detection.html"
],
[
"Which network on balloons (region detection)?",
"board-balloons-region_detection.html"
],
[
"Which network on balloons (segmentation)?",
"board-balloons-segmentation.html"
],
[
"Which network on copying (sequence labelling)?",
"board-copying-sequence_labelling.html"
],
[
"Which network on dates (translation)?",
"board-dates-translation.html"
],
[
"Which network on digit-pairs (triplets)?",
"board-digit-pairs-triplets.html"
],
[
"Which network on digit-pairs (verification)?",
"board-digit-pairs-verification.html"
],
[
"Which network on digits-16 (reconstruction)?",
"board-digits-16-reconstruction.html"
],
[
"Which network on digits-16-100 (classification)?",
"board-digits-16-100-classification.html"
],
[
"Which network on digits-16-30 (classification)?",
"board-digits-16-30-classification.html"
],
[
"Which network on digits-16-400 (classification)?",
"board-digits-16-400-classification.html"
],
[
"Which network on digits-high-100 (classification)?",
"board-digits-high-100-classification.html"
],
[
"Which network on digits-high-25 (classification)?",
"board-digits-high-25-classification.html"
],
[
"Which network on digits-high-400 (classification)?",
"board-digits-high-400-classification.html"
],
[
"Which network on docstrings (classification)?",
"board-docstrings-classification.html"
],
[
"Which network on moving (classification)?",
"board-moving-classification.html"
],
[
"Which network on pair (style transfer)?",
"board-pair-style_transfer.html"
],
[
"Which network on prose (language modelling)?",
"board-prose-language_modelling.html"
],
[
"Which network on prose (word vectors)?",
"board-prose-word_vectors.html"
],
[
"Which network on sentences (sentence pairs)?",
"board-sentences-sentence_pairs.html"
],
[
"Which network on shifted (classification)?",
"board-shifted-classification.html"
],
[
"Which network on shifted-16 (classification)?",
"board-shifted-16-classification.html"
],
[
"Windows against one pass: windows",
"probe-windows.html"
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
"adafactor",
"choice-optimizer-adafactor.html"
],
[
"adafactor (optimizer)",
"choice-optimizer-adafactor.html"
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
"alexnet",
"architecture-alexnet.html"
],
[
"alexnet (widths [12, 32, 48, 48, 32], dense_width 128, stem [3, 1], 32 pixels)",
"architecture-alexnet.html"
],
[
"alexnet (widths [16, 32, 48, 48, 32], dense_width 128, stem [5, 2], 40 pixels)",
"architecture-alexnet.html"
],
[
"alexnet-balloon",
"architecture-alexnet.html"
],
[
"alexnet-shifted",
"architecture-alexnet.html"
],
[
"autoencoder",
"architecture-autoencoder.html"
],
[
"autoencoder (units [128, 64, 10], 16 pixels)",
"architecture-autoencoder.html"
],
[
"autoencoder-digits",
"architecture-autoencoder.html"
],
[
"bag_of_words",
"architecture-bag_of_words.html"
],
[
"bag_of_words (paper)",
"architecture-bag_of_words.html"
],
[
"bag_of_words-docstrings",
"architecture-bag_of_words.html"
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
"balloon (multi task: color)",
"board-balloon-multi_task-color-f6dfa5.html"
],
[
"balloon-40 (classification)",
"board-balloon-40-classification.html"
],
[
"balloon-near (landmarks)",
"board-balloon-near-landmarks.html"
],
[
"balloon-or-none (localization)",
"board-balloon-or-none-localization.html"
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
"balloons (multi label)",
"board-balloons-multi_label.html"
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
"balloons-noisy-divided (segmentation)",
"board-balloons-noisy-divided-segmentation.html"
],
[
"balloons-plain-divided (segmentation)",
"board-balloons-plain-divided-segmentation.html"
],
[
"balloons-searched (proposal classification)",
"board-balloons-searched-proposal_classification.html"
],
[
"balloons-searched (proposal svm)",
"board-balloons-searched-proposal_svm.html"
],
[
"balloons-some (multi task: color)",
"board-balloons-some-multi_task-color-da2a60.html"
],
[
"balloons-some (multi task: count)",
"board-balloons-some-multi_task-count-584da0.html"
],
[
"balloons-some (multi task: present)",
"board-balloons-some-multi_task-present-76547e.html"
],
[
"balloons-some (multi task: present, count, color)",
"board-balloons-some-multi_task-present-count-color-8ddbb8.html"
],
[
"balloons-windows (proposal detection)",
"board-balloons-windows-proposal_detection.html"
],
[
"batch",
"choice-normalization-batch.html"
],
[
"batch (normalization)",
"choice-normalization-batch.html"
],
[
"batch_gd",
"choice-optimizer-batch_gd.html"
],
[
"batch_gd (optimizer)",
"choice-optimizer-batch_gd.html"
],
[
"bert_base",
"architecture-bert_base.html"
],
[
"bert_base (width 64, hidden 128, heads 4, depth 2, 38 numbers)",
"architecture-bert_base.html"
],
[
"bert_base-prose",
"architecture-bert_base.html"
],
[
"bert_classifier",
"architecture-bert_classifier.html"
],
[
"bert_classifier (width 64, hidden 128, heads 4, depth 2)",
"architecture-bert_classifier.html"
],
[
"bert_classifier-docstrings",
"architecture-bert_classifier.html"
],
[
"bert_large",
"architecture-bert_large.html"
],
[
"bert_large (width 96, hidden 192, heads 6, depth 3, positions 64, 38 numbers)",
"architecture-bert_large.html"
],
[
"bert_large-prose",
"architecture-bert_large.html"
],
[
"bigru",
"architecture-bigru.html"
],
[
"bigru (units 32, length 90)",
"architecture-bigru.html"
],
[
"bigru-copying",
"architecture-bigru.html"
],
[
"bilstm",
"architecture-bilstm.html"
],
[
"bilstm (units 32, length 90)",
"architecture-bilstm.html"
],
[
"bilstm-copying",
"architecture-bilstm.html"
],
[
"birnn",
"architecture-birnn.html"
],
[
"birnn (units 32, length 90)",
"architecture-birnn.html"
],
[
"birnn-copying",
"architecture-birnn.html"
],
[
"breast_cancer (binary)",
"board-breast_cancer-binary.html"
],
[
"c3d",
"architecture-c3d.html"
],
[
"c3d (convs [1, 1, 1], width 8, dense_width 64, 8 frames of 16 pixels)",
"architecture-c3d.html"
],
[
"c3d-moving",
"architecture-c3d.html"
],
[
"capsnet",
"architecture-capsnet.html"
],
[
"capsnet (width 32, types 4, hidden [64, 128], size 5, 16 pixels)",
"architecture-capsnet.html"
],
[
"capsnet (width 32, types 4, hidden [64, 128], size 5, 20 pixels)",
"architecture-capsnet.html"
],
[
"capsnet-overlapping",
"architecture-capsnet.html"
],
[
"capsnet-shifted-16",
"architecture-capsnet.html"
],
[
"capsnet_baseline",
"architecture-capsnet_baseline.html"
],
[
"capsnet_baseline (convs [32, 32, 16], units [64, 32], 16 pixels)",
"architecture-capsnet_baseline.html"
],
[
"capsnet_baseline-shifted-16",
"architecture-capsnet_baseline.html"
],
[
"capsnet_baseline_overlapping",
"architecture-capsnet_baseline_overlapping.html"
],
[
"capsnet_baseline_overlapping (convs [48, 48], sizes [5, 5], units [180], 20 pixels)",
"architecture-capsnet_baseline_overlapping.html"
],
[
"capsnet_baseline_overlapping-overlapping",
"architecture-capsnet_baseline_overlapping.html"
],
[
"cbow",
"architecture-cbow.html"
],
[
"cbow (embedding 32, 35 numbers)",
"architecture-cbow.html"
],
[
"cbow-prose",
"architecture-cbow.html"
],
[
"constant",
"choice-schedule-constant.html"
],
[
"constant (schedule)",
"choice-schedule-constant.html"
],
[
"copying (sequence labelling)",
"board-copying-sequence_labelling.html"
],
[
"cosine",
"choice-schedule-cosine.html"
],
[
"cosine (schedule)",
"choice-schedule-cosine.html"
],
[
"cosine_restarts",
"choice-schedule-cosine_restarts.html"
],
[
"cosine_restarts (schedule)",
"choice-schedule-cosine_restarts.html"
],
[
"cutout",
"choice-augmentation-cutout.html"
],
[
"cutout (augmentation)",
"choice-augmentation-cutout.html"
],
[
"dates (translation)",
"board-dates-translation.html"
],
[
"deberta",
"architecture-deberta.html"
],
[
"deberta (width 64, hidden 128, heads 4, depth 2, reach 16, 35 numbers)",
"architecture-deberta.html"
],
[
"deberta-prose",
"architecture-deberta.html"
],
[
"deep_lstm",
"architecture-deep_lstm.html"
],
[
"deep_lstm (units 128)",
"architecture-deep_lstm.html"
],
[
"deep_lstm-prose",
"architecture-deep_lstm.html"
],
[
"deeplab_v1",
"architecture-deeplab_v1.html"
],
[
"deeplab_v1 (rates [2], output_stride 4, convs [1, 1, 2, 1], width 8, dense_width 48, 64 pixels)",
"architecture-deeplab_v1.html"
],
[
"deeplab_v1 (rates [2], output_stride 4, convs [1, 1, 2, 1], width 8, dense_width 48, crf 5, appearance [3, 10, 0.3], smoothness [1, 2], 64 pixels)",
"architecture-deeplab_v1.html"
],
[
"deeplab_v1-balloons",
"architecture-deeplab_v1.html"
],
[
"deeplab_v1-balloons-crf",
"architecture-deeplab_v1.html"
],
[
"deeplab_v2",
"architecture-deeplab_v2.html"
],
[
"deeplab_v2 (rates [1, 2, 3, 4], output_stride 4, block basic, blocks [1, 1, 1], width 16, no stem_pool, 64 pixels)",
"architecture-deeplab_v2.html"
],
[
"deeplab_v2-balloons",
"architecture-deeplab_v2.html"
],
[
"deeplab_v2_vgg16",
"architecture-deeplab_v2_vgg16.html"
],
[
"deeplab_v2_vgg16 (rates [1, 2, 3], output_stride 4, convs [1, 1, 2, 1], width 8, dense_width 24, 64 pixels)",
"architecture-deeplab_v2_vgg16.html"
],
[
"deeplab_v2_vgg16-balloons",
"architecture-deeplab_v2_vgg16.html"
],
[
"deeplab_v3",
"architecture-deeplab_v3.html"
],
[
"deeplab_v3 (output_stride 4, block basic, blocks [1, 1, 1], width 16, no stem_pool, no multi_grid, rates [1, 2, 3], channels 16, 64 pixels)",
"architecture-deeplab_v3.html"
],
[
"deeplab_v3-balloons",
"architecture-deeplab_v3.html"
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
"deeplab_v3_plus_xception65",
"architecture-deeplab_v3_plus_xception65.html"
],
[
"deeplab_v3_plus_xception65 (output_stride 4, stem [12, 16], entry [24, 32, 64], middle 1, exits [[64, 64, 64], [64, 64, 64]], rates [1, 2, 3], channels 32, fine_channels 16, 64 pixels)",
"architecture-deeplab_v3_plus_xception65.html"
],
[
"deeplab_v3_plus_xception65-balloons",
"architecture-deeplab_v3_plus_xception65.html"
],
[
"denoising_autoencoder",
"architecture-denoising_autoencoder.html"
],
[
"denoising_autoencoder (hidden 128, 16 pixels)",
"architecture-denoising_autoencoder.html"
],
[
"denoising_autoencoder (hidden 128, noise gaussian, amount 0.3, 16 pixels)",
"architecture-denoising_autoencoder.html"
],
[
"denoising_autoencoder (hidden 128, noise salt_and_pepper, 16 pixels)",
"architecture-denoising_autoencoder.html"
],
[
"denoising_gaussian-digits",
"architecture-denoising_autoencoder.html"
],
[
"denoising_masking-digits",
"architecture-denoising_autoencoder.html"
],
[
"denoising_salt-digits",
"architecture-denoising_autoencoder.html"
],
[
"densenet121",
"architecture-densenet121.html"
],
[
"densenet121 (blocks [2, 3, 6, 4], growth 12, stem_width 24, 32 pixels)",
"architecture-densenet121.html"
],
[
"densenet121-shifted",
"architecture-densenet121.html"
],
[
"densenet169",
"architecture-densenet169.html"
],
[
"densenet169 (blocks [2, 3, 8, 8], growth 12, stem_width 24, 32 pixels)",
"architecture-densenet169.html"
],
[
"densenet169-shifted",
"architecture-densenet169.html"
],
[
"densenet201",
"architecture-densenet201.html"
],
[
"densenet201 (blocks [2, 3, 12, 8], growth 12, stem_width 24, 32 pixels)",
"architecture-densenet201.html"
],
[
"densenet201-shifted",
"architecture-densenet201.html"
],
[
"densenet40",
"architecture-densenet40.html"
],
[
"densenet40 (blocks [4, 4, 4], 16 pixels)",
"architecture-densenet40.html"
],
[
"densenet40-shifted-16",
"architecture-densenet40.html"
],
[
"densenet_bc100",
"architecture-densenet_bc100.html"
],
[
"densenet_bc100 (blocks [4, 4, 4], 16 pixels)",
"architecture-densenet_bc100.html"
],
[
"densenet_bc100-shifted-16",
"architecture-densenet_bc100.html"
],
[
"digit-pairs (triplets)",
"board-digit-pairs-triplets.html"
],
[
"digit-pairs (verification)",
"board-digit-pairs-verification.html"
],
[
"digits (reconstruction)",
"board-digits-reconstruction.html"
],
[
"digits-16 (reconstruction)",
"board-digits-16-reconstruction.html"
],
[
"digits-16-100 (classification)",
"board-digits-16-100-classification.html"
],
[
"digits-16-30 (classification)",
"board-digits-16-30-classification.html"
],
[
"digits-16-400 (classification)",
"board-digits-16-400-classification.html"
],
[
"digits-by-size (classification)",
"board-digits-by-size-classification.html"
],
[
"digits-high-100 (classification)",
"board-digits-high-100-classification.html"
],
[
"digits-high-25 (classification)",
"board-digits-high-25-classification.html"
],
[
"digits-high-400 (classification)",
"board-digits-high-400-classification.html"
],
[
"digits-low (classification)",
"board-digits-low-classification.html"
],
[
"docstrings (classification)",
"board-docstrings-classification.html"
],
[
"docstrings-spelled (classification)",
"board-docstrings-spelled-classification.html"
],
[
"elastic_net",
"choice-regularizer-elastic_net.html"
],
[
"elastic_net (regularizer)",
"choice-regularizer-elastic_net.html"
],
[
"elmo",
"architecture-elmo.html"
],
[
"elmo (letter 8, filters [[1, 8], [2, 16], [3, 32], [4, 32]], units 96, width 48, length 37)",
"architecture-elmo.html"
],
[
"elmo-prose",
"architecture-elmo.html"
],
[
"elmo_classifier",
"architecture-elmo_classifier.html"
],
[
"elmo_classifier (letter 8, filters [[1, 8], [2, 16], [3, 32], [4, 32]], units 96, width 48)",
"architecture-elmo_classifier.html"
],
[
"elmo_classifier-docstrings",
"architecture-elmo_classifier.html"
],
[
"elu",
"choice-activation-elu.html"
],
[
"elu (activation)",
"choice-activation-elu.html"
],
[
"exponential",
"choice-schedule-exponential.html"
],
[
"exponential (schedule)",
"choice-schedule-exponential.html"
],
[
"fast_rcnn",
"architecture-fast_rcnn.html"
],
[
"fast_rcnn (convs [1, 1, 2], width 16, pool [4], dense_width 128, 64 pixels)",
"architecture-fast_rcnn.html"
],
[
"fast_rcnn-balloons",
"architecture-fast_rcnn.html"
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
"faster_rcnn_vgg16",
"architecture-faster_rcnn_vgg16.html"
],
[
"faster_rcnn_vgg16 (convs [1, 1, 2], width 16, channels 32, pool 4, dense_width 128, 64 pixels)",
"architecture-faster_rcnn_vgg16.html"
],
[
"faster_rcnn_vgg16-balloons",
"architecture-faster_rcnn_vgg16.html"
],
[
"fc_densenet103",
"architecture-fc_densenet103.html"
],
[
"fc_densenet103 (blocks [2, 3, 4, 5], growth 8, stem_width 12, 64 pixels)",
"architecture-fc_densenet103.html"
],
[
"fc_densenet103-balloons",
"architecture-fc_densenet103.html"
],
[
"fc_densenet56",
"architecture-fc_densenet56.html"
],
[
"fc_densenet56 (blocks [2, 2, 2, 2], growth 8, stem_width 12, 64 pixels)",
"architecture-fc_densenet56.html"
],
[
"fc_densenet56-balloons",
"architecture-fc_densenet56.html"
],
[
"fc_densenet67",
"architecture-fc_densenet67.html"
],
[
"fc_densenet67 (blocks [2, 3, 3, 3], growth 8, stem_width 12, 64 pixels)",
"architecture-fc_densenet67.html"
],
[
"fc_densenet67-balloons",
"architecture-fc_densenet67.html"
],
[
"fcn16s",
"architecture-fcn16s.html"
],
[
"fcn16s (convs [2, 2, 3], width 12, dense_width 64, window 3, padding same, 64 pixels)",
"architecture-fcn16s.html"
],
[
"fcn16s-balloons",
"architecture-fcn16s.html"
],
[
"fcn32s",
"architecture-fcn32s.html"
],
[
"fcn32s (convs [2, 2, 3], width 16, dense_width 64, window 3, padding same, 64 pixels)",
"architecture-fcn32s.html"
],
[
"fcn32s-balloons",
"architecture-fcn32s.html"
],
[
"fcn8s",
"architecture-fcn8s.html"
],
[
"fcn8s (convs [2, 2, 3], width 12, dense_width 64, window 3, padding same, 64 pixels)",
"architecture-fcn8s.html"
],
[
"fcn8s-balloons",
"architecture-fcn8s.html"
],
[
"fcn8s-balloons-noisy",
"architecture-fcn8s.html"
],
[
"fcn8s-balloons-plain",
"architecture-fcn8s.html"
],
[
"fcn_resnet50",
"architecture-fcn_resnet50.html"
],
[
"fcn_resnet50 (blocks [1, 1, 1], block basic, width 16, no stem_pool, output_stride 4, 64 pixels)",
"architecture-fcn_resnet50.html"
],
[
"fcn_resnet50-balloons",
"architecture-fcn_resnet50.html"
],
[
"gelu",
"choice-activation-gelu.html"
],
[
"gelu (activation)",
"choice-activation-gelu.html"
],
[
"gelu_tanh",
"choice-activation-gelu_tanh.html"
],
[
"gelu_tanh (activation)",
"choice-activation-gelu_tanh.html"
],
[
"glove",
"architecture-glove.html"
],
[
"glove (embedding 32)",
"architecture-glove.html"
],
[
"glove-prose",
"architecture-glove.html"
],
[
"googlenet",
"architecture-googlenet.html"
],
[
"googlenet (modules [1, 4], width 16, dense_width 64, stem_stride 1, 32 pixels)",
"architecture-googlenet.html"
],
[
"googlenet-shifted",
"architecture-googlenet.html"
],
[
"group",
"choice-normalization-group.html"
],
[
"group (normalization)",
"choice-normalization-group.html"
],
[
"gru",
"architecture-gru.html"
],
[
"gru (units 32)",
"architecture-gru.html"
],
[
"gru (units 64, every_step, length 90)",
"architecture-gru.html"
],
[
"gru-adding",
"architecture-gru.html"
],
[
"gru-copying",
"architecture-gru.html"
],
[
"gru_simplified",
"architecture-gru_simplified.html"
],
[
"gru_simplified (units 64, every_step, length 90)",
"architecture-gru_simplified.html"
],
[
"gru_simplified-copying",
"architecture-gru_simplified.html"
],
[
"he_normal",
"choice-initializer-he_normal.html"
],
[
"he_normal (initializer)",
"choice-initializer-he_normal.html"
],
[
"he_uniform",
"choice-initializer-he_uniform.html"
],
[
"he_uniform (initializer)",
"choice-initializer-he_uniform.html"
],
[
"inception_resnet_v1",
"architecture-inception_resnet_v1.html"
],
[
"inception_resnet_v1 (width 8, blocks [1, 1, 1], small_stem, 32 pixels)",
"architecture-inception_resnet_v1.html"
],
[
"inception_resnet_v1-shifted",
"architecture-inception_resnet_v1.html"
],
[
"inception_resnet_v2",
"architecture-inception_resnet_v2.html"
],
[
"inception_resnet_v2 (width 8, blocks [1, 1, 1], small_stem, 32 pixels)",
"architecture-inception_resnet_v2.html"
],
[
"inception_resnet_v2-shifted",
"architecture-inception_resnet_v2.html"
],
[
"inception_v2",
"architecture-inception_v2.html"
],
[
"inception_v2 (modules [1, 2], width 16, stem_stride 1, 32 pixels)",
"architecture-inception_v2.html"
],
[
"inception_v2-shifted",
"architecture-inception_v2.html"
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
"inception_v3-shifted",
"architecture-inception_v3.html"
],
[
"inception_v4",
"architecture-inception_v4.html"
],
[
"inception_v4 (width 8, blocks [1, 1, 1], small_stem, 32 pixels)",
"architecture-inception_v4.html"
],
[
"inception_v4-shifted",
"architecture-inception_v4.html"
],
[
"instance",
"choice-normalization-instance.html"
],
[
"instance (normalization)",
"choice-normalization-instance.html"
],
[
"inverse_sqrt",
"choice-initializer-inverse_sqrt.html"
],
[
"inverse_sqrt (initializer)",
"choice-initializer-inverse_sqrt.html"
],
[
"inverse_sqrt_epoch",
"choice-schedule-inverse_sqrt_epoch.html"
],
[
"inverse_sqrt_epoch (schedule)",
"choice-schedule-inverse_sqrt_epoch.html"
],
[
"inverse_sqrt_step",
"choice-schedule-inverse_sqrt_step.html"
],
[
"inverse_sqrt_step (schedule)",
"choice-schedule-inverse_sqrt_step.html"
],
[
"inverse_time",
"choice-schedule-inverse_time.html"
],
[
"inverse_time (schedule)",
"choice-schedule-inverse_time.html"
],
[
"knn",
"architecture-knn.html"
],
[
"knn (32 pixels)",
"architecture-knn.html"
],
[
"knn-shifted",
"architecture-knn.html"
],
[
"l1",
"choice-regularizer-l1.html"
],
[
"l1 (regularizer)",
"choice-regularizer-l1.html"
],
[
"l2",
"choice-regularizer-l2.html"
],
[
"l2 (regularizer)",
"choice-regularizer-l2.html"
],
[
"label_smoothing",
"choice-augmentation-label_smoothing.html"
],
[
"label_smoothing (augmentation)",
"choice-augmentation-label_smoothing.html"
],
[
"lamb",
"choice-optimizer-lamb.html"
],
[
"lamb (optimizer)",
"choice-optimizer-lamb.html"
],
[
"landmarks",
"architecture-landmarks.html"
],
[
"landmarks (widths [16, 32, 48, 48, 32], dense_width 256, groups 1, stem [5, 2], 64 pixels)",
"architecture-landmarks.html"
],
[
"landmarks-near",
"architecture-landmarks.html"
],
[
"lars",
"choice-optimizer-lars.html"
],
[
"lars (optimizer)",
"choice-optimizer-lars.html"
],
[
"layer",
"choice-normalization-layer.html"
],
[
"layer (normalization)",
"choice-normalization-layer.html"
],
[
"lbfgs",
"choice-optimizer-lbfgs.html"
],
[
"lbfgs (optimizer)",
"choice-optimizer-lbfgs.html"
],
[
"leaky_relu",
"choice-activation-leaky_relu.html"
],
[
"leaky_relu (activation)",
"choice-activation-leaky_relu.html"
],
[
"lecun_normal",
"choice-initializer-lecun_normal.html"
],
[
"lecun_normal (initializer)",
"choice-initializer-lecun_normal.html"
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
"lenet5 (paper), lenet5-digits-high-100",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-100-all",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-100-head",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-100-last3",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-25",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-25-all",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-25-head",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-25-last3",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-400",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-400-all",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-400-head",
"architecture-lenet5.html"
],
[
"lenet5 (paper), lenet5-digits-high-400-last3",
"architecture-lenet5.html"
],
[
"lenet5 (units [60, 42], 16 pixels)",
"architecture-lenet5.html"
],
[
"lenet5-digits-by-size",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-100",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-100-all",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-100-head",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-100-last3",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-25",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-25-all",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-25-head",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-25-last3",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-400",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-400-all",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-400-head",
"architecture-lenet5.html"
],
[
"lenet5-digits-high-400-last3",
"architecture-lenet5.html"
],
[
"lenet5-digits-low",
"architecture-lenet5.html"
],
[
"lenet5-shifted",
"architecture-lenet5.html"
],
[
"lenet5_1998",
"architecture-lenet5_1998.html"
],
[
"lenet5_1998 (paper)",
"architecture-lenet5_1998.html"
],
[
"lenet5_1998-shifted",
"architecture-lenet5_1998.html"
],
[
"linear",
"choice-activation-linear.html"
],
[
"linear (activation)",
"choice-activation-linear.html"
],
[
"linear_scaling",
"choice-schedule-linear_scaling.html"
],
[
"linear_scaling (schedule)",
"choice-schedule-linear_scaling.html"
],
[
"linear_svm",
"architecture-linear_svm.html"
],
[
"linear_svm (32 pixels), svm-shifted",
"architecture-linear_svm.html"
],
[
"linear_svm (32 pixels), svm_squared-shifted",
"architecture-linear_svm.html"
],
[
"lion",
"choice-optimizer-lion.html"
],
[
"lion (optimizer)",
"choice-optimizer-lion.html"
],
[
"local_response",
"choice-normalization-local_response.html"
],
[
"local_response (normalization)",
"choice-normalization-local_response.html"
],
[
"localization",
"architecture-localization.html"
],
[
"localization (convs [1, 1, 1, 1], width 8, dense_width 128, 64 pixels)",
"architecture-localization.html"
],
[
"localization-balloon-or-none",
"architecture-localization.html"
],
[
"logistic-balloons",
"architecture-logistic_regression.html"
],
[
"logistic-cancer",
"architecture-logistic_regression.html"
],
[
"logistic_regression",
"architecture-logistic_regression.html"
],
[
"logistic_regression (30 numbers)",
"architecture-logistic_regression.html"
],
[
"logistic_regression (64 pixels)",
"architecture-logistic_regression.html"
],
[
"lstm",
"architecture-lstm.html"
],
[
"lstm (units 32)",
"architecture-lstm.html"
],
[
"lstm (units 64, every_step, length 90)",
"architecture-lstm.html"
],
[
"lstm-adding",
"architecture-lstm.html"
],
[
"lstm-copying",
"architecture-lstm.html"
],
[
"lstm_peephole",
"architecture-lstm_peephole.html"
],
[
"lstm_peephole (units 64, every_step, length 90)",
"architecture-lstm_peephole.html"
],
[
"lstm_peephole-copying",
"architecture-lstm_peephole.html"
],
[
"luong",
"architecture-luong.html"
],
[
"luong (units 128, embedding 24, depth 1, score concat)",
"architecture-luong.html"
],
[
"luong-dates",
"architecture-luong.html"
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
"max_norm",
"choice-regularizer-max_norm.html"
],
[
"max_norm (regularizer)",
"choice-regularizer-max_norm.html"
],
[
"maxout",
"choice-activation-maxout.html"
],
[
"maxout (activation)",
"choice-activation-maxout.html"
],
[
"maxout-shifted",
"architecture-maxout_mlp.html"
],
[
"maxout_mlp",
"architecture-maxout_mlp.html"
],
[
"maxout_mlp (units [60, 60], 32 pixels)",
"architecture-maxout_mlp.html"
],
[
"mish",
"choice-activation-mish.html"
],
[
"mish (activation)",
"choice-activation-mish.html"
],
[
"mixup",
"choice-augmentation-mixup.html"
],
[
"mixup (augmentation)",
"choice-augmentation-mixup.html"
],
[
"mlp",
"architecture-mlp.html"
],
[
"mlp (units [128, 128, 128], 16 pixels), mlp-digits-100",
"architecture-mlp.html"
],
[
"mlp (units [128, 128, 128], 16 pixels), mlp-digits-100-pretrained",
"architecture-mlp.html"
],
[
"mlp (units [128, 128, 128], 16 pixels), mlp-digits-30",
"architecture-mlp.html"
],
[
"mlp (units [128, 128, 128], 16 pixels), mlp-digits-30-pretrained",
"architecture-mlp.html"
],
[
"mlp (units [128, 128, 128], 16 pixels), mlp-digits-400",
"architecture-mlp.html"
],
[
"mlp (units [128, 128, 128], 16 pixels), mlp-digits-400-pretrained",
"architecture-mlp.html"
],
[
"mlp (units [128, 128], 32 pixels)",
"architecture-mlp.html"
],
[
"mlp-digits-100",
"architecture-mlp.html"
],
[
"mlp-digits-100-pretrained",
"architecture-mlp.html"
],
[
"mlp-digits-30",
"architecture-mlp.html"
],
[
"mlp-digits-30-pretrained",
"architecture-mlp.html"
],
[
"mlp-digits-400",
"architecture-mlp.html"
],
[
"mlp-digits-400-pretrained",
"architecture-mlp.html"
],
[
"mlp-shifted",
"architecture-mlp.html"
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
"moving (classification)",
"board-moving-classification.html"
],
[
"muon",
"choice-optimizer-muon.html"
],
[
"muon (optimizer)",
"choice-optimizer-muon.html"
],
[
"nadam",
"choice-optimizer-nadam.html"
],
[
"nadam (optimizer)",
"choice-optimizer-nadam.html"
],
[
"nas_cell",
"architecture-nas_cell.html"
],
[
"nas_cell (cells 1, width 12)",
"architecture-nas_cell.html"
],
[
"nas_cell-shifted",
"architecture-nas_cell.html"
],
[
"nasnet_mobile",
"architecture-nasnet_mobile.html"
],
[
"nasnet_mobile (repeats 1, filters 16, stem_width 16, stem_cells 1, 32 pixels)",
"architecture-nasnet_mobile.html"
],
[
"nasnet_mobile-shifted",
"architecture-nasnet_mobile.html"
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
"neural_lm",
"architecture-neural_lm.html"
],
[
"neural_lm (order 4, units 64)",
"architecture-neural_lm.html"
],
[
"neural_lm-prose",
"architecture-neural_lm.html"
],
[
"ngram",
"architecture-ngram.html"
],
[
"ngram (order 1)",
"architecture-ngram.html"
],
[
"ngram (order 2, smoothing add_k)",
"architecture-ngram.html"
],
[
"ngram (paper)",
"architecture-ngram.html"
],
[
"ngram-add-k-prose",
"architecture-ngram.html"
],
[
"ngram-prose",
"architecture-ngram.html"
],
[
"noam",
"choice-schedule-noam.html"
],
[
"noam (schedule)",
"choice-schedule-noam.html"
],
[
"none (normalization)",
"choice-normalization-none.html"
],
[
"one_cycle",
"choice-schedule-one_cycle.html"
],
[
"one_cycle (schedule)",
"choice-schedule-one_cycle.html"
],
[
"orthogonal",
"choice-initializer-orthogonal.html"
],
[
"orthogonal (initializer)",
"choice-initializer-orthogonal.html"
],
[
"overfeat",
"architecture-overfeat.html"
],
[
"overfeat (widths [12, 32, 48, 48], dense_widths [128, 128], kernels [5, 3], stride 1, pools [2, 2, 1], window 2, padding valid, 32 pixels)",
"architecture-overfeat.html"
],
[
"overfeat-shifted",
"architecture-overfeat.html"
],
[
"overfeat_accurate",
"architecture-overfeat_accurate.html"
],
[
"overfeat_accurate (widths [12, 32, 32, 48, 48], dense_widths [128, 128], kernels [5, 3], stride 1, pools [2, 2, 3], window 2, 32 pixels)",
"architecture-overfeat_accurate.html"
],
[
"overfeat_accurate-shifted",
"architecture-overfeat_accurate.html"
],
[
"overlapping (multi label)",
"board-overlapping-multi_label.html"
],
[
"overlapping (overlapping capsules)",
"board-overlapping-overlapping_capsules.html"
],
[
"pair (style transfer)",
"board-pair-style_transfer.html"
],
[
"piecewise",
"choice-schedule-piecewise.html"
],
[
"piecewise (schedule)",
"choice-schedule-piecewise.html"
],
[
"plain20",
"architecture-plain20.html"
],
[
"plain20 (widths [8, 16, 32], 16 pixels)",
"architecture-plain20.html"
],
[
"plain20-shifted-16",
"architecture-plain20.html"
],
[
"plain56",
"architecture-plain56.html"
],
[
"plain56 (widths [8, 16, 32], 16 pixels)",
"architecture-plain56.html"
],
[
"plain56-shifted-16",
"architecture-plain56.html"
],
[
"polynomial",
"choice-schedule-polynomial.html"
],
[
"polynomial (schedule)",
"choice-schedule-polynomial.html"
],
[
"preact_resnet101",
"architecture-preact_resnet101.html"
],
[
"preact_resnet101 (blocks [1, 1, 5, 1], width 16, 32 pixels)",
"architecture-preact_resnet101.html"
],
[
"preact_resnet101-shifted",
"architecture-preact_resnet101.html"
],
[
"preact_resnet110",
"architecture-preact_resnet110.html"
],
[
"preact_resnet110 (blocks 9, widths [8, 16, 32], 16 pixels)",
"architecture-preact_resnet110.html"
],
[
"preact_resnet110-shifted-16",
"architecture-preact_resnet110.html"
],
[
"preact_resnet152",
"architecture-preact_resnet152.html"
],
[
"preact_resnet152 (blocks [1, 2, 8, 1], width 16, 32 pixels)",
"architecture-preact_resnet152.html"
],
[
"preact_resnet152-shifted",
"architecture-preact_resnet152.html"
],
[
"preact_resnet164",
"architecture-preact_resnet164.html"
],
[
"preact_resnet164 (blocks 6, widths [8, 16, 32], 16 pixels)",
"architecture-preact_resnet164.html"
],
[
"preact_resnet164-shifted-16",
"architecture-preact_resnet164.html"
],
[
"preact_resnet18",
"architecture-preact_resnet18.html"
],
[
"preact_resnet18 (width 16, 32 pixels)",
"architecture-preact_resnet18.html"
],
[
"preact_resnet18-shifted",
"architecture-preact_resnet18.html"
],
[
"preact_resnet34",
"architecture-preact_resnet34.html"
],
[
"preact_resnet34 (blocks [2, 3, 4, 2], width 16, 32 pixels)",
"architecture-preact_resnet34.html"
],
[
"preact_resnet34-shifted",
"architecture-preact_resnet34.html"
],
[
"preact_resnet50",
"architecture-preact_resnet50.html"
],
[
"preact_resnet50 (blocks [1, 2, 3, 1], width 16, 32 pixels)",
"architecture-preact_resnet50.html"
],
[
"preact_resnet50-shifted",
"architecture-preact_resnet50.html"
],
[
"prelu",
"choice-activation-prelu.html"
],
[
"prelu (activation)",
"choice-activation-prelu.html"
],
[
"prose (language modelling)",
"board-prose-language_modelling.html"
],
[
"prose (masked language modelling)",
"board-prose-masked_language_modelling.html"
],
[
"prose (word vectors)",
"board-prose-word_vectors.html"
],
[
"prose-pairs (cooccurrence)",
"board-prose-pairs-cooccurrence.html"
],
[
"prose-spelled (bidirectional language modelling)",
"board-prose-spelled-bidirectional_language_modelling.html"
],
[
"rcnn",
"architecture-rcnn.html"
],
[
"rcnn (side 40, widths [16, 32, 48, 48, 32], dense_width 128, stem [5, 2], 64 pixels)",
"architecture-rcnn.html"
],
[
"rcnn-balloons",
"architecture-rcnn.html"
],
[
"rcnn_svm",
"architecture-rcnn_svm.html"
],
[
"rcnn_svm (side 40, widths [16, 32, 48, 48, 32], dense_width 128, stem [5, 2], 64 pixels)",
"architecture-rcnn_svm.html"
],
[
"rcnn_svm-balloons",
"architecture-rcnn_svm.html"
],
[
"reduce_on_plateau",
"choice-schedule-reduce_on_plateau.html"
],
[
"reduce_on_plateau (schedule)",
"choice-schedule-reduce_on_plateau.html"
],
[
"relu",
"choice-activation-relu.html"
],
[
"relu (activation)",
"choice-activation-relu.html"
],
[
"relu6",
"choice-activation-relu6.html"
],
[
"relu6 (activation)",
"choice-activation-relu6.html"
],
[
"resnet101",
"architecture-resnet101.html"
],
[
"resnet101 (blocks [1, 1, 5, 1], width 16, 32 pixels)",
"architecture-resnet101.html"
],
[
"resnet101-shifted",
"architecture-resnet101.html"
],
[
"resnet110",
"architecture-resnet110.html"
],
[
"resnet110 (widths [8, 16, 32], 16 pixels)",
"architecture-resnet110.html"
],
[
"resnet110-shifted-16",
"architecture-resnet110.html"
],
[
"resnet152",
"architecture-resnet152.html"
],
[
"resnet152 (blocks [1, 2, 8, 1], width 16, 32 pixels)",
"architecture-resnet152.html"
],
[
"resnet152-shifted",
"architecture-resnet152.html"
],
[
"resnet18",
"architecture-resnet18.html"
],
[
"resnet18 (width 16, 32 pixels)",
"architecture-resnet18.html"
],
[
"resnet18 (width 8, 64 pixels)",
"architecture-resnet18.html"
],
[
"resnet18-balloons-color",
"architecture-resnet18.html"
],
[
"resnet18-balloons-count",
"architecture-resnet18.html"
],
[
"resnet18-balloons-present",
"architecture-resnet18.html"
],
[
"resnet18-balloons-together",
"architecture-resnet18.html"
],
[
"resnet18-balloons-together: one trunk for its 3 heads, or a net each?",
"heads-resnet18-balloons-together.html"
],
[
"resnet18-shifted",
"architecture-resnet18.html"
],
[
"resnet20",
"architecture-resnet20.html"
],
[
"resnet20 (widths [8, 16, 32], 16 pixels)",
"architecture-resnet20.html"
],
[
"resnet20-shifted-16",
"architecture-resnet20.html"
],
[
"resnet32",
"architecture-resnet32.html"
],
[
"resnet32 (widths [8, 16, 32], 16 pixels)",
"architecture-resnet32.html"
],
[
"resnet32-shifted-16",
"architecture-resnet32.html"
],
[
"resnet34",
"architecture-resnet34.html"
],
[
"resnet34 (blocks [2, 3, 4, 2], width 16, 32 pixels)",
"architecture-resnet34.html"
],
[
"resnet34-shifted",
"architecture-resnet34.html"
],
[
"resnet44",
"architecture-resnet44.html"
],
[
"resnet44 (widths [8, 16, 32], 16 pixels)",
"architecture-resnet44.html"
],
[
"resnet44-shifted-16",
"architecture-resnet44.html"
],
[
"resnet50",
"architecture-resnet50.html"
],
[
"resnet50 (blocks [1, 2, 3, 1], width 16, 32 pixels)",
"architecture-resnet50.html"
],
[
"resnet50-shifted",
"architecture-resnet50.html"
],
[
"resnet56",
"architecture-resnet56.html"
],
[
"resnet56 (widths [8, 16, 32], 16 pixels)",
"architecture-resnet56.html"
],
[
"resnet56-shifted-16",
"architecture-resnet56.html"
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
"rnn",
"architecture-rnn.html"
],
[
"rnn (units 32)",
"architecture-rnn.html"
],
[
"rnn (units 64, every_step, length 90)",
"architecture-rnn.html"
],
[
"rnn-adding",
"architecture-rnn.html"
],
[
"rnn-copying",
"architecture-rnn.html"
],
[
"scaled_tanh",
"choice-activation-scaled_tanh.html"
],
[
"scaled_tanh (activation)",
"choice-activation-scaled_tanh.html"
],
[
"selu",
"choice-activation-selu.html"
],
[
"selu (activation)",
"choice-activation-selu.html"
],
[
"sentences (sentence pairs)",
"board-sentences-sentence_pairs.html"
],
[
"seq2seq",
"architecture-seq2seq.html"
],
[
"seq2seq (units 128, embedding 24, depth 1)",
"architecture-seq2seq.html"
],
[
"seq2seq-dates",
"architecture-seq2seq.html"
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
"shift",
"choice-augmentation-shift.html"
],
[
"shift (augmentation)",
"choice-augmentation-shift.html"
],
[
"shifted (classification)",
"board-shifted-classification.html"
],
[
"shifted-16 (classification)",
"board-shifted-16-classification.html"
],
[
"siamese",
"architecture-siamese.html"
],
[
"siamese (widths [16, 32], sizes [3, 3], dense_width 64, 16 pixels)",
"architecture-siamese.html"
],
[
"siamese (widths [16, 32], sizes [3, 3], dense_width 64, difference chi_square, 16 pixels)",
"architecture-siamese.html"
],
[
"siamese (widths [16, 32], sizes [3, 3], dense_width 64, no difference, 16 pixels)",
"architecture-siamese.html"
],
[
"siamese-digits",
"architecture-siamese.html"
],
[
"siamese_chi_square-digits",
"architecture-siamese.html"
],
[
"siamese_contrastive-digits",
"architecture-siamese.html"
],
[
"sigmoid",
"choice-activation-sigmoid.html"
],
[
"sigmoid (activation)",
"choice-activation-sigmoid.html"
],
[
"silu",
"choice-activation-silu.html"
],
[
"silu (activation)",
"choice-activation-silu.html"
],
[
"skipgram",
"architecture-skipgram.html"
],
[
"skipgram (embedding 32, 35 numbers)",
"architecture-skipgram.html"
],
[
"skipgram-prose",
"architecture-skipgram.html"
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
"sliding_window",
"architecture-sliding_window.html"
],
[
"sliding_window (dense_width 128, window 6, 16 pixels)",
"architecture-sliding_window.html"
],
[
"sliding_window-shifted-16",
"architecture-sliding_window.html"
],
[
"small_normal",
"choice-initializer-small_normal.html"
],
[
"small_normal (initializer)",
"choice-initializer-small_normal.html"
],
[
"softmax",
"choice-activation-softmax.html"
],
[
"softmax (activation)",
"choice-activation-softmax.html"
],
[
"softmax-moving",
"architecture-softmax_regression.html"
],
[
"softmax-shifted",
"architecture-softmax_regression.html"
],
[
"softmax-shifted-16",
"architecture-softmax_regression.html"
],
[
"softmax_regression",
"architecture-softmax_regression.html"
],
[
"softmax_regression (16 pixels)",
"architecture-softmax_regression.html"
],
[
"softmax_regression (32 pixels)",
"architecture-softmax_regression.html"
],
[
"softmax_regression (8 frames of 16 pixels)",
"architecture-softmax_regression.html"
],
[
"softplus",
"choice-activation-softplus.html"
],
[
"softplus (activation)",
"choice-activation-softplus.html"
],
[
"spectral",
"choice-normalization-spectral.html"
],
[
"spectral (normalization)",
"choice-normalization-spectral.html"
],
[
"sppnet",
"architecture-sppnet.html"
],
[
"sppnet (widths [12, 32, 48, 48, 32], dense_width 128, strides [1, 1], bins [3, 2, 1], 32 pixels)",
"architecture-sppnet.html"
],
[
"sppnet-shifted",
"architecture-sppnet.html"
],
[
"stacked_1-digits",
"architecture-stacked_autoencoder.html"
],
[
"stacked_2-digits",
"architecture-stacked_autoencoder.html"
],
[
"stacked_3-digits",
"architecture-stacked_autoencoder.html"
],
[
"stacked_autoencoder",
"architecture-stacked_autoencoder.html"
],
[
"stacked_autoencoder (units [128, 128, 128], 16 pixels)",
"architecture-stacked_autoencoder.html"
],
[
"stacked_autoencoder (units [128, 128], 16 pixels)",
"architecture-stacked_autoencoder.html"
],
[
"stacked_autoencoder (units [128], 16 pixels)",
"architecture-stacked_autoencoder.html"
],
[
"staircase",
"choice-schedule-staircase.html"
],
[
"staircase (schedule)",
"choice-schedule-staircase.html"
],
[
"style_transfer",
"architecture-style_transfer.html"
],
[
"style_transfer (convs [1, 1, 2, 2, 2], width 8, content_maps [\"conv2_1\"], 64 pixels), style_transfer-pair-adam",
"architecture-style_transfer.html"
],
[
"style_transfer (convs [1, 1, 2, 2, 2], width 8, content_maps [\"conv2_1\"], 64 pixels), style_transfer-pair-lbfgs",
"architecture-style_transfer.html"
],
[
"style_transfer-pair-adam",
"architecture-style_transfer.html"
],
[
"style_transfer-pair-lbfgs",
"architecture-style_transfer.html"
],
[
"svm-shifted",
"architecture-linear_svm.html"
],
[
"svm_squared-shifted",
"architecture-linear_svm.html"
],
[
"tanh",
"choice-activation-tanh.html"
],
[
"tanh (activation)",
"choice-activation-tanh.html"
],
[
"text_cnn",
"architecture-text_cnn.html"
],
[
"text_cnn (embedding 48, maps 32)",
"architecture-text_cnn.html"
],
[
"text_cnn-docstrings",
"architecture-text_cnn.html"
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
"transformer_big",
"architecture-transformer_big.html"
],
[
"transformer_big (width 96, hidden 192, heads 6, depth 2)",
"architecture-transformer_big.html"
],
[
"transformer_big-dates",
"architecture-transformer_big.html"
],
[
"transformer_xl",
"architecture-transformer_xl.html"
],
[
"transformer_xl (width 64, hidden 128, heads 4, depth 2, kept 35, 35 numbers)",
"architecture-transformer_xl.html"
],
[
"transformer_xl-prose",
"architecture-transformer_xl.html"
],
[
"triplet",
"architecture-triplet.html"
],
[
"triplet (widths [16, 32], sizes [3, 3], 16 pixels), triplet_hard-digits",
"architecture-triplet.html"
],
[
"triplet (widths [16, 32], sizes [3, 3], 16 pixels), triplet_random-digits",
"architecture-triplet.html"
],
[
"triplet (widths [16, 32], sizes [3, 3], 16 pixels), triplet_semi_hard-digits",
"architecture-triplet.html"
],
[
"triplet_hard-digits",
"architecture-triplet.html"
],
[
"triplet_random-digits",
"architecture-triplet.html"
],
[
"triplet_semi_hard-digits",
"architecture-triplet.html"
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
"unigram-prose",
"architecture-ngram.html"
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
"vgg11-shifted",
"architecture-vgg11.html"
],
[
"vgg13",
"architecture-vgg13.html"
],
[
"vgg13 (width 8, dense_width 64, 32 pixels)",
"architecture-vgg13.html"
],
[
"vgg13-shifted",
"architecture-vgg13.html"
],
[
"vgg16",
"architecture-vgg16.html"
],
[
"vgg16 (width 8, dense_width 64, 32 pixels)",
"architecture-vgg16.html"
],
[
"vgg16-shifted",
"architecture-vgg16.html"
],
[
"vgg19",
"architecture-vgg19.html"
],
[
"vgg19 (width 8, dense_width 64, 32 pixels)",
"architecture-vgg19.html"
],
[
"vgg19-shifted",
"architecture-vgg19.html"
],
[
"warmup",
"choice-schedule-warmup.html"
],
[
"warmup (schedule)",
"choice-schedule-warmup.html"
],
[
"weight",
"choice-normalization-weight.html"
],
[
"weight (normalization)",
"choice-normalization-weight.html"
],
[
"xavier_normal",
"choice-initializer-xavier_normal.html"
],
[
"xavier_normal (initializer)",
"choice-initializer-xavier_normal.html"
],
[
"xavier_uniform",
"choice-initializer-xavier_uniform.html"
],
[
"xavier_uniform (initializer)",
"choice-initializer-xavier_uniform.html"
],
[
"yolo_v1",
"architecture-yolo_v1.html"
],
[
"yolo_v1 (grid 4, width 8, dense_width 256, stages 3, small_stem, 64 pixels)",
"architecture-yolo_v1.html"
],
[
"yolo_v1-balloons",
"architecture-yolo_v1.html"
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
],
[
"zeros",
"choice-initializer-zeros.html"
],
[
"zeros (initializer)",
"choice-initializer-zeros.html"
],
[
"zfnet",
"architecture-zfnet.html"
],
[
"zfnet (widths [12, 32, 48, 48, 32], dense_width 128, strides [1, 1], 32 pixels)",
"architecture-zfnet.html"
],
[
"zfnet-shifted",
"architecture-zfnet.html"
]
];
