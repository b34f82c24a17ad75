"""What the vendor's contract says of the bodies that a client sends: their fields, their limits and their values."""
