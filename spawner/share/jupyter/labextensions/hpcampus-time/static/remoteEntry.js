// The container that JupyterLab loads an extension from (module federation), written by hand: what it needs of
// JupyterLab's own modules it takes from the share scope, so there is nothing to bundle.
(() => {
  const here = document.currentScript.src;
  let shared = {};

  // JupyterLab is the only one to offer its own packages: extensions ask for them as singletons.
  async function module(name) {
    const [offer] = Object.values(shared[name]);
    return (await offer.get())();
  }

  async function extension() {
    const [application, services, widgets, time] = await Promise.all([
      module("@jupyterlab/application"),
      module("@jupyterlab/services"),
      module("@lumino/widgets"),
      import(new URL("time.js", here)),
    ]);
    return time.plugin(application, services, widgets);
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["hpcampus-time"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const plugin = await extension();
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
