"""Labellers: which unlabelled images get a pseudo-label, and which one. One file each; the file's name is the
labeller's.

A labeller says what it thinks of every image by

    opinion(scene, setting) -> array    of `pseudo.Scene`: [n, classes], probabilities that sum to 1, or a row of zeros
                                        where it has no opinion

or names other labellers as its `PARTS`, whose opinions it pools. `THRESHOLD` is the calibrated probability from which a
label is accepted where the run leaves that open; `SETTINGS`, where it has them, are the values of `setting` among which
given labels choose (None where there are none). What is the same for all of them is in `pseudo`: calibration on given
labels that an opinion did not see, the threshold, images out of distribution.
"""
