"""What several tests need: a server, a project, the processes of one, the clock."""
