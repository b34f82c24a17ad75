"""The baseline: the same service as a tutorial on these libraries would build it. Nothing in it is slow on purpose."""
