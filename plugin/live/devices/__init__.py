"""Sound devices: the backend protocol, PortAudio, duplex bridge, stream requests."""
