"""One file a version, each both ways."""
