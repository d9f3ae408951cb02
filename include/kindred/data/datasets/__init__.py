"""Datasets: where images come from. One file each; the file's name is the dataset's.

A dataset gives two functions:

    sources(path, say) -> list[Source]          the files that it is made of, found (or fetched) under `path`
    read(spark, sources, limit) -> DataFrame    their images as rows of `raw_images.SCHEMA`, at most `limit` of each
                                                split (None: all)

and may give four more:

    check(path)                                 raises InputError for what a listing shows, before Spark starts
    check_labels(sources)                       raises InputError where the labels cannot train a classifier, which a
                                                run that needs none does not ask for
    check_matched(sources)                      raises InputError where there are no queries or no gallery, for a run
                                                that matches them
    files(sources, limit) -> list[Source]       the files whose rows of `read` only name them: a later version of the
                                                dataset reuses what was read if they have not changed

and a number, where it is labelled throughout, so that all labels would leave no unlabelled image:

    LABELS_PER_CLASS                            how many are given where the run's params name no number (else all)

and modules beside its own file, where they read its images:

    CODE                                        parts of its fingerprint

A dataset that takes more than a path (`variants.DATASET_PARAMS`) gets these params by keyword in all its functions.

`sources` raises InputError, with one line, for what does not exist or does not fit together; `say` takes a line of
progress. The sources, and the bytes of the dataset's own file, are part of its fingerprint: when one of them changes,
the images are read again.

What is sorted by class takes a limit by `image_limit`, which gives all classes their turn. What people have written as
a label or a split is read by `label_spelling`, so that it means the same in every dataset.

One that can have several labels an image has the param `task`. With its value multi_label the column label is what
`known_labels.encoded` writes.

`read` gives known labels only (null: not known), in the splits train, unlabeled and test, and query and gallery for
images to match. Where there is no test image, ingest sets a stratified fifth of the labelled ones aside. What an
image's row holds, and which files the workers read themselves, stands at `raw_images.SCHEMA`; `kindred.data.sources`
finds files.

>>> from kindred.runtime import variants
>>> variants.load("dataset", "image_folder").sources("", print)
Traceback (most recent call last):
kindred.runtime.errors.InputError: dataset image_folder needs a path: the folder that holds the images
"""
