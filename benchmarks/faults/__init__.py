"""What is lost when things break: see __main__.py."""
