"""Webhooks: the log of events sent on to receivers, each in order and at its own pace (docs/adr/0022)."""
