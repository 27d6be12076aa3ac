// Stopping a server: the named one, and no other.
function stopServer(name) {
  const hub = window.jhdata;
  const path = name ? `servers/${encodeURIComponent(name)}` : "server";
  return fetch(`${hub.base_url}api/users/${encodeURIComponent(hub.user)}/${path}`, {
    method: "DELETE",
    headers: { "X-XSRFToken": hub.xsrf_token },
  }).then((answer) => {
    if (!answer.ok) throw new Error(`the hub answered ${answer.status}`);
  });
}

for (const button of document.querySelectorAll("[data-stop-server]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "Stopping…";
    try {
      await stopServer(button.dataset.stopServer);
      window.location.assign(`${window.jhdata.base_url}home`);
    } catch (error) {
      button.disabled = false;
      button.textContent = "Stop";
      document.getElementById("campus-problem").textContent = `It could not be stopped: ${error.message}. Try again.`;
    }
  });
}
