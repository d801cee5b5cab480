"""Staff sign in and keep their accounts."""
