"""Labellers: who gets a pseudo-label. One file each; the file's name is the labeller's.

    accept(scores, threshold) -> DataFrame

`scores` has a row for each unlabelled image and each base model: fold (-1: the model fitted on all labels), image_id,
prediction, confidence, probabilities. What comes back holds those that get a label: fold, image_id, label, confidence,
source = pseudo, weight (how much it counts in training, given labels count 1), round, and the score that let it in.
"""
