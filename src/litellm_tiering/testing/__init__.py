"""Helpers for tests of this package, and for users' own."""
