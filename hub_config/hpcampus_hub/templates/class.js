// Keeps the class's table true: looks again soon while a notebook is on its way, and now and then otherwise.
const SOON = 3000;
const LATER = 15000;

async function look() {
  const problem = document.getElementById("campus-problem");
  try {
    const answer = await fetch(window.location.href);
    if (!answer.ok) throw new Error(`the hub answered ${answer.status}`);
    update(new DOMParser().parseFromString(await answer.text(), "text/html"));
    problem.textContent = "";
  } catch (error) {
    problem.textContent = `What you see may be old: ${error.message}. It is tried again.`;
  }
  setTimeout(look, document.querySelector("[data-on-the-way]") ? SOON : LATER);
}

// Only what changed, so that ticks and the focus stay and screen readers hear no more than the news.
function update(fresh) {
  showMoments(fresh);
  for (const there of document.querySelectorAll("[data-live]")) {
    const now = fresh.querySelector(`[data-live="${CSS.escape(there.dataset.live)}"]`);
    if (now && now.innerHTML !== there.innerHTML) there.replaceChildren(...now.childNodes);
  }
}

setTimeout(look, SOON);
