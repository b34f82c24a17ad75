"""The dashboard: pages for people, of orders and of the system as a whole. What is said here about one page holds for all.

A page is plain HTML that works without scripts; htmx keeps *Now* up to date where there are some (docs/adr/0024).
"""
