"""The mail store: the only SQL in the tree. ``store.api`` is its public face; ``store.open`` opens one."""
