import { describe, expect, it } from 'vitest';
import { NEWS, openNotifier, startMailServer } from './support.ts';

const TARGET = {
  kind: 'email',
  from: 'mediwatch@example.org',
  to: ['a@example.org', 'b@example.org'],
  smtpEnv: 'SMTP',
};

/** A mail server's answer to a command. */
function refusal(responseCode: number, message: string) {
  return Object.assign(new Error(message), { responseCode });
}

describe('a mail', () => {
  it('reaches every recipient, as text and as HTML', async () => {
    const { port, mails } = await startMailServer();
    const notifier = await openNotifier([TARGET], { SMTP: `smtp://127.0.0.1:${port}` });
    expect(await notifier.send(NEWS)).toMatchObject([{ outcome: 'sent', attempts: 1, detail: '' }]);
    expect(mails).toMatchObject([{ from: 'mediwatch@example.org', to: ['a@example.org', 'b@example.org'] }]);
    const source = mails[0]?.source.replaceAll('=\r\n', '') ?? '';
    for (const part of [
      'Subject: [mediwatch] A retrain of MediWatchReadmit failed',
      'X-Mediwatch-Event: retrainFailed',
      'Message-ID: <retrain-1_failed@mediwatch>',
      'AUC < 0.6 & falling.',
      '<p>AUC &lt; 0.6 &amp; falling.<br>',
      'Workflow: http://127.0.0.1:8233/workflows/retrain-1',
    ]) {
      expect(source).toContain(part);
    }
  });

  it('is handed over with the user and password of the variable', async () => {
    const seen: unknown[] = [];
    const { port, mails } = await startMailServer({
      authOptional: false,
      onAuth({ username, password }, _session, callback) {
        seen.push([username, password]);
        callback(null, { user: username ?? '' });
      },
    });
    const notifier = await openNotifier([TARGET], { SMTP: `smtp://ward7:geheim@127.0.0.1:${port}` });
    expect(await notifier.send(NEWS)).toMatchObject([{ outcome: 'sent' }]);
    expect(seen).toEqual([['ward7', 'geheim']]);
    expect(mails).toHaveLength(1);
  });
});

describe('a mail server that', () => {
  it('is given a password with a "%" in it takes it as it is, and it is not told', async () => {
    const { port } = await startMailServer({
      authOptional: false,
      onAuth: ({ password }, _session, callback) => callback(refusal(535, `${password} is wrong`)),
    });
    const notifier = await openNotifier([TARGET], { SMTP: `smtp://ward7:50%off@127.0.0.1:${port}` });
    const [delivery] = await notifier.send(NEWS);
    expect(delivery).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('*** is wrong') });
    expect(JSON.stringify(delivery)).not.toContain('50%off');
  });

  it('knows another password is not asked again, and the password is not told', async () => {
    const { port } = await startMailServer({
      authOptional: false,
      onAuth: ({ password }, _session, callback) => callback(refusal(535, `${password} is wrong`)),
    });
    const notifier = await openNotifier([TARGET], { SMTP: `smtp://ward7:geheim@127.0.0.1:${port}` });
    const [delivery] = await notifier.send(NEWS);
    expect(delivery).toMatchObject({ outcome: 'failed', attempts: 1, detail: expect.stringContaining('Check user') });
    expect(JSON.stringify(delivery)).not.toContain('geheim');
  });

  it('is busy is asked again', async () => {
    let asked = 0;
    const { port, mails } = await startMailServer({
      onMailFrom(_address, _session, callback) {
        asked += 1;
        callback(asked < 3 ? refusal(451, 'Later') : null);
      },
    });
    const notifier = await openNotifier([TARGET], { SMTP: `smtp://127.0.0.1:${port}` });
    expect(await notifier.send(NEWS)).toMatchObject([{ outcome: 'sent', attempts: 3 }]);
    expect(mails).toHaveLength(1);
  });

  it('refuses one recipient has told the others, once', async () => {
    const { port, mails } = await startMailServer({
      onRcptTo: ({ address }, _session, callback) =>
        callback(address === 'b@example.org' ? refusal(550, 'Unknown') : null),
    });
    const notifier = await openNotifier([TARGET], { SMTP: `smtp://127.0.0.1:${port}` });
    expect(await notifier.send(NEWS)).toMatchObject([
      { outcome: 'failed', attempts: 1, detail: expect.stringContaining('refused b@example.org') },
    ]);
    expect(mails.map(({ to }) => to)).toEqual([['a@example.org']]);
  });

  it('has an address that is none is not asked', async () => {
    const notifier = await openNotifier([TARGET], { SMTP: 'mail.example.org' });
    expect(await notifier.send(NEWS)).toMatchObject([
      { outcome: 'failed', attempts: 1, detail: expect.stringContaining('SMTP is not the address') },
    ]);
  });
});
