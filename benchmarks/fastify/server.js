// What the webhook lane is measured against in Node: the same work as ../textbook.py, one
// transaction an event, with what a careful Node developer takes: Fastify, pg with a pool and named
// (so prepared) statements, and the official library's constructEvent over the raw body.
import Fastify from 'fastify'
import pg from 'pg'
import Stripe from 'stripe'

const secret = process.env.STRIPE_WEBHOOK_SECRET
const stripe = new Stripe('sk_test_benchmark')
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 })
const fastify = Fastify()

const statements = {
  store: `INSERT INTO webhooks_stripeevent (id, type, created, livemode, api_version, object_id,
    registration_id, outcome, reason, payload, secret, duration_us, deliveries, attempts,
    received_at) VALUES ($1, $2, to_timestamp($3), false, $4, $5, $6, 'applied', '', $7, '', 0, 1,
    1, now()) ON CONFLICT DO NOTHING`,
  lock: `SELECT event_id, status, places, amount, currency FROM registrations_registration
    WHERE id = $1 FOR UPDATE`,
  pay: `UPDATE registrations_registration SET status = 'PAID', paid_at = now(),
    hold_expires_at = NULL, updated_at = now() WHERE id = $1`,
  count: 'UPDATE events_event SET confirmed = confirmed + $1, held = held - $1 WHERE id = $2',
  payment: `INSERT INTO payments_payment (key, registration_id, status, amount, currency, settles,
    refund_ordered, refunded, created_at, updated_at)
    VALUES ($1, $2, 'succeeded', $3, $4, true, 0, 0, now(), now())`,
  journal: `INSERT INTO registrations_journalentry (registration_id, from_status, to_status, reason,
    actor, stripe_event, at) VALUES ($1, 'PENDING', 'PAID', 'payment_received', 'webhook', $2,
    now())`,
  mail: `WITH m AS (INSERT INTO mail_message (registration_id, kind, recipient, locale, state,
    attempts, error, created_at, next_try_at) SELECT id, 'confirmed', contact_email, locale,
    'queued', 0, '', now(), now() FROM registrations_registration WHERE id = $1 RETURNING id)
    SELECT procrastinate_defer_jobs_v1(array_agg(ROW('mail', 'inscrit.mail.tasks.deliver', 0, NULL,
    NULL, jsonb_build_object('message_ids', ARRAY[id]), NULL)::procrastinate_job_to_defer_v1))
    FROM m`
}

fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body)
)

fastify.post('/stripe/webhooks', async (request, reply) => {
  let event
  try {
    event = stripe.webhooks.constructEvent(request.body, request.headers['stripe-signature'], secret)
  } catch {
    return reply.code(400).send({ error: 'bad request' })
  }
  await inTransaction((run) => confirm(event, request.body.toString(), run))
  return { received: true }
})

async function inTransaction (work) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await work((name, ...values) => client.query({ name, text: statements[name], values }))
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

async function confirm (event, body, run) {
  const session = event.data.object
  const id = session.metadata.registrationId
  const stored = await run(
    'store', event.id, event.type, event.created, event.api_version, session.id, id, body
  )
  if (!stored.rowCount) return
  const { rows: [found] } = await run('lock', id)
  if (found?.status !== 'PENDING') return
  if (found.amount !== session.amount_total || found.currency !== session.currency) return
  await run('pay', id)
  await run('count', found.places, found.event_id)
  await run('payment', session.payment_intent, id, found.amount, found.currency)
  await run('journal', id, event.id)
  await run('mail', id)
}

process.on('SIGTERM', async () => {
  await fastify.close()
  await pool.end()
})
await fastify.listen({ port: Number(process.argv[2]) })
