"""Policies judged offline: by the same engine as in the proxy, on recorded traffic and outcomes."""
