// Deadlines where assignments are handed in, and Formgrader in a tab, because nothing of a campus may be in a frame.

class Deadlines {
  constructor(app, { ServerConnection }) {
    this.connection = ServerConnection;
    this.settings = app.serviceManager.serverSettings;
    this.section = document.createElement("section");
    this.section.className = "hpcampus-deadlines";
    this.section.setAttribute("aria-label", "Deadlines");
    this.section.setAttribute("aria-live", "polite");
    // The list of submissions is written anew whenever something was handed in.
    this.observer = new MutationObserver(() => this.ask());
  }

  // nbgrader makes its panel when it is first opened, and another one after that was closed.
  look() {
    const panel = document.querySelector("#nbgrader-assignment-list #assignments");
    if (!panel || panel.contains(this.section)) return;
    panel.prepend(this.section);
    this.observer.disconnect();
    this.observer.observe(panel.querySelector("#submitted_assignments_list"), { childList: true });
    this.ask();
  }

  // One question at a time; what changes meanwhile is asked afterwards.
  async ask() {
    this.again = Boolean(this.asking);
    if (this.asking) return;
    this.asking = true;
    try {
      const answer = await this.connection.makeRequest(`${this.settings.baseUrl}campus/deadlines`, {}, this.settings);
      const told = await answer.json();
      this.show(answer.ok ? told.assignments.map(inWords) : [`Deadlines can't be shown: ${told.message}`]);
    } catch {
      this.show(["Deadlines can't be shown now. Your courses page has them too."]);
    }
    this.asking = false;
    if (this.again) this.ask();
  }

  show(sentences) {
    const items = sentences.map((sentence) => {
      const item = document.createElement("li");
      item.textContent = sentence;
      return item;
    });
    const list = document.createElement("ul");
    list.append(...items);
    if (list.textContent !== this.section.textContent) this.section.replaceChildren(list);
  }
}

function inWords({ title, due, closes, attempts, used, extended }) {
  const parts = [due ? `due ${moment(due)}${extended ? " (your own extension)" : ""}` : "no due date"];
  if (closes) parts.push(`nothing is accepted after ${moment(closes)}`);
  parts.push(attempts ? `submitted ${used} of ${attempts} times` : `submitted ${used} times`);
  return `${title}: ${parts.join("; ")}`;
}

// In the time zone and language of whoever reads it.
function moment(text) {
  return new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

export function plugins(services) {
  return [
    {
      id: "hpcampus-grading:deadlines",
      description: "When assignments are due, in the Assignment List.",
      autoStart: true,
      activate: (app) => {
        const deadlines = new Deadlines(app, services);
        app.shell.layoutModified.connect(() => deadlines.look());
      },
    },
    {
      id: "hpcampus-grading:formgrader",
      description: "Formgrader in a tab of its own.",
      autoStart: true,
      // The command that nbgrader's menu asks for; its own plug-in for it is switched off.
      activate: ({ commands, serviceManager: { serverSettings } }) =>
        void commands.addCommand("nbgrader:open-formgrader", {
          label: "Formgrader",
          execute: () => void window.open(`${serverSettings.baseUrl}formgrader`, "_blank", "noopener"),
        }),
    },
  ];
}
