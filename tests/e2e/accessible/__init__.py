"""Every page is accessible, in the light and in the dark, and no word of it is cut."""
