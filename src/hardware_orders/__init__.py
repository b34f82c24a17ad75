"""Hardware Orders: takes orders for payment terminals, settles them, and tells everybody what became of them."""

__version__ = "0.1.0"
