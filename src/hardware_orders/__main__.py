"""`python -m hardware_orders` is the `hardware-orders` command."""

from hardware_orders.cli import main

main()
