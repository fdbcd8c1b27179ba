// `node setup/bootstrap.mjs [--test]`: sets up what is missing before `npm start` and `npm test`.
// Plain JavaScript without a dependency: it runs on the user's own Node, before anything is installed.
const [major] = process.versions.node.split('.').map(Number);

if (major < 20) {
  console.error(
    `Node 20 or newer is needed, and this is ${process.versions.node}: install it from https://nodejs.org and start again.`,
  );
  process.exit(1);
}

// Imported late, so that an older Node reaches the sentence above.
void import('./setUp.mjs').then(({ setUp }) => setUp({ test: process.argv.includes('--test') }));
