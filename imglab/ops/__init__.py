"""What runs and proves a queue: its doctor, its users, and chaos with a judge."""
