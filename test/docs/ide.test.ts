/**
 * The page on editors and VS Code's manifest say what `launch` accepts (debug/dap/launch.ts). Both are written anew by
 * NOOKS86_UPDATE_DOCS=1.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LAUNCH, launchArguments, unknownKeys } from '../../debug/dap/launch.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const PAGE = join(DOCS, 'ide.md');
const MANIFEST = join(DOCS, 'vscode/package.json');
const KEYS = /(<!-- KEYS[^\n]*-->\n\| key[^\n]*\n[^\n]*\n)([\s\S]*?)(<!-- END KEYS -->)/;

const schemas = Object.entries(LAUNCH).map(([key, schema]) => {
  const { $schema: _, ...json } = z.toJSONSchema(schema) as Record<string, unknown>;
  return [key, json] as const;
});
const rows = schemas.map(([key, json]) => {
  const value = json.default === undefined ? '' : `\`${JSON.stringify(json.default)}\``;
  return `| \`${key}\` | ${value} | ${json.description} |\n`.replaceAll('|  |', '| |');
});

if (process.env.NOOKS86_UPDATE_DOCS) {
  writeFileSync(
    PAGE,
    readFileSync(PAGE, 'utf8').replace(KEYS, (_, head, __, tail) => head + rows.join('') + tail),
  );
  const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8'));
  manifest.contributes.debuggers[0].configurationAttributes.launch.properties = Object.fromEntries(schemas);
  writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
}

const page = readFileSync(PAGE, 'utf8');
const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8'));
const [contributed] = manifest.contributes.debuggers;

describe('the page', () => {
  const blocks = [...page.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(match => JSON.parse(match[1]));

  it('lists the keys', () => {
    expect(KEYS.exec(page)?.[2]).toBe(rows.join(''));
  });

  it('shows configurations that launch accepts', () => {
    const configurations = blocks.flatMap(block => block.configurations);
    expect(configurations.length).toBeGreaterThan(2);
    for (const configuration of configurations) {
      expect(configuration).toMatchObject({ type: contributed.type, request: 'launch' });
      expect(unknownKeys(launchArguments.parse(configuration))).toEqual([]);
    }
  });

  it('shows Lua whose keys launch accepts', () => {
    const lua = /^```lua\n([\s\S]*?)^```/m.exec(page)?.[1] ?? '';
    const configuration = /dap\.configurations\.c = \{\s*\{(.*)\},?\s*\}/s.exec(lua)?.[1] ?? '';
    const keys = [...configuration.matchAll(/(\w+) = /g)].map(match => match[1]);
    expect(keys).toContain('stopAt');
    expect(
      unknownKeys({ ...launchArguments.parse({}), ...Object.fromEntries(keys.map(k => [k, 1])) }),
    ).toEqual([]);
  });
});

describe('the manifest', () => {
  it('describes what launch accepts', () => {
    expect(contributed.configurationAttributes.launch.properties).toEqual(Object.fromEntries(schemas));
    for (const configuration of contributed.initialConfigurations)
      expect(unknownKeys(launchArguments.parse(configuration))).toEqual([]);
  });

  it('starts our command', () => {
    const program = join(DOCS, 'vscode', contributed.program);
    expect(existsSync(program)).toBe(true);
    // VS Code runs it as it is.
    expect(statSync(program).mode & 0o111).not.toBe(0);
    expect(readFileSync(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(contributed.args).toEqual(['dap']);
  });
});

it('a key that is misspelt is told', () => {
  expect(unknownKeys(launchArguments.parse({ isolatoin: 'none', __sessionId: 1, name: 'x' }))).toEqual([
    'isolatoin',
  ]);
});
