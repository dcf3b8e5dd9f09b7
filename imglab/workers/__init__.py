"""Workers: the only place where pictures and queues meet."""
