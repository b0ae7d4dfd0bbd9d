"""Tables, sections and pictures, on the terminal and in files."""
