'use strict';
// What ssh2 sees of a server.
const fs = require('fs');
const crypto = require('crypto');
const { Client } = require('ssh2');

const E = process.env;
const tell = (...what) => console.log(...what.map((w) => (typeof w === 'string' ? w : JSON.stringify(w))));
const known = fs.readFileSync(E.COMPAT_KNOWN_HOSTS, 'utf8').trim().split('\n').map((l) => l.split(' ')[2]);
const conn = new Client();
const call = (on, name, ...args) => new Promise((done, fail) => on[name](...args, (err, value) => (err ? fail(err) : done(value))));

async function attempt(name, promise) {
  try {
    tell(name, (await promise()) ?? null);
  } catch (e) {
    tell(name, 'raises', String(e.code ?? ''), e.message);
  }
}

function finish(stream, input) {
  return new Promise((done) => {
    const out = crypto.createHash('sha256');
    let text = '', err = '', n = 0;
    stream.on('data', (d) => { out.update(d); n += d.length; if (text.length < 300) text += d; });
    stream.stderr.on('data', (d) => { err += d; });
    stream.on('close', (code, signal) => done({ out: n < 300 ? text : n + ' ' + out.digest('hex'), err, code, signal }));
    if (input !== undefined) stream.end(input);
  });
}

const run = async (command, options = {}, input) => finish(await call(conn, 'exec', command, options), input);

function lines(stream, want) { // resolves when the stream has said what is wanted
  return new Promise((done) => {
    let said = '';
    const look = (d) => { said += d; if (said.includes(want)) { stream.removeListener('data', look); done(said); } };
    stream.on('data', look);
  });
}

async function shell() {
  const s = await call(conn, 'shell', { term: 'xterm', rows: 30, cols: 90 });
  s.write("exec bash --norc --noprofile\n");
  await new Promise((r) => setTimeout(r, 1000));
  s.write("stty -echo; PS1=''; echo rea''dy\n");
  await lines(s, 'ready');
  let said = lines(s, 'done');
  s.write("stty size; echo do''ne\n");
  const first = (await said).includes('30 90');
  s.setWindow(50, 100, 0, 0);
  said = lines(s, 'done');
  s.write("stty size; echo do''ne\n");
  const second = (await said).includes('50 100');
  const end = finish(s);
  s.write('exit 5\n');
  return { first, second, code: (await end).code };
}

async function signal(name) {
  const s = await call(conn, 'exec', "echo up; exec sleep 3");
  await lines(s, 'up');
  const end = finish(s);
  s.signal(name);
  const { code, signal } = await end;
  return { code, signal };
}

