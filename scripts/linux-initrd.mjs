// Makes an initramfs for a stock Linux kernel of Debian: our init (test/systems/linux/init.c) and the kernel's own
// e1000 driver.  node scripts/linux-initrd.mjs E1000.KO OUTPUT      (docs/booting.md says where to get both)
// The archive is cpio's "newc" format, uncompressed (the kernel's Documentation/driver-api/early-userspace).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [driver, output] = process.argv.slice(2);
if (!output) {
  console.error('usage: node scripts/linux-initrd.mjs E1000.KO OUTPUT');
  process.exit(2);
}

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;
const FILE = 0o100644;

/** The bytes of a 32-bit static Linux program. */
function compile(source) {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-init-'));
  try {
    const program = join(directory, 'init');
    const flags = '-target x86-linux-musl -mcpu=i586 -static -Os -s -Wall -Wextra -Werror'.split(' ');
    const done = spawnSync('npx', ['zig', 'cc', ...flags, '-o', program, source], { stdio: 'inherit' });
    if (done.status !== 0) process.exit(1);
    return readFileSync(program);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

let inode = 1;

/** One entry: a header of hexadecimal fields, the name, the data, each padded to 4 bytes. */
function entry(name, mode, data = Buffer.alloc(0)) {
  const fields = [inode++, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${fields.map(v => v.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(header)), padded(data)]);
}

function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

const archive = Buffer.concat([
  entry('dev', DIRECTORY),
  entry('proc', DIRECTORY),
  entry('init', PROGRAM, compile('test/systems/linux/init.c')),
  entry('e1000.ko', FILE, readFileSync(driver)),
  entry('TRAILER!!!', 0),
]);
writeFileSync(output, archive);
console.log(`${output}: ${archive.length} bytes`);
