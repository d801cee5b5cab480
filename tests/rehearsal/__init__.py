"""What the deployment files describe, started by what a container engine starts it with."""
