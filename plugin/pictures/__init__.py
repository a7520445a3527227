"""Pictures of sound: overviews, figures and PNG images."""
