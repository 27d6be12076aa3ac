// Notes what the browser's own notifications say, and lets a test turn to something else and come back.
window.rung = [];
const Real = window.Notification;
window.Notification = class extends Real {
  constructor(title, options) {
    super(title, options);
    window.rung.push(title);
  }
};
let looks = true;
Object.defineProperty(document, "visibilityState", { get: () => (looks ? "visible" : "hidden") });
window.turnAway = () => {
  looks = false;
};
window.comeBack = () => {
  looks = true;
  document.dispatchEvent(new Event("visibilitychange"));
};
