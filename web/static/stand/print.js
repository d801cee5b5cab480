// Opens the dialog of the printer when the day sheet is shown.
addEventListener("load", () => print());
