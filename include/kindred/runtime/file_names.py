"""The name of each file that one part writes and another reads."""

# in a run's folder
RUN = "run.json"  # the values of the form, and the run's id in MLflow
METRICS = "metrics.json"  # all figures, flat
SUMMARY = "summary.txt"  # the table of the console
REPORT = "report.html"
STATE = "state.json"  # whether it is at work, since when, until when
PINNED = "pinned.json"  # neither deleted nor pruned
DELETING = "deleting.json"  # what is left of a run whose deletion has begun
TABLE = "table.csv"  # of a study: published, reproduced, ours
MATCHES = "matches.json"  # of image matching: {query file: [gallery files, nearest first, each with its scores]}
PREDICTIONS, REJECTED = "predictions.csv", "rejected.csv"  # of the DAG predict
# in a stage's folder
MARK = "_DONE.json"  # commits an attempt
OUTCOME = "_OUTCOME.json"  # how its last try ended
READING = "_READING.json"  # which attempt of an earlier version of the dataset it reuses rows of, while it does
# in an attempt's folder
LOCK = "_LOCK"  # held while it is at work; it says on which machine
EXTRACTOR = "extractor.onnx"
TEXT_ENCODER, TOKENIZER = "text_encoder.onnx", "tokenizer.json"  # of an extractor that also takes words
NETWORK = "network.npz"
DESCRIPTION = "description.json"  # of the final model: classes, channels, extractor
MODEL = "model.onnx"  # decoded pixels -> probabilities
EXAMPLE = "example"  # an encoded image
KNOWN_CLASSES = "known-classes.npz"  # which images are of none of the classes; where novelty was learned
CENTROIDS, CLUSTERING = "centroids.npz", "clustering.npz"
CONVNET = "network.keras"
ABOUT, LOWER_BOUNDS, CELLS = "about.json", "screens.npz", "cells.npz"  # of an index
GROUPS = "groups.npz"  # beside it: the groups of images of the same thing
# elsewhere
SERVING = "serving.json"  # in KINDRED_DATA: the champion pointer
HISTORY = "serving/history"  # in KINDRED_DATA: the folder with a file for each promotion
PUBLISHED = "published.json"  # in a bucket: every file of a published run with its size and SHA-256
