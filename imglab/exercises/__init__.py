"""What the lessons ask: each exercise's hints, solution and judge; one file a lesson."""
