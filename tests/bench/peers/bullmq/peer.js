// Fastify + BullMQ: the two routes and a job that does nothing. Role by argument, Redis by REDIS_URL.
import { Queue, Worker } from 'bullmq';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

const connection = () => new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const queue = () => new Queue('resend', { connection: connection() });
const now = () => performance.timeOrigin + performance.now();
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const pending = (id) => ({ status: 'pending', eta: new Date().toISOString(), links: [{ entity: 'job', href: `/Jobs/${id}` }] });
const envelope = (request, code, data) => ({ data, meta: { code, url: request.url, type: 'object', request_id: request.id } });

async function api() {
  const app = Fastify();
  const jobs = queue();
  app.patch('/api/patients/:patient/approvals/:approval/actions/resend', async (request, reply) => {
    const job = await jobs.add('resend', request.params);
    reply.code(202).header('location', `/Jobs/${job.id}`).header('retry-after', '1');
    return envelope(request, 202, pending(job.id));
  });
  app.get('/Jobs/:id', async (request, reply) => {
    const job = await jobs.getJob(request.params.id);
    if (!job) return reply.code(404).send({ error: { type: 'not_found', message: 'Not found' } });
    return envelope(request, 200, job.finishedOn ? { ...pending(job.id), status: 'processed' } : pending(job.id));
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  say({ message: 'listening', address: `127.0.0.1:${app.server.address().port}` });
}

async function worker() {
  const work = async (job) => {
    if (job.data.sent) say({ waited_ms: now() - job.data.sent });
  };
  const running = new Worker('resend', work, { connection: connection(), concurrency: 100 });
  await running.waitUntilReady();
  say({ message: 'listening', address: '127.0.0.1:0' });
}

// Enqueues jobs before the worker is started, with BullMQ's bulk call.
async function fill(jobs) {
  const target = queue();
  for (let left = jobs; left > 0; left -= 1000) {
    const data = { patient: crypto.randomUUID(), approval: crypto.randomUUID() };
    await target.addBulk(Array.from({ length: Math.min(left, 1000) }, () => ({ name: 'resend', data })));
  }
}

// Sends a job every 20 ms, with the time it was sent.
async function pickup(jobs) {
  const target = queue();
  for (let sent = 0; sent < jobs; sent += 1) {
    const until = now() + 20;
    await target.add('resend', { patient: crypto.randomUUID(), approval: crypto.randomUUID(), sent: now() });
    await new Promise((done) => setTimeout(done, Math.max(0, until - now())));
  }
}

const [role, jobs] = process.argv.slice(2);
await { api, worker, fill, pickup }[role](Number(jobs));
if (role === 'fill' || role === 'pickup') process.exit(0);
