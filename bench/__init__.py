"""The benchmark: a tutorial's design and this project under the same load, on the same machine, in one run."""
