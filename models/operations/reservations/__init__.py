"""Operations by guests and staff on a reservation before it is due."""
