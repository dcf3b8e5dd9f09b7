"""A task queue on Redis, image filters, and the workers that bring the two together."""
