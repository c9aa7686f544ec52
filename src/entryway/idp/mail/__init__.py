"""Mail to users: reset, verification, invitation."""
