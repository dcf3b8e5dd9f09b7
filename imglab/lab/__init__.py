"""What a class needs on top: a Redis of its own and whatever a notebook shows."""
