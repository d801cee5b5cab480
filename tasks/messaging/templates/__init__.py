"""What messages say: phrases by language, one layout for each form, and what fills them."""
