// Moments in the time and language of whoever reads them.
for (const moment of document.querySelectorAll("time[datetime]")) {
  moment.textContent = new Date(moment.dateTime).toLocaleString([], { dateStyle: "long", timeStyle: "short" });
}
