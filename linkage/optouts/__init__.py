"""The list of national opt-outs: asked for through MESH, kept in a store of its own, applied to every disclosure."""
