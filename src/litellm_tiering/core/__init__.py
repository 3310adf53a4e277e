"""The pure heart: values and functions only. No I/O, no clock, no randomness, standard library only."""
