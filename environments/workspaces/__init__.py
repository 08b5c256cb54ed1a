"""Safe Settings: a place of work per project, with no way out but the gateway and the airlock."""
