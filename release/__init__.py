"""What a release consists of: the program frozen for a platform, packed for krew, and the filled manifest."""
