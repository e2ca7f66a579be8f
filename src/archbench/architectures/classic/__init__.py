"""Classic classifiers: linear, by neighbours, of one or two hidden layers."""
