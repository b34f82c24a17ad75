"""Acceptance: group commit, the bell, waiting for the settled order, and the sweep."""
