"""Clusterers: they divide images into groups by their features, without labels. One file each; the file's name is the
clusterer's.

A clusterer gives

    clusters(pool, k, seed) -> array    of a `pseudo_label_types.Pool` of n images, not all alike: [n] int, the cluster
                                        of each, 0 to k - 1, with 1 < k < n; the same for the same seed

Clusters may be empty: of twins k-means makes fewer, and heads may collapse. `clusterings` makes k of them, and says how
many there were. A clusterer may give CODE, the modules that its clusters depend on beside its own
file, `kmeans` and the graph, and MAX_CLUSTERS, where it is made for few clusters: above that it is not asked. Where
there are more labels than classes, its clusters are one for each class, and each of them is divided.

What is common to all is not here: which clustering of several is the best (`cluster_choice`; with few labels
`representatives`), the layer that gives unseen images a cluster (`carried_over`), and which image stands for a cluster
(`representatives`).
"""
