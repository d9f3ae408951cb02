"""Labellers: pseudo-labelling methods. They say which class each unlabelled image probably is. One file each; the
file's name is the labeller's.

A labeller estimates the class of every image by

    probabilities(view, setting) -> array     of a `pseudo_label_types.View`: [n, classes], rows that sum to 1, or a row
                                              of zeros where it has no opinion

or names other labellers as its `MEMBERS`, whose probabilities are pooled, and as its `UNCALIBRATED_MEMBERS` those of
them where no given label can be held out. `THRESHOLD` is the calibrated probability
from which a label is accepted where the run leaves that open; `SETTINGS`, where it has them, are the values of
`setting` whose probabilities are pooled (None where there are none).

What is the same for all of them is not here: the calibration on given labels that a view does not know
(`held_out_calibration`), the images out of distribution (`novelty`), the threshold (`pseudo_labels`).
"""
