// Keeps the queue page true while the job waits, and opens the server when it is ready.
const text = (id, value) => {
  const element = document.getElementById(id);
  if (element.textContent !== value) element.textContent = value;
};

function moment(iso) {
  if (!iso) return "not known yet";
  const time = new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return `about ${time} (it may move)`;
}

function show(event) {
  if (event.message) text("queue-message", event.message);
  const queue = event.queue;
  if (!queue) return;
  text("queue-place", queue.place ? String(queue.place) : "–");
  text("queue-starts", queue.state === "running" ? "it has started" : moment(queue.starts));
  text("queue-job", queue.job || "–");
  text("queue-explanation", queue.explanation.join(" "));
}

function fail(event) {
  const failure = document.getElementById("queue-failure");
  text("queue-title", "");
  text("queue-message", "Your notebook could not start.");
  text("queue-starts", "–");
  // html_message is made by the hub, which escapes whatever comes from the job.
  if (event.html_message) failure.innerHTML = event.html_message;
  else failure.textContent = event.message;
  failure.hidden = false;
  const home = document.createElement("a");
  home.className = "btn btn-primary";
  home.href = `${window.jhdata.base_url}home`;
  home.textContent = "Back to your courses";
  document.getElementById("queue-actions").replaceChildren(home);
}

const starts = document.getElementById("queue-starts");
starts.textContent = moment(starts.dataset.moment);

const source = new EventSource(window.queueProgressUrl);
source.onmessage = (message) => {
  const event = JSON.parse(message.data);
  if (event.failed) {
    source.close();
    fail(event);
  } else if (event.ready) {
    source.close();
    window.location.reload();
  } else {
    show(event);
  }
};
