"""What JupyterHub needs to give a workspace: runs in the hub's own environment and imports nothing of the haven."""
