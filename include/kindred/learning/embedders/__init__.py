"""Embedders: features in, vectors out whose cosine says whether two images match. One file each; the file's name is the
embedder's.

An embedder gives

    fit(features, classes, seed, say) -> Network    of features [n, d] float32 and their classes [n] int (0 or more), or
                                                    None: a `networks.Network` whose outputs, as unit vectors, are the
                                                    embedding (`embeddings.embed`); the same for the same seed
    LABELLED                                        whether it learns from classes; without it `classes` is not read

One that is labelled raises InputError unless two classes have two images or more, leaves images of other classes out
and reports to `say` how many. It also takes `views`, features [n, d] of another view of each image (its mirror image),
or None: an image and its other view are of one class and on one side of what is held out, and never a match for each
other. What learns in steps keeps its losses by epoch in `Network.losses`. It may give MAPS: of how many convolutional
maps it takes the features, where the extractor has an EARLIER_MAP.

One that learns from pixels gives PIXELS = True. Its features are images [n, h, w, c] from 0 to 1, by the extractor
`pixels`, it takes no views, and what it gives is a `pixel_encoder.PixelEncoder`, whose outputs are of the same pixels
row by row.
"""
