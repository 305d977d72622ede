"""What the process says of itself, for Prometheus (docs/metrics.md).

`controller.meter` is all that the rest of the controller knows of it: a protocol of six sentences. Nothing but this
package knows prometheus-client.
"""
