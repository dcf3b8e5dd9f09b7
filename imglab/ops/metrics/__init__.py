"""Figures for whoever runs queues and workers, as Prometheus reads them; needs prometheus-client.

Names follow https://prometheus.io/docs/practices/naming: a unit at the end, `_total` where a figure
only grows.
"""
