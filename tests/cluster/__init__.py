"""The cluster of docker-compose.yaml: its file, and the same services for real without Docker."""
