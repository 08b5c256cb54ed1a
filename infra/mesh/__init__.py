"""MESH on this machine: NHS England's sandbox with a simulated national service behind it, for trials and the demo."""
