"""`fleet.logs` and `gateway.logs`: the logs of gateways, merged by time, and followed."""
