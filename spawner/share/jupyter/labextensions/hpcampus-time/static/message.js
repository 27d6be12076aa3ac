const ANNOUNCE_MILLISECONDS = 100;

// A box in the corner that says one thing at a time, politely: screen readers announce it, the focus stays.
export class Message {
  constructor() {
    this.box = document.createElement("div");
    this.box.className = "hpcampus-time-message";
    this.box.hidden = true;
    this.text = document.createElement("p");
    this.text.setAttribute("role", "status");
    this.text.setAttribute("aria-live", "polite");
    this.link = document.createElement("a");
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.textContent = "Dismiss";
    this.button.addEventListener("click", () => this.close());
    const actions = document.createElement("div");
    actions.append(this.link, this.button);
    this.box.append(this.text, actions);
    document.body.append(this.box);
  }

  // The same text again stays dismissed.
  show(kind, text, link = null) {
    this.kind = kind;
    if (this.said === text) return;
    this.said = text;
    // Shown first, and filled when screen readers have seen it: what appears with its text isn't announced.
    this.text.textContent = "";
    this.box.hidden = false;
    setTimeout(() => this.text.replaceChildren(this.said), ANNOUNCE_MILLISECONDS);
    this.link.hidden = !link;
    if (link) {
      this.link.href = link.href;
      this.link.textContent = link.text;
    }
  }

  hide(kind) {
    if (this.kind !== kind) return;
    this.close();
    this.said = "";
  }

  close() {
    this.box.hidden = true;
  }
}
