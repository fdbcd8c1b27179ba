/** A part that takes no longer is not worth a line (ms). */
const QUIET_MS = 2_000;
/** How often a long part says that it still runs where there is no terminal (ms). */
const REMINDER_MS = 30_000;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Shows the parts under way: on a terminal one line that moves, elsewhere a line when something happens. */
export function createProgress(out) {
  const lines = new Set();
  const view = out.isTTY ? terminalView(out, lines) : plainView(out, lines);
  return {
    say: (text) => view.print(`set-up: ${text}`),
    start(title) {
      const line = { title, doing: 'working', startedAt: Date.now(), told: undefined };
      lines.add(line);
      const end = (how) => {
        lines.delete(line);
        if (elapsedMs(line) >= QUIET_MS) view.print(`set-up: ${title} ${how} (${seconds(line)} s)`);
      };
      return {
        doing: (text) => {
          line.doing = text;
        },
        done: () => end('ready'),
        failed: () => end('failed'),
      };
    },
    close: () => view.close(),
  };
}

function terminalView(out, lines) {
  let frame = 0;
  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    const texts = [...lines].map((line) => `${line.title}: ${line.doing} ${Math.round(elapsedMs(line) / 1000)} s`);
    const text = `${FRAMES[frame]} ${texts.join(' · ')}`;
    out.write(`\r\x1b[K${texts.length > 0 ? text.slice(0, (out.columns || 80) - 1) : ''}`);
  };
  const timer = setInterval(draw, 100);
  return {
    print: (text) => out.write(`\r\x1b[K${text}\n`),
    close() {
      clearInterval(timer);
      out.write('\r\x1b[K');
    },
  };
}

function plainView(out, lines) {
  const print = (text) => out.write(`${text}\n`);
  const remind = () => {
    for (const line of lines) {
      const due = line.told === undefined ? QUIET_MS : line.told + REMINDER_MS;
      if (elapsedMs(line) < due) continue;
      line.told = elapsedMs(line);
      print(`set-up: ${line.title}: ${line.doing} (${Math.round(line.told / 1000)} s so far)`);
    }
  };
  const timer = setInterval(remind, 500);
  return { print, close: () => clearInterval(timer) };
}

function elapsedMs(line) {
  return Date.now() - line.startedAt;
}

function seconds(line) {
  return (elapsedMs(line) / 1000).toFixed(1);
}
