"""Task queues, in memory and in Redis; knows nothing of pictures."""
