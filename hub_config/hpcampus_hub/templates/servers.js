// Stopping a server, and removing one that is stopped: the named one, and no other.
async function deleteServer(name, remove) {
  const hub = window.jhdata;
  const path = name ? `servers/${encodeURIComponent(name)}` : "server";
  const user = `${hub.base_url}api/users/${encodeURIComponent(hub.user)}`;
  const headers = { "X-XSRFToken": hub.xsrf_token, "Content-Type": "application/json" };
  const answer = await fetch(`${user}/${path}`, {
    method: "DELETE",
    headers,
    body: JSON.stringify({ remove }),
  });
  if (!answer.ok) throw new Error(`the hub answered ${answer.status}`);
  // 202: the job takes its time to end.
  let stopping = answer.status === 202;
  while (stopping) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const look = await fetch(user, { headers });
    if (!look.ok) throw new Error(`the hub answered ${look.status}`);
    const model = await look.json();
    stopping = model.servers?.[name]?.pending === "stop";
  }
}

function act(button, name, remove, doing) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = doing;
    try {
      await deleteServer(name, remove);
      window.location.assign(`${window.jhdata.base_url}home`);
    } catch (error) {
      button.disabled = false;
      button.textContent = label;
      document.getElementById("campus-problem").textContent = `That didn't work: ${error.message}. Try again.`;
    }
  });
}

for (const button of document.querySelectorAll("[data-stop-server]")) {
  act(button, button.dataset.stopServer, false, "Stopping…");
}
for (const button of document.querySelectorAll("[data-remove-server]")) {
  act(button, button.dataset.removeServer, true, "Removing…");
}
