"""The manifests and scripts of deploy/k8s."""
