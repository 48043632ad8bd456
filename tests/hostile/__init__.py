"""Hostile components in place of ours, each in a process of its own: what the sandbox promises."""
