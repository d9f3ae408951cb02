"""Clusterers: they divide images into groups by their features, without labels. One file each; the file's name is the
clusterer's.

A clusterer gives

    clusters(pool, k, seed) -> array    of a `pseudo_label_types.Pool` of n images: [n] int, the cluster of each, 0 to
                                        k - 1, none of them empty; the same for the same seed

It may give MAX_CLUSTERS, where it is made for few clusters: above that it is not asked. Where there are more labels
than classes, its clusters are one for each class, and each of them is divided.

What is common to all is not here: which clustering of several is the best, and which image stands for a cluster
(`representatives`).
"""
