"""What is told to the outside: events to people and their systems, figures to Prometheus."""
