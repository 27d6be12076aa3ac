// The new due date is typed by the clock of whoever types it; the server is told how far that is from UTC then.
const due = document.getElementById("due");
document.getElementById("zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
due.form.addEventListener("submit", () => {
  if (due.value) due.form.elements.minutes_from_utc.value = new Date(due.value).getTimezoneOffset();
});
