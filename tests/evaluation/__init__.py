"""The evaluator against judges that are not ours: random policies and flows, and the same answer from both."""
