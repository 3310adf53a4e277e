"""Classifiers: from a request's features and bounded text to a rank, or a score that stands for one."""
