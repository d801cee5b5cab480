// Opens the dialog of the printer when the day sheet or the notice for the door is shown.
addEventListener("load", () => print());
