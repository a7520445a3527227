"""Single notes and phrases, detectors of their pitch, and denoisers in front of these."""
