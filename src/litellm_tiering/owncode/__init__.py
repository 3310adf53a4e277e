"""Functions that owners write, gates and classifiers: found by name, called within a time limit."""
