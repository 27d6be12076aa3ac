// Moments in the time and language of whoever reads them.
function inWords(moment, timeStyle) {
  return new Date(moment).toLocaleString([], { dateStyle: "medium", timeStyle });
}

function showMoments(page) {
  for (const moment of page.querySelectorAll("time[datetime]")) {
    moment.textContent = inWords(moment.dateTime, "seconds" in moment.dataset ? "medium" : "short");
  }
}

showMoments(document);
