// The container that JupyterLab loads an extension from (module federation), written by hand as hpcampus-time's is.
(() => {
  const here = document.currentScript.src;
  let shared = {};

  async function extension() {
    const [offer] = Object.values(shared["@jupyterlab/services"]);
    const [services, grading] = await Promise.all([offer.get(), import(new URL("grading.js", here))]);
    return grading.plugins(services());
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["hpcampus-grading"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const plugins = await extension();
      return () => ({ __esModule: true, default: plugins });
    },
  };
})();
