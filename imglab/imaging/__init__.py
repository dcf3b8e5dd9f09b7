"""Image filters and the ways to combine them; knows nothing of queues."""
