"""Workspaces as pods of a cluster: the same description as on one server, said in Kubernetes' words. Pure."""
