"""What a customer's orders are completed with, and where that is looked up."""
