"""Extractors: pixels in, features out. One file each; the file's name is the extractor's.

An extractor gives

    IMAGE_SIZE   the side in pixels to which images are resized; None: the dataset's own height and width
    CHANNELS     how many channels it wants; None: the dataset's own
    WEIGHTED     does it have weights (a file, `imagenet`, `random`)?

and one of the two:

    graph(size, channels, weights) -> bytes    an ONNX graph: uint8 [n, height, width, channels] -> float32 [n, d]
    features(images) -> array                  the same as a function, where there is no graph

`graph` runs once per weights, in the driver; the workers run what it gives in ONNX Runtime. It raises InputError for
weights that it cannot load.
"""