async function files() {
  const sftp = await call(conn, 'sftp');
  const at = (p) => E.COMPAT_REMOTE + '/' + p, here = (p) => E.COMPAT_LOCAL + '/' + p;
  const body = Buffer.alloc(5000000, 'a line of the body\n');
  fs.writeFileSync(here('body'), body);
  await call(sftp, 'mkdir', at('d'));
  await attempt('fastPut', () => call(sftp, 'fastPut', here('body'), at('d/body'), { concurrency: 64, chunkSize: 32768 }));
  await attempt('fastGet', () => call(sftp, 'fastGet', at('d/body'), here('back'), { concurrency: 64, chunkSize: 10000 }));
  tell('same', fs.readFileSync(here('back')).equals(body));
  await new Promise((done, fail) => fs.createReadStream(here('body')).pipe(sftp.createWriteStream(at('d/streamed'))).on('close', done).on('error', fail));
  const hash = crypto.createHash('sha256');
  await new Promise((done, fail) => sftp.createReadStream(at('d/streamed')).on('data', (d) => hash.update(d)).on('end', done).on('error', fail));
  tell('streamed', hash.digest('hex') === crypto.createHash('sha256').update(body).digest('hex'));
  await attempt('writeFile', () => call(sftp, 'writeFile', at('d/f'), 'content'));
  await attempt('appendFile', () => call(sftp, 'appendFile', at('d/f'), ' and more'));
  await attempt('readFile', async () => String(await call(sftp, 'readFile', at('d/f'))));
  const h = await call(sftp, 'open', at('d/f'), 'r+');
  await attempt('write at', () => call(sftp, 'write', h, Buffer.from('C'), 0, 1, 0));
  await attempt('fstat', async () => (await call(sftp, 'fstat', h)).size);
  await attempt('fsetstat', () => call(sftp, 'fsetstat', h, { size: 10 }));
  await call(sftp, 'close', h);
  await attempt('a handle that is closed', () => call(sftp, 'fstat', h));
  await attempt('stat', async () => { const s = await call(sftp, 'stat', at('d/f')); return [s.size, s.mode.toString(8)]; });
  await attempt('readdir', async () => (await call(sftp, 'readdir', at('d'))).map((f) => f.filename).sort());
  await attempt('symlink', () => call(sftp, 'symlink', 'f', at('d/l')));
  await attempt('readlink', () => call(sftp, 'readlink', at('d/l')));
  await attempt('rename', () => call(sftp, 'rename', at('d/f'), at('d/g')));
  await attempt('rename onto another', () => call(sftp, 'rename', at('d/g'), at('d/body')));
  await attempt('posix rename', () => call(sftp, 'ext_openssh_rename', at('d/g'), at('d/body')));
  await attempt('hardlink', () => call(sftp, 'ext_openssh_hardlink', at('d/body'), at('d/h')));
  await attempt('statvfs', async () => (await call(sftp, 'ext_openssh_statvfs', at('d'))).f_bsize > 0);
  await attempt('realpath', () => call(sftp, 'realpath', at('d/../d')));
  await attempt('chmod', () => call(sftp, 'chmod', at('d/h'), 0o600));
  await attempt('utimes', () => call(sftp, 'utimes', at('d/h'), 1000000000, 1000000000));
  await attempt('rmdir of one that is not empty', () => call(sftp, 'rmdir', at('d')));
  await attempt('unlink', () => call(sftp, 'unlink', at('d/l')));
  await attempt('no such', () => call(sftp, 'stat', at('no-such')));
  await attempt('100 at once', async () => (await Promise.all(Array.from({ length: 100 }, () => call(sftp, 'stat', at('d/body'))))).length);
  sftp.end();
}

conn.on('ready', async () => {
  for (const line of ['true', 'exit 42', 'echo out; echo err >&2', 'kill -TERM $$', 'seq 1 100000', 'no-such-program']) await attempt(line, () => run(line));
  await attempt('input', () => run('cat', {}, Buffer.alloc(3000000, 'x')));
  await attempt('environment', () => run('echo $GF_ONE$OTHER', { env: { GF_ONE: '1', OTHER: '2' } }));
  await attempt('pty', () => run('stty size; tty >/dev/null && echo a terminal', { pty: { rows: 33, cols: 99 } }));
  await attempt('shell', shell);
  for (const name of ['TERM', 'KILL', 'HUP']) await attempt('signal ' + name, () => signal(name));
  await attempt('subsystem', async () => finish(await call(conn, 'subsys', 'no-such')));
  await attempt('9 at once', () => Promise.all(Array.from({ length: 9 }, (_, i) => run('cat; exit ' + i, {}, 'to ' + i))));
  await files();
  await attempt('forward', () => call(conn, 'forwardOut', '127.0.0.1', 1, '127.0.0.1', 1));
  await attempt('after it', () => run('echo on'));
  conn.end();
}).on('error', (e) => { tell('error', e.message); process.exitCode = 1; })
  .on('end', () => tell('end')).connect({
    host: E.COMPAT_HOST, port: Number(E.COMPAT_PORT), username: E.COMPAT_USER, privateKey: fs.readFileSync(E.COMPAT_KEY),
    hostVerifier: (key) => known.includes(key.toString('base64')), keepaliveInterval: 1000, keepaliveCountMax: 60,
  });
