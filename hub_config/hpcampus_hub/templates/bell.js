// Tells people who have turned to something else that their notebook is ready: those who asked for it.
const BELL = "campus-bell";
const bell = document.getElementById("queue-bell");
const hasBell = "Notification" in window && window.isSecureContext;

function rings() {
  return hasBell && localStorage.getItem(BELL) === "on" && Notification.permission === "granted";
}

// Whether somebody was told; a page that they look at needs no bell.
function ring(title, body) {
  if (!rings() || document.visibilityState === "visible") return false;
  try {
    const notification = new Notification(title, { body, tag: BELL });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
    return true;
  } catch {
    return false; // Browsers of phones have the name, but not the thing.
  }
}

async function toggle() {
  const allowed = rings() || (await Notification.requestPermission()) === "granted";
  localStorage.setItem(BELL, allowed && !rings() ? "on" : "off");
  bell.setAttribute("aria-pressed", String(rings()));
  document.getElementById("campus-problem").textContent = allowed
    ? ""
    : "Your browser doesn't let this page tell you. You can allow it in the browser's settings for this site.";
}

if (hasBell) {
  bell.hidden = false;
  bell.setAttribute("aria-pressed", String(rings()));
  bell.addEventListener("click", toggle);
}
