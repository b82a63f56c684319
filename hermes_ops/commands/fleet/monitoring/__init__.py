"""What `fleet.status` does beside its answer: alerts, metrics, a configuration for Gatus."""
