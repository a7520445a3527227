"""What sound files are made of: containers, sample formats, loudspeakers."""
