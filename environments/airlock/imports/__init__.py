"""The airlock's other side: code and look-up tables that go in, looked at by somebody outside the project."""
