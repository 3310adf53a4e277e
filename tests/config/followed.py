"""Which pages' commands are typed by a test, and the few commands that are not, with the reason."""

from __future__ import annotations

from docpages import blocks

CHECKED_HERE = {
    "README.md:2": "an answer's headers: each is held against a real answer's by test_tutorial.py",
    "docs/how-to/get-alerts.md:1": "an event as it is posted: test_docs.py makes it again of its own fields",
}
"""What is no command and no code, and what is done with it."""

NOT_RUN = {
    "pip install": "asks the network; that its extras are ours is checked",
    "make ": "holds this test, takes an hour, or is started by tests/proxy/test_run.py (`run`)",
    "curl -i http://127.0.0.1:4000/v1/chat/completions": "typed by tests/proxy/test_run.py",
    'curl -s -H "Authorization: Bearer $KEY" "http://127.0.0.1:4000/spend/logs"': "needs Postgres",
    "litellm-tiering train --embedding": "downloads an embedding model",
}
"""Beginnings of commands that are not run; that they can be parsed is checked."""

STATUSES = {
    "litellm-tiering check --config config.yaml --strict": (0, 1),  # warnings are findings there
    "litellm-tiering tune ": (0, 4),  # few lines may promise nothing; the tutorial's must
}
"""Beginnings of commands that may leave with another exit status than 0."""

FOLLOWED = sorted({b.page for b in blocks("sh")} - {"docs/tutorial.md", "CONTRIBUTING.md"})
"""The tutorial is followed by a fixture of its own."""
