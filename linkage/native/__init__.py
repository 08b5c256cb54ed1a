"""What is compiled here? One kernel, for tokens; the haven does without where there is none."""
