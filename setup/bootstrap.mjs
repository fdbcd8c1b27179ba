// `node setup/bootstrap.mjs [--test] [--temporal | --no-temporal]`: sets up what is missing before `npm start` and
// `npm test`. The Temporal dev server is left out where the environment names another server: --temporal gets it all the
// same, --no-temporal never.
// Plain JavaScript without a dependency: it runs on the user's own Node, before anything is installed.
const [major] = process.versions.node.split('.').map(Number);

if (major < 20) {
  console.error(
    `Node 20 or newer is needed, and this is ${process.versions.node}: install it from https://nodejs.org and start again.`,
  );
  process.exit(1);
}

// Imported late, so that an older Node reaches the sentence above.
void import('./setUp.mjs').then(({ setUp }) => {
  const has = (flag) => process.argv.includes(flag);
  const temporal = has('--no-temporal') ? 'never' : has('--temporal') || has('--test') ? 'always' : 'unlessNamed';
  return setUp({ test: has('--test'), temporal });
});
