"""Classifiers: features in, class probabilities out. One file each; the file's name is the classifier's.

A classifier has one of the first two functions, and each makes a `networks.Network`:

    fit(features, labels, weights, classes, seed, setting) -> Network     in one process
        features [n, d] float32, labels [n] int (0 to classes - 1), weights [n] float64
    fit_frame(frame, classes, seed) -> Network                            in Spark
        a DataFrame of image_id, features array<float>, label int, weight double
    fit_folds(features, labels, weights, classes, seed, setting) -> list[Network]    beside `fit`: p fits at once
        labels [p, n], weights [p, n], 0 where a fit does not see an image
    fit_label_sets(features, present, weights, seed, setting) -> list[Network]       of several labels an image: p fits
        present [p, n, classes] bool, weights [p, n, classes], 0 where a class is not known, or a fit does not see it;
        networks with `thresholds`: each class has a probability of its own

It declares `TAKES_WEIGHTS` and, where cross-validation has something to choose, `SETTINGS`: values of `setting` in the
order in which they are tried, until one is worse than the one before it; that in the middle is taken unless another is
clearly better. `fit` gets one of them (None where there are none). Rows come sorted by image_id, so results do not
depend on the order of files or on partitions.
"""
