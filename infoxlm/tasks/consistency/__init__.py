"""Consistency regularization (xTune, Zheng et al. 2021) around the objective of any task."""
