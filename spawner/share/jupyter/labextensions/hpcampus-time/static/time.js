// How much time the notebook has left: a countdown in the top bar, warnings, saving in time, and the way back.
import { Message } from "./message.js";

const ENDS_SOON = "https://hpcampus.example/events/ends-soon";
const WARN_MINUTES = [15, 5];
const SAVE_SECONDS = [5 * 60, 60];
const ASK_SECONDS = 60; // a scheduler may give a job more time
const LOST_SECONDS = 5;
const NOT_RUNNING = 424; // what the hub answers in place of a server that is no more

class Time {
  constructor(app, ServerConnection, label) {
    this.app = app;
    this.connection = ServerConnection;
    this.settings = app.serviceManager.serverSettings;
    this.label = label;
    this.message = new Message();
    this.ends = null; // by this page's own clock, which need not be right
    this.again = "";
    this.warned = Infinity;
    this.saved = 0; // nothing is unsaved in a page that has just been opened
  }

  get left() {
    return this.ends === null ? null : Math.max(0, (this.ends - Date.now()) / 1000);
  }

  // One question at a time; the next one follows the answer.
  async ask() {
    clearTimeout(this.next);
    let answer = null;
    try {
      answer = await this.connection.makeRequest(`${this.settings.baseUrl}campus/time`, {}, this.settings);
    } catch {
      // Not reached: the same as an answer from a proxy that doesn't reach it.
    }
    const reached = Boolean(answer?.ok);
    if (reached) this.learn(await answer.json());
    else if (answer?.status === NOT_RUNNING) this.showEnd();
    else this.showLost();
    clearTimeout(this.next);
    this.next = setTimeout(() => this.ask(), 1000 * (reached ? ASK_SECONDS : LOST_SECONDS));
  }

  learn({ seconds, again }) {
    this.ends = seconds === null ? null : Date.now() + 1000 * seconds;
    this.again = again;
    this.message.hide("lost");
    this.message.hide("end");
    this.tick();
  }

  tick() {
    const left = this.left;
    this.label.hidden = left === null;
    if (left === null) return;
    this.label.textContent = inWords(left);
    this.label.title = `This notebook ends at ${this.clock()}. What is saved stays.`;
    const warning = lastReached(WARN_MINUTES.map((minutes) => 60 * minutes), left);
    // A job that was given more time is warned about anew.
    if (warning < this.warned && left > 0) this.warn(left);
    this.warned = warning;
    const saving = lastReached(SAVE_SECONDS, left);
    if (saving < this.saved && left > 0) this.save();
    this.saved = saving;
    this.label.classList.toggle("hpcampus-time-short", warning < Infinity);
  }

  warn(left) {
    this.message.show("warning", `${inWords(left)}: this notebook ends at ${this.clock()}. Open documents are saved before.`);
  }

  save() {
    return this.app.commands.execute("docmanager:save-all");
  }

  showLost() {
    if (this.left === 0) this.message.show("lost", "Your time is over. What was saved is in your home directory.");
    else this.message.show("lost", "This page can't reach your notebook. It is tried again every few seconds.");
  }

  showEnd() {
    const over = this.left !== null && this.left < 60;
    this.ends = null;
    this.label.hidden = true;
    this.message.hide("warning");
    this.message.hide("lost");
    const host = this.app.paths.urls.hubHost ?? "";
    const place = encodeURIComponent(window.location.pathname);
    this.message.show(
      "end",
      `${over || this.over ? "Your time is over." : "Your notebook has ended."} What was saved is in your home directory.`,
      this.again && { text: "Start again where I was", href: `${host}${this.again}&next=${place}` },
    );
    this.over ||= over;
  }

  clock() {
    return new Date(this.ends).toLocaleTimeString([], { timeStyle: "short" });
  }
}

function lastReached(limits, left) {
  return Math.min(Infinity, ...limits.filter((limit) => left <= limit));
}

function inWords(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (seconds <= 60) return `${Math.ceil(seconds)} s left`;
  if (minutes < 60) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

function style() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("time.css", import.meta.url);
  document.head.append(link);
}

function countdown(Widget) {
  const node = document.createElement("span");
  node.setAttribute("role", "timer");
  node.hidden = true;
  const widget = new Widget({ node });
  widget.id = "hpcampus-time";
  return widget;
}

// In place of JupyterHub's own dialog, which offers a start with other options than the learner had.
export function plugin({ IConnectionLost }, { ServerConnection }, { Widget }) {
  return {
    id: "hpcampus-time:plugin",
    description: "How much time this notebook has left.",
    autoStart: true,
    provides: IConnectionLost,
    activate: (app) => {
      style();
      const widget = countdown(Widget);
      const time = new Time(app, ServerConnection, widget.node);
      app.serviceManager.events.stream.connect((_, event) => {
        if (event.schema_id === ENDS_SOON) time.save();
      });
      app.restored.then(() => {
        app.shell.add(widget, "top", { rank: 10000 });
        time.ask();
        setInterval(() => time.tick(), 1000);
      });
      return async () => time.ask();
    },
  };
}
