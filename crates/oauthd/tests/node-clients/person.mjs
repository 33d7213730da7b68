// The person in front of the browser is played by the test that started this program: it is told where to go and
// how to decide, and answers with the URL that the browser was sent to in the end.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function visit(url, decision = 'approve') {
  console.log(`VISIT ${decision} ${url}`);
  const { value } = await lines.next();
  return new URL(value);
}

// The same for a device: the page, the code to be typed there, and the decision. The answer is the heading of the last page.
export async function connect(uri, code, decision = 'approve') {
  console.log(`CONNECT ${decision} ${code} ${uri}`);
  return (await lines.next()).value;
}

export const issuer = process.env.ISSUER;
export const web = { id: 'web', secret: process.env.WEB_SECRET, redirect: 'https://web.example/other' };
export const native = { id: 'native', redirect: 'http://127.0.0.1:50999/callback' };
export const machine = { id: 'machine', secret: process.env.MACHINE_SECRET };

export const television = { id: 'tv' };
export const mailer = { id: 'mailer', secret: process.env.WEB_SECRET };
export const page = { id: 'page', redirect: 'https://page.example/callback' };
export const alice = process.env.ALICE_PASSWORD;

// The test looks for this line: a program that ends early has not passed.
export function finish() {
  console.log('DONE');
  process.exit(0);
}
