"""Pictures of sound: overview images and before/after figures."""
