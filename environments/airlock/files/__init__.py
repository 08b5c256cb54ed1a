"""What lies on disk: sealed containers, the outbox with its signed manifests, the public register."""
