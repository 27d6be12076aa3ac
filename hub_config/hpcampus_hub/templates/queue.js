// Keeps the queue page true while the job waits, and opens the server when it is ready.
const AGAIN_SECONDS = 3;
const SILENT_SECONDS = 40; // The hub says something every 15 s.
const ANNOUNCE_SECONDS = 10;

const byId = (id) => document.getElementById(id);
const write = (id, value) => {
  if (byId(id).textContent !== value) byId(id).textContent = value;
};
const seconds = () => performance.now() / 1000;

const { url: progress, home: serversPage } = window.queueNow;
let now = window.queueNow;
let heard = seconds();

function ago(age) {
  if (age < 90) return `${Math.round(age)} s ago`;
  return age < 5400 ? `${Math.round(age / 60)} min ago` : `${Math.round(age / 3600)} h ago`;
}

function estimate() {
  const { starts, state } = now.queue;
  if (state === "running") return "it has started";
  return starts ? `about ${inWords(starts, "short")}` : "not known yet";
}

function showEstimate() {
  const { starts, state } = now.queue;
  const said = now.age === null ? "" : `the scheduler said so ${ago(now.age + seconds() - heard)}; `;
  write("queue-starts", starts && state !== "running" ? `${estimate()} (${said}it may move)` : estimate());
}

function item(event) {
  const li = document.createElement("li");
  const at = document.createElement("time");
  at.dateTime = event.at;
  at.textContent = inWords(event.at, "medium");
  const text = document.createElement("span");
  text.textContent = event.moment ? `${event.text} ${inWords(event.moment, "short")}` : event.text;
  li.append(at, " ", text);
  return li;
}

// Screen readers hear what has changed, and not more often than one can listen.
let announced = announcement();
let announcing = false;

function announcement() {
  const place = now.queue.place ? ` Place in the queue: ${now.queue.place}.` : "";
  const start = now.queue.starts && now.queue.state !== "running" ? ` Estimated start: ${estimate()}.` : "";
  return `${now.message}${place}${start}`;
}

function announce() {
  if (announcing || announcement() === announced) return;
  announced = announcement();
  write("queue-announcement", announced);
  announcing = true;
  setTimeout(() => {
    announcing = false;
    announce();
  }, ANNOUNCE_SECONDS * 1000);
}

function show(event) {
  if (!event.queue) return;
  const newHistory = JSON.stringify(event.history) !== JSON.stringify(now.history);
  now = event;
  heard = seconds();
  write("queue-message", now.message);
  write("queue-place", now.queue.place ? String(now.queue.place) : "–");
  write("queue-job", now.queue.job || "–");
  write("queue-explanation", now.queue.explanation.join(" "));
  showEstimate();
  if (newHistory) byId("history").replaceChildren(...now.history.map(item));
  announce();
}

function fail(event) {
  const cancelled = event.message === "Spawn cancelled";
  const failure = byId("queue-failure");
  write("queue-title", "");
  write("queue-message", cancelled ? "It was cancelled." : "Your notebook could not start.");
  write("queue-starts", "–");
  write("queue-place", "–");
  // html_message is made by the hub, which escapes whatever comes from the job.
  if (event.html_message) failure.innerHTML = event.html_message;
  else failure.textContent = cancelled ? "Your place in the queue is free again." : event.message;
  failure.hidden = false;
  const home = document.createElement("a");
  home.className = "btn btn-primary";
  home.href = `${window.jhdata.base_url}home`;
  home.textContent = "Back to your courses";
  byId("queue-actions").replaceChildren(home);
  if (!cancelled) ring("Your notebook could not start", "Its page says why.");
}

function enter() {
  if (!ring("Your notebook is ready", document.querySelector("h1").textContent)) {
    window.location.reload();
    return;
  }
  write("queue-message", "Your notebook is ready.");
  document.addEventListener("visibilitychange", () => window.location.reload(), { once: true });
}

// The hub restarts, say. A failed start answers with an error too, so an answer's status tells nothing.
async function untilTheHubAnswers() {
  write("queue-message", "The hub doesn't answer just now; your place is kept. This page tries again by itself.");
  try {
    const answer = await fetch(window.location.href);
    if (answer.headers.has("X-JupyterHub-Version")) {
      // A hub that has just started doesn't know the server yet; the server's own page leads on from there.
      if (answer.status === 404) window.location.assign(serversPage);
      else window.location.reload();
    }
  } catch {
    // Not even the proxy is there.
  }
  setTimeout(untilTheHubAnswers, AGAIN_SECONDS * 1000);
}

const source = new EventSource(progress);
source.onmessage = (message) => {
  const event = JSON.parse(message.data);
  if (!event.failed && !event.ready) {
    show(event);
    return;
  }
  source.close();
  if (event.failed) fail(event);
  else enter();
};

function lose() {
  source.close();
  setTimeout(untilTheHubAnswers, AGAIN_SECONDS * 1000);
}

source.onerror = lose;

for (const button of document.querySelectorAll("[data-stop-server]")) button.hidden = false;
showEstimate();
setInterval(() => {
  showEstimate();
  // A proxy keeps the connection although the hub at its other end is gone.
  if (source.readyState !== EventSource.CLOSED && seconds() - heard > SILENT_SECONDS) lose();
}, 5000);
