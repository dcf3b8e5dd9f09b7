"""Six queues with a fault each, really made, the same for one name each time: lesson 10."""
