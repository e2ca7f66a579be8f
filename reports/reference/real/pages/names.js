const NAMES = [
[
"All architectures",
"architectures.html"
],
[
"Along borders: isbi2012",
"borders-isbi2012.html"
],
[
"Classes of pixels: isbi2012",
"class-iou-isbi2012.html"
],
[
"Data set ag_news",
"data-ag_news.html"
],
[
"Data set ag_news-pairs",
"data-ag_news-pairs.html"
],
[
"Data set bccd",
"data-bccd.html"
],
[
"Data set brown",
"data-brown.html"
],
[
"Data set brown-lower",
"data-brown-lower.html"
],
[
"Data set characters",
"data-characters.html"
],
[
"Data set cifar10",
"data-cifar10.html"
],
[
"Data set clothes",
"data-clothes.html"
],
[
"Data set clothes-10000",
"data-clothes-10000.html"
],
[
"Data set digits",
"data-digits.html"
],
[
"Data set isbi2012",
"data-isbi2012.html"
],
[
"Data set mnist",
"data-mnist.html"
],
[
"Data set mnist-100",
"data-mnist-100.html"
],
[
"Data set mnist-1000",
"data-mnist-1000.html"
],
[
"Data set mnist-10000",
"data-mnist-10000.html"
],
[
"Data set multi30k",
"data-multi30k.html"
],
[
"Data set omniglot",
"data-omniglot.html"
],
[
"Data set tiny_shakespeare",
"data-tiny_shakespeare.html"
],
[
"Data sets",
"data-sets.html"
],
[
"Diagnosis: what to do next",
"diagnosis.html"
],
[
"Expected and found",
"expectations.html"
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
"How well text is foretold: tiny_shakespeare",
"foretelling-tiny_shakespeare-language_modelling.html"
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
"Runs that did not finish",
"gaps.html"
],
[
"The family tree",
"family-tree.html"
],
[
"What is found: bccd",
"detections-bccd.html"
],
[
"What ran where",
"where.html"
],
[
"Which network on ag_news (classification)?",
"board-ag_news-classification.html"
],
[
"Which network on clothes (classification)?",
"board-clothes-classification.html"
],
[
"Which network on digits (classification)?",
"board-digits-classification.html"
],
[
"Which network on tiny_shakespeare (language modelling)?",
"board-tiny_shakespeare-language_modelling.html"
],
[
"XLA on and off",
"xla.html"
],
[
"ag_news (classification)",
"board-ag_news-classification.html"
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
"bag_of_words-ag_news",
"architecture-bag_of_words.html"
],
[
"bccd (detection)",
"board-bccd-detection.html"
],
[
"bccd (region detection)",
"board-bccd-region_detection.html"
],
[
"clothes (classification)",
"board-clothes-classification.html"
],
[
"digits (classification)",
"board-digits-classification.html"
],
[
"faster_rcnn_fpn",
"architecture-faster_rcnn_fpn.html"
],
[
"faster_rcnn_fpn (block basic, blocks [1, 1, 1, 1], width 16, channels 32, pool 5, hidden 128, 192 x 256 pixels)",
"architecture-faster_rcnn_fpn.html"
],
[
"faster_rcnn_fpn-bccd",
"architecture-faster_rcnn_fpn.html"
],
[
"isbi2012 (segmentation)",
"board-isbi2012-segmentation.html"
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
"lenet5-fashion",
"architecture-lenet5.html"
],
[
"lenet5-mnist",
"architecture-lenet5.html"
],
[
"linear_svm",
"architecture-linear_svm.html"
],
[
"linear_svm (32 pixels)",
"architecture-linear_svm.html"
],
[
"maxout-fashion",
"architecture-maxout_mlp.html"
],
[
"maxout-mnist",
"architecture-maxout_mlp.html"
],
[
"maxout_mlp",
"architecture-maxout_mlp.html"
],
[
"maxout_mlp (units [120, 120], 32 pixels)",
"architecture-maxout_mlp.html"
],
[
"mlp",
"architecture-mlp.html"
],
[
"mlp (units [256, 256], 32 pixels)",
"architecture-mlp.html"
],
[
"mlp-fashion",
"architecture-mlp.html"
],
[
"mlp-mnist",
"architecture-mlp.html"
],
[
"ngram",
"architecture-ngram.html"
],
[
"ngram (order 1, 64 numbers)",
"architecture-ngram.html"
],
[
"ngram (order 6, positions 1100000, 64 numbers)",
"architecture-ngram.html"
],
[
"ngram-tiny_shakespeare",
"architecture-ngram.html"
],
[
"softmax-fashion",
"architecture-softmax_regression.html"
],
[
"softmax-mnist",
"architecture-softmax_regression.html"
],
[
"softmax_regression",
"architecture-softmax_regression.html"
],
[
"softmax_regression (32 pixels)",
"architecture-softmax_regression.html"
],
[
"svm-fashion",
"architecture-linear_svm.html"
],
[
"svm-mnist",
"architecture-linear_svm.html"
],
[
"text_cnn",
"architecture-text_cnn.html"
],
[
"text_cnn (embedding 100)",
"architecture-text_cnn.html"
],
[
"text_cnn-ag_news",
"architecture-text_cnn.html"
],
[
"tiny_shakespeare (language modelling)",
"board-tiny_shakespeare-language_modelling.html"
],
[
"unet",
"architecture-unet.html"
],
[
"unet (width 12, 700 pixels)",
"architecture-unet.html"
],
[
"unet-isbi2012",
"architecture-unet.html"
],
[
"unigram-tiny_shakespeare",
"architecture-ngram.html"
],
[
"yolo_v3",
"architecture-yolo_v3.html"
],
[
"yolo_v3 (width 8, blocks [1, 1, 1, 1], 192 x 256 pixels)",
"architecture-yolo_v3.html"
],
[
"yolo_v3-bccd",
"architecture-yolo_v3.html"
]
];
