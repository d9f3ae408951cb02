"""Extractors: pixels in, features out. One file each; the file's name is the extractor's.

An extractor gives

    IMAGE_SIZE   the side in pixels to which images are resized; None: the dataset's own height and width
    CHANNELS     how many channels it wants; None: the dataset's own
    WEIGHTED     does it have weights (a file, `imagenet`, `random`)?

and one of the three:

    graph(size, channels, weights) -> bytes    an ONNX graph: uint8 [n, height, width, channels] -> float32 [n, d]
    fit_graph(sample, say) -> bytes            the same, fitted to some of the dataset's own images, uint8 [n, h, w, c]
    features(images) -> array                  the same as a function, where there is no graph

`graph` runs once per weights, in the driver; the workers run what it gives in ONNX Runtime. It raises InputError for
weights that it cannot load. `fit_graph` runs once per dataset, in the driver: it sees train and unlabelled images and
no labels, gives the same bytes for the same images, and tells `say` what it does.

An extractor with IMAGE_SIZE None may give LARGEST: the longest side in pixels that it takes without shrinking.
"""
