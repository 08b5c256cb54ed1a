"""What is in this file, whatever its name says? One inspector for each type that may leave; all else is refused."""
