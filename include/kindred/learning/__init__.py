"""Labels in, classifier out: given labels, folds, classifiers, pseudo-labels, the gate."""
