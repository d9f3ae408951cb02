"""Extractors: pixels in, features out. One file each; the file's name is the extractor's.

An extractor gives

    IMAGE_SIZE   the side in pixels to which images are resized; None: the dataset's own height and width
    CHANNELS     how many channels it takes, 1 or 3, to which images are converted; None: the dataset's own
    WEIGHTED     whether it has weights (a file, `imagenet`, `random`)

and one of the four:

    graph(size, channels, weights) -> bytes    an ONNX graph: uint8 [n, height, width, channels] -> float32 [n, d]
    fit_graph(sample, say) -> bytes            the same, fitted to a sample of the dataset, uint8 [n, h, w, c]
    features(images) -> array                  a function in place of a graph: uint8 [n, h, w, c] -> float32 [n, d]
    network(weights, preprocessing, output)    an `onnx_files.Network`, which has its own size, channels and resizing

Before the graph of `fit_graph` there may be what ONNX has no operator for, which runs in the workers too:

    local_features(images) -> array            what the graph takes in place of the images

`graph` runs once per weights, in the driver; the workers run what it gives in ONNX Runtime. It raises InputError for
weights that it cannot load. `fit_graph` runs once per dataset, in the driver: it sees train and unlabelled images and
no labels, gives the same bytes for the same images, and reports to `say` what it does. `features` runs in the workers.

One with `fit_graph` may give SAMPLE_IMAGES and MIN_SAMPLE_IMAGES, how many images it learns from at most and at least;
without them these are the constants of `extractor_setup`. One that learns by epochs gives VIEWS, how many images it
sees in all of them (0: it keeps its random weights), and keeps its curves in the graph by `training_curves`.

PACKAGES names what pip installs for its features alone: a served model with another extractor does without.

CODE names the modules of its own beside its file, where its features depend on them: they are part of its fingerprint.

One with weights gives IMAGENET_SHA256, the hash of its ImageNet weights, where a package of pip brings them; without it
Keras loads them, and downloads them once.

One with `network` may give check(weights, preprocessing), which raises InputError for what shows before the run starts,
and text(weights, say), the `text_files.TextTower` whose vectors are comparable with its own, or None: the search then
takes words.

An extractor with IMAGE_SIZE None may give MAX_SIDE_PX: larger images are shrunk until their longer side is that long.

One with `graph` may give EARLIER_MAP, the name of a layer before the last, of larger maps. Its `graph` takes that name
as a fourth argument, or None, and with it gives the average of that layer and of the last one side by side, each
divided by its length.
"""
