"""Section 251: the support of the Confidentiality Advisory Group, as a record that flows are held against."""
