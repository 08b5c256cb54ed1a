"""Safe Settings and Safe Outputs: workspaces, query gateway, disclosure control, airlock."""
