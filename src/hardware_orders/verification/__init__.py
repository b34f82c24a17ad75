"""Proves that nothing is missing, altered or out of order: `hardware-orders events verify` (docs/events.md)."""
