"""Files that are whole or not there, and files from others that are read with care."""
