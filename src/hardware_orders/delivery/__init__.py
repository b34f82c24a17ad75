"""Carries events from the log to whoever reads them; knows no orders."""
