"""Message texts: phrases by language, a layout for each form of e-mail, and the rendering."""
