// An extension of JupyterLab: shows in a notebook what its cells have said while its page was closed.
//
// JupyterLab itself shows what a cell says only on the page that has run it. The service sends what was said since to the
// page that comes next, from the cell's beginning, and says which cell it belongs to. This file is loaded as it is: it needs
// nothing of JupyterLab but the objects that it is given.
(() => {
  // The member of a message's metadata with the id of its cell (`crates/relay/src/hub.rs`).
  const CELL = 'hearth_cell';
  // The member with the message's number. What was on its way when a connection broke comes again, with the same one.
  const SEQUENCE = 'hearth_sequence';

  function follow(panel, context) {
    // The cells that are being told, by the ids of the requests that have run them.
    const told = new Map();
    // Where displays are that may be updated, by their ids.
    const displays = new Map();
    // The number of the latest message of each kernel, by the kernels' ids.
    const latest = new Map();
    // Messages come before the notebook is there, and are shown in the order in which they have come.
    let before = context.ready;

    context.sessionContext.iopubMessage.connect((_, message) => {
      const kernel = context.sessionContext.session?.kernel;
      const number = message.metadata?.[SEQUENCE];
      if (number <= latest.get(kernel?.id)) {
        return;
      }
      if (number !== undefined) {
        latest.set(kernel?.id, number);
      }
      // What this page has run itself is shown by JupyterLab.
      if (message.parent_header?.msg_id && message.parent_header.session !== kernel?.clientId) {
        before = before.then(() => show(message)).catch(error => console.error(error));
      }
    });

    function cellOf(message) {
      const id = message.metadata?.[CELL];
      const cells = panel.isDisposed ? [] : panel.content.widgets;
      const model = id && cells.map(cell => cell.model).find(model => model.id === id);
      return model?.type === 'code' ? model : undefined;
    }

    function show(message) {
      const request = message.parent_header.msg_id;
      let run = told.get(request);
      if (!run) {
        const cell = cellOf(message);
        if (!cell) {
          return;
        }
        run = { cell, count: null };
        told.set(request, run);
        cell.clearExecution();
        cell.executionState = 'running';
        cell.trusted = true;
      }
      const { cell } = run;
      const { msg_type: type } = message.header;
      const content = message.content;
      switch (type) {
        case 'stream':
        case 'error':
        case 'execute_result':
        case 'display_data': {
          const { transient, ...output } = content;
          cell.outputs.add({ ...output, output_type: type });
          const id = transient?.display_id;
          if (id) {
            displays.set(id, [...(displays.get(id) ?? []), { cell, at: cell.outputs.length - 1 }]);
          }
          break;
        }
        case 'update_display_data': {
          const { transient, ...output } = content;
          for (const { cell, at } of displays.get(transient?.display_id) ?? []) {
            if (at < cell.outputs.length) {
              cell.outputs.set(at, { ...output, output_type: 'display_data' });
            }
          }
          break;
        }
        case 'clear_output':
          cell.outputs.clear(content.wait);
          break;
        case 'execute_input':
          run.count = content.execution_count;
          break;
        case 'status':
          if (content.execution_state === 'idle') {
            told.delete(request);
            cell.executionCount = run.count;
            cell.executionState = 'idle';
          }
          break;
      }
    }
  }

  const plugin = {
    id: 'hearth:outputs',
    description: 'Shows what cells have said while the page was closed.',
    autoStart: true,
    activate: app => {
      app.docRegistry.addWidgetExtension('Notebook', { createNew: follow });
    }
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.hearth = {
    init: () => undefined,
    get: async () => () => ({ __esModule: true, default: [plugin] })
  };
})();
