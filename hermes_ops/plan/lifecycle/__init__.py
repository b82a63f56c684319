"""What happens to services: started, restarted, stopped, drained, and watched until ready."""
