"""What may a project see? Its approval, made into a file of its own."""
