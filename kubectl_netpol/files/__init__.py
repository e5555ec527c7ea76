"""Documents in files: read strictly, whoever wrote them, and written so that no half of one is ever seen."""
