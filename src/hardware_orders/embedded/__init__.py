"""The whole system on one machine: the supervisor behind `hardware-orders up` and `hardware-orders demo`."""
