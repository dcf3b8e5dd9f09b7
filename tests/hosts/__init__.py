"""Three hosts on one machine: Redis on one, workers on the others, and cables that are cut."""
